/* SPDX-License-Identifier: MIT
 *
 * write: an image's segments as files that flashing tools take: Intel HEX, or raw binaries.
 *
 * Files made here hold what was checked against the board's memory, byte for byte, and nothing
 * else. The bytes are the caller's. Nothing blocks.
 */
#ifndef HIL_IMAGE_WRITE_H
#define HIL_IMAGE_WRITE_H

#include "base/buf.h"
#include "image/image.h"

/* Appends the image as Intel HEX: 16 bytes a record, linear addresses, the entry where there is
 * one. -ERR_LIMIT where it passes 4 GiB, which the format cannot say, or ret's ceiling. */
int image_write_ihex(const struct image *image, struct buf *ret, struct err *err);

/* A run of segments as one raw binary; what lies between them is 0xFF, as erased NOR flash reads.
 */
struct image_piece {
    uint64_t address;
    uint8_t *bytes;
    size_t size;
};
/* Cuts the image into as few raw binaries as need be: segments that touch one and the same block of
 * `block` bytes (aligned; 0: the whole memory is one) come into one piece, so that a tool that
 * erases by sectors no larger than that never erases for one piece what it wrote of another.
 * -ERR_LIMIT where more than 16 MiB would be padding. */
int image_pieces(const struct image *image, uint64_t block, struct image_piece **ret, size_t *count,
                 struct err *err);
void image_pieces_free(struct image_piece *pieces, size_t count);

#endif
