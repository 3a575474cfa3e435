/* SPDX-License-Identifier: MIT
 *
 * Identities as bytes, and bytes within images.
 */
#include "serve/rig_bytes.h"

#include "base/str.h"

#include <criterion/criterion.h>
#include <string.h>

#define TEXT(text) ((char *)(uintptr_t)(text))

Test(rig_bytes, forms)
{
    static const struct {
        enum pool_kind kind;
        const char *value;
        int form;
        uint64_t size;
        const char *bytes; /* NULL: refused */
        size_t count;
    } rows[] = {
        {POOL_MAC, "02:00:00:00:10:0a", FORM_DEFAULT, 0, "\x02\0\0\0\x10\x0a", 6},
        {POOL_MAC, "02:00:00:00:10:0a", FORM_REVERSED, 0, "\x0a\x10\0\0\0\x02", 6},
        {POOL_MAC, "02:00:00:00:10:0a", FORM_REVERSED, 8, "\x0a\x10\0\0\0\x02\xff\xff", 8},
        {POOL_MAC, "02:00:00:00:10:0a", FORM_TEXT, 18, "02:00:00:00:10:0a", 18},
        {POOL_MAC, "02:00:00:00:10:0a", FORM_BYTES, 4, NULL, 0},
        {POOL_SERIAL, "SN01", FORM_DEFAULT, 6, "SN01\0\0", 6},
        {POOL_SERIAL, "SN01", FORM_BYTES, 0, NULL, 0},
        {POOL_KEY, "00ffAB", FORM_BYTES, 0, "\x00\xff\xab", 3},
        {POOL_KEY, "00ffA", FORM_BYTES, 0, NULL, 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct rig_recipe recipe = {.form = rows[i].form, .size = rows[i].size};
        struct store_identity identity = {
            .kind = rows[i].kind, .value = TEXT(rows[i].value), .pool = TEXT("p")};
        cleanup_buf struct buf bytes = BUF_INIT(4096);
        struct err err = {0};
        int rc = rig_bytes(&recipe, &identity, &bytes, &err);
        cr_expect_eq(rc == 0, rows[i].bytes != NULL, "row %zu: %s", i, err.message);
        if (rc == 0 && rows[i].bytes) {
            cr_expect_eq(bytes.size, rows[i].count, "row %zu: %zu", i, bytes.size);
            cr_expect(!memcmp(bytes.data, rows[i].bytes, rows[i].count), "row %zu", i);
        }
    }
}

static struct image *firmware(void)
{
    static const char text[] = "0123456789abcdef";
    struct image_options options = {.has_at = true, .at = 0x08000000};
    struct image *image = NULL;

    cr_assert_eq(image_load("fw.bin", text, 16, &options, &image, NULL), 0);
    return image;
}

static int patched(uint64_t at, const char *text, struct image **ret, struct err *err)
{
    struct image *image = firmware();
    cleanup_buf struct buf bytes = BUF_INIT(4096);
    int rc;

    buf_adds(&bytes, text);
    rc = rig_bytes_patch(image, at, &bytes, ret, err);
    cr_expect(!memcmp(image->segments[0].bytes, "0123456789abcdef", 16), "the original stays");
    image_free(image);
    return rc;
}

Test(rig_bytes, a_patch_within_the_firmware)
{
    struct image *image = NULL;
    struct err err = {0};

    cr_assert_eq(patched(0x08000004, "WXYZ", &image, &err), 0, "%s", err.message);
    cr_expect_eq(image->count, 1);
    cr_expect_str_eq(image->name, "fw.bin");
    cr_expect_str_eq(image->format, "ihex");
    cr_expect(!memcmp(image->segments[0].bytes, "0123WXYZ89abcdef", 16));
    image_free(image);
}

Test(rig_bytes, a_patch_beside_the_firmware)
{
    static const uint64_t places[] = {0x08000020, 0x07ffff00};

    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        struct image *image = NULL;
        struct err err = {0};
        cr_assert_eq(patched(places[i], "WXYZ", &image, &err), 0, "%s", err.message);
        cr_expect_eq(image->count, 2);
        cr_expect_eq(image->segments[1 - i].address, places[i]);
        cr_expect(!memcmp(image->segments[1 - i].bytes, "WXYZ", 4));
        image_free(image);
    }
}

Test(rig_bytes, a_patch_half_within_is_refused)
{
    static const uint64_t places[] = {0x0800000e, 0x07fffffe};

    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        struct image *image = NULL;
        struct err err = {0};
        cr_expect_eq(patched(places[i], "WXYZ", &image, &err), -ERR_CONFIG);
        cr_expect(strstr(err.message, "half within"), "%s", err.message);
    }
}
