/* SPDX-License-Identifier: MIT
 *
 * uf2: which chips UF2 files are for, and an image as such a file.
 *
 * A UF2 bootloader takes only blocks of its own family (https://github.com/microsoft/uf2), and says
 * on its drive, in INFO_UF2.TXT, what board it is. Plain data and pure functions; any thread.
 */
#ifndef HIL_IMAGE_UF2_H
#define HIL_IMAGE_UF2_H

#include "base/buf.h"
#include "image/image.h"

/* A family's id by its name ("rp2040") or as a number (0xe48bff56). */
bool uf2_family_parse(const char *text, uint32_t *ret);
/* "rp2040 (0xe48bff56)", or the number alone. */
#define UF2_FAMILY_TEXT 48
const char *uf2_family_text(uint32_t family, char out[UF2_FAMILY_TEXT]);

/* What the board of this Board-ID takes: how many families, the first of them in *ret; 0: it is
 * not known. */
size_t uf2_board_families(const char *board_id, uint32_t *ret);
bool uf2_board_takes(const char *board_id, uint32_t family);

/* The family that a UF2 file is for; false: it is no such file, or for any. */
bool image_uf2_family(const struct image *image, uint32_t *ret);

/* Appends the image as UF2: blocks of 256 bytes at multiples of 256, numbered in order, for
 * `family`; what is padding is 0xFF. Sectors of 4 KiB are whole but for the end of the last one:
 * an RP2040 must see them so (erratum RP2040-E14); an RP2350's first block is one that it may lose
 * (RP2350-E10). -ERR_LIMIT: beyond 4 GiB, or ret's ceiling. */
int image_write_uf2(const struct image *image, uint32_t family, struct buf *ret, struct err *err);

#endif
