/* SPDX-License-Identifier: MIT */
#include "base/text.h"

#include "base/str.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FFFD "\xEF\xBF\xBD"

Test(text, utf8_lengths_follow_rfc_3629)
{
    static const struct {
        const char *bytes;
        size_t count, length;
    } rows[] = {
        {"", 0, 0},
        {"a", 1, 1},
        {"\x7F", 1, 1},
        {"\x80", 1, 0},
        {"\xC0\x80", 2, 0}, /* overlong */
        {"\xC1\xBF", 2, 0},
        {"\xC2\x80", 2, 2},
        {"\xDF\xBF", 2, 2},
        {"\xC2", 1, 0}, /* cut */
        {"\xC2\x41", 2, 0},
        {"\xE0\x9F\xBF", 3, 0}, /* overlong */
        {"\xE0\xA0\x80", 3, 3},
        {"\xED\x9F\xBF", 3, 3},
        {"\xED\xA0\x80", 3, 0}, /* a surrogate */
        {"\xEF\xBF\xBF", 3, 3},
        {"\xE2\x82", 2, 0},
        {"\xE2\x82\x41", 3, 0},
        {"\xF0\x8F\xBF\xBF", 4, 0}, /* overlong */
        {"\xF0\x90\x80\x80", 4, 4},
        {"\xF4\x8F\xBF\xBF", 4, 4},
        {"\xF4\x90\x80\x80", 4, 0}, /* above U+10FFFF */
        {"\xF5\x80\x80\x80", 4, 0},
        {"\xF0\x9F\x98", 3, 0},
        {"\xFF", 1, 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char *exact = malloc(rows[i].count + !rows[i].count); /* so that a look past it shows */
        memcpy(exact, rows[i].bytes, rows[i].count);
        cr_assert_eq(text_utf8_length(exact, rows[i].count), rows[i].length, "row %zu", i);
        free(exact);
    }
}

static void check_clean(const char *bytes, size_t count, unsigned flags, const char *clean,
                        size_t replaced)
{
    cleanup_buf struct buf out = BUF_INIT(10000);
    char *exact = malloc(count + !count);

    memcpy(exact, bytes, count);
    cr_assert_eq(text_clean(&out, exact, count, flags), replaced, "'%s'", clean);
    cr_assert_str_eq(out.data, clean);
    if (!(flags & TEXT_ONE_LINE))
        cr_assert_eq(text_is_clean(exact, count), !replaced, "'%s'", clean);
    free(exact);
}

Test(text, cleaning_table)
{
    check_clean("", 0, 0, "", 0);
    check_clean("plain", 5, 0, "plain", 0);
    check_clean("a\tb\r\nc", 6, 0, "a\tb\r\nc", 0);
    check_clean("a\tb\r\nc", 6, TEXT_ONE_LINE, "a b  c", 0);
    check_clean("\x1B[31mred", 8, 0, FFFD "[31mred", 1);
    check_clean("\x1B[31mred", 8, TEXT_ONE_LINE, FFFD "[31mred", 1);
    check_clean("a\0b", 3, 0, "a" FFFD "b", 1);
    check_clean("\xFF\xFE", 2, 0, FFFD FFFD, 2);
    check_clean("gr\xC3\xBC\xC3\x9F", 6, 0, "gr\xC3\xBC\xC3\x9F", 0);
    check_clean("\xEF\xBF\xBE", 3, 0, FFFD FFFD FFFD, 3); /* U+FFFE */
    check_clean("\xEF\xBF\xBF", 3, 0, FFFD FFFD FFFD, 3); /* U+FFFF */
    check_clean(FFFD, 3, 0, FFFD, 0);
    check_clean("\xEF\xBF", 2, 0, FFFD FFFD, 2);
    check_clean("\xED\xA0\x80", 3, 0, FFFD FFFD FFFD, 3);
    check_clean("end\xE2\x82", 5, 0, "end" FFFD FFFD, 2);
    check_clean("\x7F", 1, 0, "\x7F", 0);
}

Test(text, one_odd_byte_is_found_wherever_it_stands)
{
    for (size_t count = 1; count < 40; count++) {
        for (size_t at = 0; at < count; at++) {
            char line[40], want[64];
            memset(line, 'x', count);
            line[at] = at % 2 ? '\x01' : '\x90';
            snprintf(want, sizeof want, "%.*s%s%.*s", (int)at, line, FFFD, (int)(count - at - 1),
                     line + at + 1);
            check_clean(line, count, 0, want, 1);
        }
    }
}

Test(text, every_single_byte)
{
    for (int byte = 0; byte < 256; byte++) {
        char bytes[1] = {(char)byte};
        bool clean = (byte >= 0x20 && byte < 0x80) || byte == '\t' || byte == '\n' || byte == '\r';
        cr_assert_eq(text_is_clean(bytes, 1), clean, "byte %d", byte);
    }
}

Test(text, the_ceiling_cuts_between_characters)
{
    static const size_t sizes[] = {0, 1, 2, 2, 2, 5, 6, 6, 6, 9, 10, 11, 11};

    for (size_t ceiling = 0; ceiling < ARRAY_SIZE(sizes); ceiling++) {
        cleanup_buf struct buf out = BUF_INIT(ceiling);
        text_clean(&out,
                   "ab\xE2\x82\xAC"
                   "c\x01"
                   "de",
                   9, 0);
        cr_assert_leq(out.size, ceiling);
        cr_assert(text_is_clean(out.data, out.size), "%zu", ceiling);
        cr_assert_eq(out.size, sizes[ceiling], "%zu", ceiling);
    }
}

Test(text, copies_never_end_in_half_a_character)
{
    const char *text = "a\xC3\xBC\xE2\x82\xAC\xF0\x9F\x98\x80!";
    static const size_t sizes[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};

    for (size_t max = 0; max < ARRAY_SIZE(sizes); max++) {
        char *copy = text_clean_dup(text, max, 0);
        cr_assert_eq(strlen(copy), sizes[max], "max %zu: %s", max, copy);
        cr_assert_eq(strncmp(copy, text, sizes[max]), 0);
        free(copy);
    }
}

Test(text, a_stray_byte_at_the_cut_is_still_replaced)
{
    char *copy = text_clean_dup("ab\x80\x80", 3, 0);

    cr_assert_str_eq(copy, "ab" FFFD);
    free(copy);
}
