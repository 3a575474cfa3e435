/* SPDX-License-Identifier: MIT */
#include "image/write.h"

#include "base/fs.h"
#include "base/str.h"
#include "load.h"

#include <stdlib.h>

static void round_trip(const struct image *image)
{
    cleanup_buf struct buf text = BUF_INIT(1 << 20);
    struct err err = {0};

    cr_assert_eq(image_write_ihex(image, &text, &err), 0, "%s", err.message);
    cleanup_image struct image *back = load_bytes(text.data, text.size);
    cr_expect_str_eq(back->format, "ihex");
    cr_assert_eq(back->count, image->count);
    for (size_t i = 0; i < image->count; i++)
        expect_segment(back, i, image->segments[i].address, image->segments[i].bytes,
                       image->segments[i].size);
    cr_expect_eq(back->has_entry, image->has_entry);
    cr_expect_eq(back->entry, image->entry);
}

static struct image *load_raw(const void *bytes, size_t size, uint64_t at)
{
    struct image_options options = {.has_at = true, .at = at};
    struct image *image = NULL;
    struct err err = {0};

    cr_assert_eq(image_load("fw", bytes, size, &options, &image, &err), 0, "%s", err.message);
    return image;
}

/* As the specification's records are written: length, offset, type, data, checksum. */
Test(write, ihex_is_as_specified)
{
    cleanup_buf struct buf text = BUF_INIT(4096);
    cleanup_image struct image *image = load_raw("\x90"
                                                 "BCDEFGHIJKLMNOPQ",
                                                 17, 0x0800fffc);

    cr_assert_eq(image_write_ihex(image, &text, NULL), 0);
    cr_expect_str_eq(text.data, ":020000040800F2\n"
                                ":04FFFC0090424344A8\n"
                                ":020000040801F1\n"
                                ":0D00000045464748494A4B4C4D4E4F505124\n"
                                ":00000001FF\n");
}

Test(write, ihex_round_trips)
{
    static const char *const files[] = {"firmware.elf", "firmware.hex", "firmware.srec",
                                        "firmware-srec_cat.hex"};

    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
        cleanup_free char *path = xasprintf(HIL_TEST_DATA "/image/%s", files[i]);
        cr_assert_eq(fs_read(path, &bytes, NULL), 0);
        cleanup_image struct image *image = load_bytes(bytes.data, bytes.size);
        round_trip(image);
    }
}

Test(write, ihex_round_trips_at_the_edges)
{
    static const uint64_t at[] = {0, 1, 0xfff8, 0xffff, 0x10000, 0x7fffff0, 0xffffffe8};
    char bytes[24];

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(0xF0 + i);
    for (size_t i = 0; i < ARRAY_SIZE(at); i++)
        for (size_t size = 1; size <= sizeof bytes; size++) {
            cleanup_image struct image *image = load_raw(bytes, size, at[i]);
            round_trip(image);
        }
}

Test(write, ihex_ends_at_4_gib)
{
    cleanup_buf struct buf text = BUF_INIT(4096);
    cleanup_image struct image *image = load_raw("xy", 2, 0xffffffff);
    struct err err = {0};

    cr_expect_eq(image_write_ihex(image, &text, &err), -ERR_LIMIT);
    cr_expect_str_eq(err.message, "fw: lies beyond 4 GiB, where Intel HEX cannot reach");
}

/* Three segments: 0x1000 (2 bytes), 0x1ffe (2 bytes), 0x3000 (1 byte). */
#define THREE ":021000000102EB\n:021FFE000304DA\n:0130000005CA\n:00000001FF\n"

Test(write, pieces_share_no_block)
{
    static const struct {
        uint64_t block;
        size_t count;
        uint64_t address[3];
        size_t size[3];
    } rows[] = {
        {0x100, 3, {0x1000, 0x1ffe, 0x3000}, {2, 2, 1}},
        {0x1000, 2, {0x1000, 0x3000}, {0x1000, 1}},
        {0x2000, 2, {0x1000, 0x3000}, {0x1000, 1}},
        {0x4000, 1, {0x1000}, {0x2001}},
        {0, 1, {0x1000}, {0x2001}},
    };
    cleanup_image struct image *image = load_text(THREE);

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct image_piece *pieces = NULL;
        size_t count = 0;
        cr_assert_eq(image_pieces(image, rows[i].block, &pieces, &count, NULL), 0);
        cr_assert_eq(count, rows[i].count, "row %zu: %zu", i, count);
        for (size_t p = 0; p < count; p++) {
            cr_expect_eq(pieces[p].address, rows[i].address[p]);
            cr_assert_eq(pieces[p].size, rows[i].size[p]);
        }
        cr_expect_eq(pieces[0].bytes[0], 1);
        if (pieces[0].size > 2)
            cr_expect_eq(pieces[0].bytes[2], 0xFF);
        cr_expect_eq(pieces[count - 1].bytes[pieces[count - 1].size - 1], 5);
        image_pieces_free(pieces, count);
    }
}

Test(write, padding_has_a_ceiling)
{
    cleanup_image struct image *image =
        load_text(":0100000001FE\n:020000040200F8\n:0100000001FE\n:00000001FF\n");
    struct image_piece *pieces = NULL;
    struct err err = {0};
    size_t count = 0;

    cr_expect_eq(image_pieces(image, 0, &pieces, &count, &err), -ERR_LIMIT);
    cr_expect(strstr(err.message, "too far apart"), "%s", err.message);
    cr_assert_eq(image_pieces(image, 0x1000, &pieces, &count, &err), 0);
    cr_expect_eq(count, 2);
    image_pieces_free(pieces, count);
}
