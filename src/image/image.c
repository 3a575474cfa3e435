/* SPDX-License-Identifier: MIT */
#include "image/image.h"

#include "base/str.h"
#include "image/builder.h"
#include "image/layout.h"

#include <stdlib.h>
#include <string.h>

/* In the order in which they are tried; each needs bytes that the others never begin with. */
static const struct image_format *const formats[] = {&image_elf, &image_ihex, &image_srec,
                                                     &image_uf2};

static const struct image_format *detect(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
        if (formats[i]->detect(bytes, size))
            return formats[i];
    return NULL;
}

static int load_raw(struct image *image, uint64_t at, struct err *err)
{
    if (image->file_size > IMAGE_LOAD_MAX)
        return err_set(err, ERR_LIMIT, "%s: more than %zu MiB to load", image->name,
                       IMAGE_LOAD_MAX >> 20);
    if (at > UINT64_MAX - image->file_size)
        return err_set(err, ERR_USAGE, "%s: passes the end of memory when loaded at 0x%llx",
                       image->name, (unsigned long long)at);
    image->format = "bin";
    image->segments = xcalloc(1, sizeof *image->segments);
    image->segments[0] = (struct segment){
        .address = at, .bytes = xmalloc(image->file_size), .size = image->file_size};
    memcpy(image->segments[0].bytes, image->file_bytes, image->file_size);
    image->count = 1;
    image->size_bytes = image->file_size;
    return 0;
}

static int load(struct image *image, const struct image_options *options, struct err *err)
{
    const struct image_format *format = detect(image->file_bytes, image->file_size);
    bool has_at = options && options->has_at;

    if (!format && !has_at && layout_detect(image->file_bytes, image->file_size))
        return layout_read(image, err);
    if (!format && !has_at)
        return err_set(err, ERR_DATA,
                       "%s: neither ELF, Intel HEX, S-record, UF2 nor a flash layout; "
                       "if it is a raw binary, say where it belongs with --at ADDRESS",
                       image->name);
    if (!format)
        return load_raw(image, options->at, err);
    if (has_at)
        return err_set(err, ERR_USAGE, "%s: --at is for raw binaries; this %s file has addresses",
                       image->name, format->name);
    image->format = format->name;
    return image_build(format, image, err);
}

int image_load(const char *name, const void *bytes, size_t size,
               const struct image_options *options, struct image **ret, struct err *err)
{
    struct image *image;
    int rc;

    if (!size)
        return err_set(err, ERR_DATA, "%s: is empty", name);
    if (size > IMAGE_FILE_MAX)
        return err_set(err, ERR_LIMIT, "%s: larger than %zu MiB", name, IMAGE_FILE_MAX >> 20);
    image = xcalloc(1, sizeof *image);
    image->name = xstrdup(name);
    image->file_bytes = xmalloc(size);
    image->file_size = size;
    memcpy(image->file_bytes, bytes, size);
    rc = load(image, options, err);
    if (rc < 0) {
        image_free(image);
        return rc;
    }
    sha256_hex(bytes, size, image->sha256);
    *ret = image;
    return 0;
}

void image_free(struct image *image)
{
    if (!image)
        return;
    for (size_t i = 0; i < image->count; i++)
        free(image->segments[i].bytes);
    free(image->segments);
    layout_free(image->layout);
    free(image->build_id);
    free(image->file_bytes);
    free(image->name);
    free(image);
}
