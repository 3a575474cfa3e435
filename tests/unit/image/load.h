/* SPDX-License-Identifier: MIT
 *
 * load: what this room's tests share: an image out of bytes, or the message that says why not.
 */
#ifndef HIL_TEST_IMAGE_LOAD_H
#define HIL_TEST_IMAGE_LOAD_H

#include "base/err.h"
#include "image/image.h"

#include <criterion/criterion.h>
#include <string.h>

#define cleanup_image __attribute__((cleanup(image_freep)))

static inline void image_freep(struct image **image)
{
    image_free(*image);
}

static inline struct image *load_bytes(const void *bytes, size_t size)
{
    struct image *image = NULL;
    struct err err = {0};

    cr_assert_eq(image_load("fw", bytes, size, NULL, &image, &err), 0, "%s", err.message);
    return image;
}

static inline struct image *load_text(const char *text)
{
    return load_bytes(text, strlen(text));
}

/* The load must fail with this code and message. */
static inline void refuse_bytes(const void *bytes, size_t size, enum err_code code,
                                const char *message)
{
    struct image *image = NULL;
    struct err err = {0};
    int rc = image_load("fw", bytes, size, NULL, &image, &err);

    cr_expect_eq(rc, -(int)code, "%d for: %s", rc, message);
    cr_expect_str_eq(err.message, message);
    image_free(image);
}

static inline void refuse_text(const char *text, const char *message)
{
    refuse_bytes(text, strlen(text), ERR_DATA, message);
}

static inline void expect_segment(const struct image *image, size_t i, uint64_t address,
                                  const void *bytes, size_t size)
{
    cr_assert_lt(i, image->count);
    cr_expect_eq(image->segments[i].address, address);
    cr_assert_eq(image->segments[i].size, size);
    cr_expect_arr_eq(image->segments[i].bytes, bytes, size);
}

#endif
