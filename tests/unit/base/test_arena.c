/* SPDX-License-Identifier: MIT */
#include "base/arena.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

Test(arena, memory_is_zeroed_aligned_and_does_not_overlap)
{
    struct arena arena = {0};
    unsigned char *blocks[500];

    for (size_t i = 0; i < 500; i++) {
        size_t size = i * 7 + 1;
        arena_strndup(&arena, "odd", i % 4); /* leaves the next place unaligned */
        blocks[i] = arena_alloc(&arena, size);
        cr_assert_eq((uintptr_t)blocks[i] % _Alignof(max_align_t), 0);
        for (size_t j = 0; j < size; j++)
            cr_assert_eq(blocks[i][j], 0);
        memset(blocks[i], (int)(i % 255) + 1, size);
    }
    for (size_t i = 0; i < 500; i++)
        for (size_t j = 0; j < i * 7 + 1; j++)
            cr_assert_eq(blocks[i][j], i % 255 + 1);
    arena_done(&arena);
    cr_assert_null(arena.blocks);
    arena_done(&arena);
}

Test(arena, one_block_may_be_larger_than_usual)
{
    struct arena arena = {0};
    char *small = arena_strdup(&arena, "small");
    char *large = arena_alloc(&arena, 1 << 20);

    memset(large, 'x', 1 << 20);
    cr_assert_str_eq(arena_strdup(&arena, "after"), "after");
    cr_assert_str_eq(small, "small");
    arena_done(&arena);
}

Test(arena, exactly_full_blocks_are_no_trouble)
{
    struct arena arena = {0};

    for (size_t size = 16384 - 40; size <= 16384 + 40; size++) {
        char *bytes = arena_alloc(&arena, size);
        memset(bytes, 1, size);
        memset(arena_alloc(&arena, 1), 2, 1);
        cr_assert_eq(bytes[size - 1], 1);
    }
    arena_done(&arena);
}

Test(arena, strings)
{
    struct arena arena = {0};
    char long_text[20000];

    memset(long_text, 'y', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    cr_assert_null(arena_strdup(&arena, NULL));
    cr_assert_str_eq(arena_strndup(&arena, "abcdef", 3), "abc");
    cr_assert_str_eq(arena_strndup(&arena, NULL, 0), "");
    cr_assert_eq(memcmp(arena_strndup(&arena, "a\0b", 3), "a\0b", 4), 0);
    cr_assert_str_eq(arena_printf(&arena, "%s-%d", "x", 42), "x-42");
    cr_assert_str_eq(arena_printf(&arena, "%s", ""), "");
    cr_assert_str_eq(arena_printf(&arena, "%s", long_text), long_text);
    arena_done(&arena);
}
