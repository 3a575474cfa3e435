/* SPDX-License-Identifier: MIT */
#include "board/flash/firmware.h"

#include "base/fs.h"
#include "base/str.h"
#include "image/layout.h"
#include "image/write.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LAYOUT_MAX ((size_t)8 << 20)
#define HEX_MAX (4 * IMAGE_LOAD_MAX) /* 45 characters say 16 bytes, or 13 one */

static int add_file(struct firmware *firmware, char *name, uint64_t address, const void *bytes,
                    size_t size, struct err *err)
{
    cleanup_free char *path = fs_join(firmware->dir, name);

    firmware->files = xrealloc(firmware->files, firmware->count + 1, sizeof *firmware->files);
    firmware->files[firmware->count++] =
        (struct firmware_file){.name = name, .address = address, .size = size};
    firmware->size_bytes += size;
    return fs_write(path, bytes, size, err);
}

static int write_original(const struct image *image, struct firmware *firmware, struct err *err)
{
    const char *suffix = strcmp(image->format, "ihex") ? image->format : "hex";

    return add_file(firmware, xasprintf("firmware.%s", suffix), image->segments[0].address,
                    image->file_bytes, image->file_size, err);
}

static int write_hex(const struct image *image, struct firmware *firmware, struct err *err)
{
    cleanup_buf struct buf text = BUF_INIT(HEX_MAX);
    int rc = image_write_ihex(image, &text, err);

    return rc < 0 ? rc
                  : add_file(firmware, xstrdup("firmware.hex"), image->segments[0].address,
                             text.data, text.size, err);
}

static int write_bins(const struct image *image, uint64_t block, const struct driver_env *env,
                      struct firmware *firmware, struct err *err)
{
    struct image_piece *pieces = NULL;
    size_t count = 0;
    int rc = image_pieces(image, block, &pieces, &count, err);

    for (size_t i = 0; i < count && rc == 0; i++)
        rc = driver_accepts(env, "with its padding", pieces[i].address, pieces[i].size, err);
    for (size_t i = 0; i < count && rc == 0; i++) {
        char *name = count == 1 ? xstrdup("firmware.bin") : xasprintf("firmware-%zu.bin", i + 1);
        rc = add_file(firmware, name, pieces[i].address, pieces[i].bytes, pieces[i].size, err);
    }
    image_pieces_free(pieces, count);
    return rc;
}

static int write_layout(const struct image *image, struct firmware *firmware, struct err *err)
{
    cleanup_buf struct buf text = BUF_INIT(LAYOUT_MAX);
    int rc = layout_write(image, &text, err);

    return rc < 0 ? rc : add_file(firmware, xstrdup("firmware.tsv"), 0, text.data, text.size, err);
}

int firmware_write(const struct image *image, enum firmware_form form, uint64_t block,
                   const struct driver_env *env, struct firmware *ret, struct err *err)
{
    const char *work_dir = env->work_dir ? env->work_dir : ".";

    *ret = (struct firmware){.dir = realpath(work_dir, NULL)};
    if (!ret->dir)
        return err_sys(err, errno, "%s", work_dir);
    if (form == FIRMWARE_LAYOUT)
        return write_layout(image, ret, err);
    if (form == FIRMWARE_HEX)
        return write_hex(image, ret, err);
    return form == FIRMWARE_BINS ? write_bins(image, block, env, ret, err)
                                 : write_original(image, ret, err);
}

void firmware_done(struct firmware *firmware)
{
    for (size_t i = 0; i < firmware->count; i++)
        free(firmware->files[i].name);
    free(firmware->files);
    free(firmware->dir);
    *firmware = (struct firmware){0};
}
