/* SPDX-License-Identifier: MIT */
#include "report/words.h"

#include "base/str.h"
#include "base/text.h"

#include <criterion/criterion.h>
#include <string.h>

Test(words, a_screen_gets_nothing_that_steers_it)
{
    static const struct row {
        const char *text, *plain, *in_actions;
    } rows[] = {
        {"plain text", "plain text", "plain text"},
        {"\xC3\xA4 \xE2\x82\xAC \xF0\x9F\x98\x80", "\xC3\xA4 \xE2\x82\xAC \xF0\x9F\x98\x80",
         "\xC3\xA4 \xE2\x82\xAC \xF0\x9F\x98\x80"},
        {"a\tb\rc\nd", "a b c d", "a b c d"},
        {"a\033[1;31mb\033[0mc", "abc", "abc"},
        {"a\033]0;title\007b", "a]0;titleb", "a]0;titleb"},
        {"a\033", "a", "a"},
        {"a\033[", "a[", "a["},
        {"a\033[\033[31mb", "a[b", "a[b"},
        {"a\b\x7F\vb", "ab", "ab"},
        {"a\xC2\x9B"
         "31mb",
         "a31mb", "a31mb"},
        {"a\xE2\x80\xAE"
         "b\xE2\x81\xA7"
         "c\xE2\x80\xA8"
         "d\xD8\x9C",
         "abcd", "abcd"},
        {"a\xFFz\xC3", "a\xEF\xBF\xBDz\xEF\xBF\xBD", "a\xEF\xBF\xBDz\xEF\xBF\xBD"},
        {"x::y", "x::y", "x: :y"},
        {"::::", "::::", ": : : :"},
        {"##[group]", "## [group]", "## [group]"},
        {"###[a]", "### [a]", "### [a]"},
        {"#[a] # [b]", "#[a] # [b]", "#[a] # [b]"},
        /* without width, or dropped by us: still side by side for the runner */
        {"#\xE2\x80\x8B#\xC2\xAD[a]", "#\xE2\x80\x8B#\xC2\xAD [a]", "#\xE2\x80\x8B#\xC2\xAD [a]"},
        {"#\033[0m#\b[a]", "## [a]", "## [a]"},
        {":\xE2\x80\x8B:", ":\xE2\x80\x8B:", ":\xE2\x80\x8B :"},
        {":\001:", "::", ": :"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_buf struct buf out = BUF_INIT(SIZE_MAX / 4);
        size_t size = strlen(rows[i].text);
        cr_expect_str_eq(words_screen(&out, rows[i].text, size, false), rows[i].plain, "%zu", i);
        cr_expect_str_eq(words_screen(&out, rows[i].text, size, true), rows[i].in_actions, "%zu",
                         i);
    }
}

Test(words, boards_of_a_server_stay_apart_when_cut)
{
    static const struct {
        const char *name, *fitted;
        size_t columns;
    } rows[] = {
        {"pi1/board-a", "pi1/board-a", 11},
        {"pi-in-the-cellar/nucleo-0042", "pi-in-.../nucleo-0042", 21},
        {"pi-in-the-cellar/nucleo-0043", "pi-in-.../nucleo-0043", 21},
        {"b\xC3\xA4"
         "cker-stra\xC3\x9F"
         "e/eins",
         "b\xC3\xA4"
         "cker...",
         9},
        {"pi1/board-a", "...", 3},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_buf struct buf text = BUF_INIT(SIZE_MAX / 4);
        buf_adds(&text, rows[i].name);
        cr_expect_str_eq(words_fit_board(&text, rows[i].columns), rows[i].fitted, "row %zu: %s", i,
                         text.data);
    }
}

Test(words, the_server_of_a_board)
{
    cleanup_buf struct buf out = BUF_INIT(SIZE_MAX / 4);

    cr_expect_str_eq(words_server(&out, "pi1/board-a"), "pi1");
    cr_expect_null(words_server(&out, "board-a"));
    cr_expect_null(words_server(&out, NULL));
}

Test(words, a_cut_says_so_and_splits_no_character)
{
    cleanup_buf struct buf out = BUF_INIT(SIZE_MAX / 4);
    char text[301];

    for (size_t length = 90; length <= 300; length++) {
        for (size_t i = 0; i < length; i += 3)
            memcpy(text + i, "\xE2\x82\xAC", 3); /* may write past length, never past text */
        text[length] = '\0';
        words_clean(&out, text, 100, TEXT_ONE_LINE);
        cr_assert_leq(out.size, 100);
        /* each byte of an unfinished character becomes three */
        cr_assert_eq(strstr(out.data, "[cut, ") != NULL, length + length % 3 * 2 > 100);
        if (length % 3 == 0)
            cr_assert_null(strstr(out.data, "\xEF\xBF\xBD"), "%zu", length);
        cr_assert(text_is_clean(out.data, out.size));
    }
}

Test(words, what_fits_is_left_alone)
{
    static const struct row {
        const char *text;
        size_t columns;
        const char *fitted;
    } rows[] = {
        {"", 0, ""},
        {"abc", 3, "abc"},
        {"abcd", 3, "..."},
        {"abcdef", 5, "ab..."},
        {"abcdef", 6, "abcdef"},
        {"abcdef", 1, "..."},
        {"\xC3\xA4\xC3\xB6\xC3\xBC\xC3\x9F", 4, "\xC3\xA4\xC3\xB6\xC3\xBC\xC3\x9F"},
        {"\xC3\xA4\xC3\xB6\xC3\xBC\xC3\x9F!", 4, "\xC3\xA4..."},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_buf struct buf text = BUF_INIT(SIZE_MAX / 4);
        buf_adds(&text, rows[i].text);
        cr_expect_str_eq(words_fit(&text, rows[i].columns), rows[i].fitted, "row %zu", i);
    }
}

Test(words, counts_read_well)
{
    static const struct row {
        struct test_counts counts;
        const char *words;
    } rows[] = {
        {{0, 0, 0, 0, 0, 0}, "no tests"},
        {{1, 1, 0, 0, 0, 0}, "1 test"},
        {{36, 32, 0, 0, 4, 0}, "36 tests, 4 skipped"},
        {{6, 3, 2, 1, 0, 0}, "6 tests, 3 failed"},
        {{7, 3, 2, 1, 1, 0}, "7 tests, 3 failed, 1 skipped"},
        {{7, 6, 0, 0, 1, 2}, "7 tests, 1 skipped, 2 flaky"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_buf struct buf out = BUF_INIT(SIZE_MAX / 4);
        cr_expect_str_eq(words_counts(&out, &rows[i].counts), rows[i].words);
    }
}

Test(words, time_is_utc)
{
    char text[ISO_TIME_SIZE];

    cr_expect_str_eq(words_iso_time(INT64_C(951827696999999), text), "2000-02-29T12:34:56Z");
    cr_expect_null(words_iso_time(0, text));
    cr_expect_null(words_iso_time(-5, text));
}
