/* SPDX-License-Identifier: MIT
 *
 * builder: collects an image's bytes while a format's file is read. For the files of this room.
 *
 * A format is a `struct image_format`, one row in image.c. Its `read` walks image->file_bytes and
 * adds what is to be loaded, in any order; image_build() sorts, joins and looks for overlaps. To
 * name both places of an overlap it calls `read` a second time, so `read` must give the same both
 * times. That keeps the usual case free of book-keeping.
 */
#ifndef HIL_IMAGE_BUILDER_H
#define HIL_IMAGE_BUILDER_H

#include "image/image.h"

struct image_builder;

struct image_format {
    const char *name;
    const char *place; /* what the reader counts: "line", "block", "segment" */
    bool (*detect)(const uint8_t *bytes, size_t size);
    int (*read)(struct image_builder *builder, struct image *image, struct err *err);
};
extern const struct image_format image_elf, image_ihex, image_srec, image_uf2;

/* `where` is the number of the line or block, for the message about an overlap. Errors do not name
 * the file: the caller wraps them. Nothing is added for size 0. */
int image_builder_add(struct image_builder *builder, uint64_t address, const void *bytes,
                      size_t size, size_t where, struct err *err);
void image_builder_set_entry(struct image_builder *builder, uint64_t entry);

/* Fills the segments and entry of `image`, whose name, file_bytes and file_size are set. */
int image_build(const struct image_format *format, struct image *image, struct err *err);

#endif
