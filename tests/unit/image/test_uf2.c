/* SPDX-License-Identifier: MIT */
#include "load.h"

#define BLOCK 512

struct fields {
    uint32_t flags, address, size, number, total, family;
    uint8_t fill;
};

static void put32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static void put_block(uint8_t *at, const struct fields *fields)
{
    memset(at, 0, BLOCK);
    put32(at, 0x0A324655);
    put32(at + 4, 0x9E5D5157);
    put32(at + 8, fields->flags);
    put32(at + 12, fields->address);
    put32(at + 16, fields->size);
    put32(at + 20, fields->number);
    put32(at + 24, fields->total);
    put32(at + 28, fields->family);
    memset(at + 32, fields->fill, fields->size <= 476 ? fields->size : 476);
    put32(at + 508, 0x0AB16F30);
}

static size_t put_blocks(uint8_t *at, const struct fields *blocks, size_t count)
{
    for (size_t i = 0; i < count; i++)
        put_block(at + i * BLOCK, &blocks[i]);
    return count * BLOCK;
}

Test(uf2, joins_blocks_in_any_order)
{
    static const struct fields blocks[] = {
        {0x2000, 0x10000100, 256, 1, 3, 0xE48BFF56, 2},
        {0x2000, 0x10000000, 256, 0, 3, 0xE48BFF56, 1},
        {0x2000, 0x10001000, 16, 2, 3, 0xE48BFF56, 3},
    };
    uint8_t file[3 * BLOCK], expected[512];
    cleanup_image struct image *image = load_bytes(file, put_blocks(file, blocks, 3));

    memset(expected, 1, 256);
    memset(expected + 256, 2, 256);
    cr_assert_eq(image->count, 2);
    cr_expect_str_eq(image->format, "uf2");
    expect_segment(image, 0, 0x10000000, expected, 512);
    cr_expect_eq(image->segments[1].size, 16);
    cr_expect_not(image->has_entry);
}

Test(uf2, passes_over_blocks_that_are_not_for_flash)
{
    static const struct fields blocks[] = {
        {0, 0x1000, 476, 0, 2, 0, 1},
        {1, 0x1000, 476, 1, 2, 0, 2},
    };
    uint8_t file[2 * BLOCK];
    cleanup_image struct image *image = load_bytes(file, put_blocks(file, blocks, 2));

    cr_assert_eq(image->count, 1);
    cr_expect_eq(image->segments[0].bytes[475], 1);
}

Test(uf2, passes_over_the_block_that_erratum_e10_asks_for)
{
    static const struct fields blocks[] = {
        {0x2000, 0x10FFFF00, 256, 0, 2, 0xE48BFF57, 0xEF},
        {0x2000, 0x10000000, 256, 0, 1, 0xE48BFF59, 1},
    };
    uint8_t file[2 * BLOCK];
    cleanup_image struct image *image = load_bytes(file, put_blocks(file, blocks, 2));

    cr_assert_eq(image->count, 1);
    cr_expect_eq(image->segments[0].address, 0x10000000);
}

Test(uf2, does_not_count_that_block)
{
    static const struct fields blocks[] = {
        {0x2000, 0x10FFFF00, 256, 0, 2, 0xE48BFF57, 0xEF},
        {0x2000, 0x10000000, 256, 0, 2, 0xE48BFF59, 1},
    };
    uint8_t file[2 * BLOCK];

    refuse_bytes(file, put_blocks(file, blocks, 2), ERR_DATA,
                 "fw: 1 of 2 blocks: the file is truncated");
}

Test(uf2, names_block_and_reason_of_what_is_wrong)
{
    static const struct {
        struct fields blocks[2];
        const char *message;
    } cases[] = {
        {{{0, 0, 16, 0, 3, 0, 0}, {0, 16, 16, 1, 3, 0, 0}},
         "fw: block 0: says 3 blocks, the file has 2: it is truncated"},
        {{{0, 0, 16, 0, 2, 0, 0}, {0, 16, 16, 0, 2, 0, 0}},
         "fw: block 1: is a second block numbered 0"},
        {{{0, 0, 16, 0, 2, 0, 0}, {0, 16, 16, 2, 2, 0, 0}}, "fw: block 1: is numbered 2 of 2"},
        {{{0, 0, 16, 0, 2, 0, 0}, {0, 16, 16, 1, 1, 0, 0}},
         "fw: block 1: says 1 blocks, an earlier one 2"},
        {{{0, 0, 16, 0, 2, 0, 0}, {0, 16, 477, 1, 2, 0, 0}},
         "fw: block 1: payload of 477 bytes, 476 is the most"},
        {{{0, 0, 16, 0, 2, 0, 0}, {0x1000, 16, 16, 1, 2, 0, 0}},
         "fw: block 1: holds a piece of a file, not flash contents"},
        {{{0x2000, 0, 16, 0, 2, 5, 0}, {0x2000, 16, 16, 1, 2, 6, 0}},
         "fw: block 1: is for family 0x00000006, an earlier one for 0x00000005; "
         "give one file for each chip"},
        {{{0, 0, 16, 0, 2, 0, 0}, {0, 15, 16, 1, 2, 0, 0}},
         "fw: blocks 0 and 1 both hold address 0xf"},
        {{{1, 0, 16, 0, 2, 0, 0}, {1, 16, 16, 1, 2, 0, 0}}, "fw: holds nothing to load"},
    };
    uint8_t file[2 * BLOCK];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refuse_bytes(file, put_blocks(file, cases[i].blocks, 2), ERR_DATA, cases[i].message);
}

Test(uf2, refuses_a_broken_or_cut_block)
{
    static const struct fields blocks[] = {{0, 0, 16, 0, 2, 0, 0}, {0, 16, 16, 1, 2, 0, 0}};
    uint8_t file[2 * BLOCK];
    size_t size = put_blocks(file, blocks, 2);

    refuse_bytes(file, size - 1, ERR_DATA,
                 "fw: block 0: says 2 blocks, the file has 1: it is truncated");
    refuse_bytes(file, 100, ERR_DATA, "fw: ends within block 0: the file is truncated");
    file[size - 1] ^= 1;
    refuse_bytes(file, size, ERR_DATA, "fw: block 1: is no UF2 block: wrong magic number");
}
