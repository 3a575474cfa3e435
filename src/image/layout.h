/* SPDX-License-Identifier: MIT
 *
 * layout: an STM32MP's flash layout (.tsv): which files go into which partitions of its storage.
 *
 * https://wiki.st.com/stm32mpu, "STM32CubeProgrammer flashlayout": tab-separated columns Opt, Id,
 * Name, Type, Device, Offset, Binary; "none" is no file. image_load() reads the text; what it names
 * is looked for beside it, then in the current directory, by layout_resolve(), which reads all of
 * it: what is flashed is those files, so the image's digest is theirs as well. Blocks as long as
 * the disk does.
 */
#ifndef HIL_IMAGE_LAYOUT_H
#define HIL_IMAGE_LAYOUT_H

#include "base/buf.h"
#include "base/ctx.h"
#include "image/image.h"

#define LAYOUT_LINES_MAX 1000

struct layout {
    struct layout_file {
        size_t line;
        char *name; /* as the layout has it; NULL: none */
        char *path; /* absolute; NULL: not looked for yet */
        uint64_t size;
        char sha256[SHA256_HEX_SIZE];
    } * files; /* a row of the layout each */
    size_t count;
};

/* For image.c: whether it is one; then its rows. -ERR_DATA with the line. */
bool layout_detect(const uint8_t *bytes, size_t size);
int layout_read(struct image *image, struct err *err);
void layout_free(struct layout *layout);

/* Finds and reads the files; image->sha256 and size_bytes are of all of them then. -ERR_NOT_FOUND
 * with line and name; -ERR_CANCELLED. Harmless for other images. */
int layout_resolve(struct image *image, const struct ctx *ctx, struct err *err);
/* Appends the layout with absolute paths in place of the names, as whoever reads it may be
 * elsewhere. */
int layout_write(const struct image *image, struct buf *ret, struct err *err);

#endif
