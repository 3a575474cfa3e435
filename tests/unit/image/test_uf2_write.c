/* SPDX-License-Identifier: MIT */
#include "image/uf2.h"

#include "base/str.h"
#include "load.h"

#define RP2040 0xE48BFF56u

static struct image *load_raw(const void *bytes, size_t size, uint64_t at)
{
    struct image_options options = {.has_at = true, .at = at};
    struct image *image = NULL;

    cr_assert_eq(image_load("fw", bytes, size, &options, &image, NULL), 0);
    return image;
}

static uint32_t word(const struct buf *file, size_t block, size_t at)
{
    const uint8_t *byte = (const uint8_t *)file->data + block * 512 + at;

    return byte[0] | (uint32_t)byte[1] << 8 | (uint32_t)byte[2] << 16 | (uint32_t)byte[3] << 24;
}

Test(uf2_write, block_is_as_specified)
{
    cleanup_buf struct buf file = BUF_INIT(4096);
    cleanup_image struct image *image = load_raw("abc", 3, 0x10000000);
    static const uint32_t head[] = {0x0A324655, 0x9E5D5157, 0x2000, 0x10000000, 256, 0, 1, RP2040};

    cr_assert_eq(image_write_uf2(image, RP2040, &file, NULL), 0);
    cr_assert_eq(file.size, 512);
    for (size_t i = 0; i < ARRAY_SIZE(head); i++)
        cr_expect_eq(word(&file, 0, 4 * i), head[i], "word %zu", i);
    cr_expect_arr_eq(file.data + 32, "abc\xff\xff", 5);
    cr_expect_eq((uint8_t)file.data[32 + 255], 0xFF);
    cr_expect_eq(file.data[32 + 256], 0);
    cr_expect_eq(word(&file, 0, 508), 0x0AB16F30);
}

/* A sector that is touched is whole, up to the last page of all. */
Test(uf2_write, sectors_are_whole)
{
    cleanup_buf struct buf file = BUF_INIT(1 << 16);
    cleanup_image struct image *image =
        load_text(":020000041000EA\n:0111FF0041AE\n:013102004389\n:00000001FF\n");
    size_t blocks;

    cr_assert_eq(image_write_uf2(image, RP2040, &file, NULL), 0);
    blocks = file.size / 512;
    /* sector 0x10001000 whole (16 pages), of 0x10003000 the pages up to the one with 0x3102 (2) */
    cr_assert_eq(blocks, 18);
    for (size_t i = 0; i < blocks; i++) {
        cr_expect_eq(word(&file, i, 12),
                     i < 16 ? 0x10001000 + 256 * i : 0x10003000 + 256 * (i - 16));
        cr_expect_eq(word(&file, i, 20), i);
        cr_expect_eq(word(&file, i, 24), 18);
    }
    cr_expect_eq(file.data[1 * 512 + 32 + 255], 'A');
    cr_expect_eq(file.data[17 * 512 + 32 + 2], 'C');
    cr_expect_eq((uint8_t)file.data[2 * 512 + 32], 0xFF);
}

Test(uf2_write, segments_within_one_page_share_it)
{
    cleanup_buf struct buf file = BUF_INIT(1 << 16);
    cleanup_image struct image *image =
        load_text(":020000041000EA\n:0100000041BE\n:0100020043BA\n:00000001FF\n");

    cr_assert_eq(image->count, 2);
    cr_assert_eq(image_write_uf2(image, RP2040, &file, NULL), 0);
    cr_assert_eq(file.size, 512);
    cr_expect_arr_eq(file.data + 32,
                     "A\xff"
                     "C\xff",
                     4);
}

Test(uf2_write, what_it_cannot_say_is_refused)
{
    cleanup_buf struct buf file = BUF_INIT(512);
    cleanup_image struct image *last = load_raw("xy", 2, 0xFFFFFFFE);
    cleanup_image struct image *beyond = load_raw("xy", 2, 0xFFFFFFFF);
    cleanup_image struct image *far = load_raw("xy", 2, UINT64_MAX - 2);
    struct err err = {0};

    cr_expect_eq(image_write_uf2(beyond, RP2040, &file, &err), -ERR_LIMIT);
    cr_expect_str_eq(err.message, "fw: lies beyond 4 GiB, where UF2 cannot reach");
    cr_expect_eq(image_write_uf2(far, RP2040, &file, &err), -ERR_LIMIT);
    cr_expect_eq(image_write_uf2(last, RP2040, &file, &err), -ERR_LIMIT); /* a sector's 16 pages */
    cr_expect_str_eq(err.message, "fw: too large as UF2");
}

Test(uf2_write, families_have_names_and_boards)
{
    char text[UF2_FAMILY_TEXT];
    uint32_t family = 0;

    cr_assert(uf2_family_parse("RP2040", &family));
    cr_expect_eq(family, RP2040);
    cr_assert(uf2_family_parse("0x12", &family));
    cr_expect_str_eq(uf2_family_text(family, text), "0x00000012");
    cr_expect_str_eq(uf2_family_text(RP2040, text), "rp2040 (0xe48bff56)");
    cr_expect_not(uf2_family_parse("rp1", &family));
    cr_expect_not(uf2_family_parse("12", &family));
    cr_expect_not(uf2_family_parse("0x123456789", &family));
    cr_expect_eq(uf2_board_families("RPI-RP2", &family), 1);
    cr_expect_eq(family, RP2040);
    cr_expect_gt(uf2_board_families("RP2350", &family), 1);
    cr_expect_eq(uf2_board_families("nRF52840-Feather-revD", &family), 1);
    cr_expect_eq(family, 0xADA52840);
    cr_expect_eq(uf2_board_families("Toaster", &family), 0);
    cr_expect(uf2_board_takes("RP2350", 0xE48BFF5A));
    cr_expect_not(uf2_board_takes("RPI-RP2", 0xE48BFF59));
}

Test(uf2_write, family_of_a_file)
{
    cleanup_buf struct buf file = BUF_INIT(1 << 16);
    cleanup_image struct image *raw = load_raw("abc", 3, 0x10000000);
    uint32_t family = 0;

    cr_assert_eq(image_write_uf2(raw, 0xADA52840, &file, NULL), 0);
    cleanup_image struct image *image = load_bytes(file.data, file.size);
    cr_expect(image_uf2_family(image, &family));
    cr_expect_eq(family, 0xADA52840);
    cr_expect_not(image_uf2_family(raw, &family));
    file.data[9] = 0; /* flags: no family */
    cleanup_image struct image *any = load_bytes(file.data, file.size);
    cr_expect_not(image_uf2_family(any, &family));
}

Test(uf2_write, an_rp2350_gets_a_block_that_it_may_lose)
{
    static const uint32_t head[] = {0x0A324655, 0x9E5D5157, 0xA000, 0x10FFFF00,
                                    256,        0,          2,      0xE48BFF57};
    cleanup_buf struct buf file = BUF_INIT(1 << 16), ram = BUF_INIT(1 << 16);
    cleanup_image struct image *image = load_raw("abc", 3, 0x10000000);
    cleanup_image struct image *in_ram = load_raw("abc", 3, 0x20000000);
    uint32_t family = 0;

    cr_assert_eq(image_write_uf2(image, 0xE48BFF59, &file, NULL), 0);
    cr_assert_eq(file.size, 1024);
    for (size_t i = 0; i < ARRAY_SIZE(head); i++)
        cr_expect_eq(word(&file, 0, 4 * i), head[i], "word %zu", i);
    cr_expect_eq(word(&file, 0, 32), 0xEFEFEFEF);
    cr_expect_eq(word(&file, 0, 32 + 252), 0xEFEFEFEF);
    cr_expect_eq(word(&file, 0, 32 + 256), 0x9957E304);
    cr_expect_eq(word(&file, 0, 32 + 260), 0);
    cr_expect_eq(word(&file, 1, 20), 0);
    cr_expect_eq(word(&file, 1, 24), 1);
    cleanup_image struct image *back = load_bytes(file.data, file.size);
    cr_expect_eq(back->count, 1);
    cr_expect(image_uf2_family(back, &family) && family == 0xE48BFF59);
    cr_assert_eq(image_write_uf2(in_ram, 0xE48BFF59, &ram, NULL), 0);
    cr_expect_eq(ram.size, 512);
}
