/* SPDX-License-Identifier: MIT */
#include "base/term.h"

#include "base/str.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <locale.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WIDE "\xE6\x97\xA5" /* a character of two columns */

Test(term, a_stream_in_memory_is_plain)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    struct term term = term_open(out);

    cr_assert_not(term.live);
    cr_assert_not(term.colour);
    cr_assert_eq(term.columns, 80);
    cr_assert_str_eq(term_style(&term, TERM_RED), "");
    fclose(out);
    free(text);
}

static struct term open_pty(const char *type, const char *no_color, unsigned short columns)
{
    struct winsize size = {.ws_row = 24, .ws_col = columns};
    int controller, terminal;

    if (type)
        setenv("TERM", type, 1);
    else
        unsetenv("TERM");
    if (no_color)
        setenv("NO_COLOR", no_color, 1);
    else
        unsetenv("NO_COLOR");
    cr_assert_eq(openpty(&controller, &terminal, NULL, NULL, &size), 0);
    FILE *out = fdopen(terminal, "w");
    struct term term = term_open(out);
    fclose(out);
    close(controller);
    return term;
}

Test(term, a_terminal_is_live_and_coloured)
{
    struct term term = open_pty("xterm", NULL, 132);

    cr_assert(term.live);
    cr_assert(term.colour);
    cr_assert_eq(term.columns, 132);
    cr_assert_str_eq(term_style(&term, TERM_RED), "\033[31m");
    cr_assert_str_eq(term_style(&term, TERM_PLAIN), "\033[0m");
    cr_assert_eq(open_pty("xterm", NULL, 0).columns, 80);
}

Test(term, no_color_and_dumb_are_honoured)
{
    cr_assert_not(open_pty("xterm", "1", 80).colour);
    cr_assert(open_pty("xterm", "1", 80).live);
    cr_assert(open_pty("xterm", "", 80).colour); /* no-color.org: empty counts as not set */
    cr_assert_not(open_pty("dumb", NULL, 80).colour);
    cr_assert_not(open_pty("dumb", NULL, 80).live);
    cr_assert_not(open_pty(NULL, NULL, 80).colour);
}

Test(term, widths_in_utf8)
{
    static const struct {
        const char *text;
        size_t width;
    } rows[] = {
        {"", 0},
        {"abc", 3},
        {"gr\xC3\xBC\xC3\x9F", 4},
        {WIDE WIDE, 4},
        {"e\xCC\x81", 1},        /* a combining accent */
        {"\xF0\x9F\x98\x80", 2}, /* an emoji */
        {"a\xFF"
         "b",
         3},
        {"\xE2\x82", 2},
        {"a\x7F"
         "b\x1B",
         2},
    };

    if (!setlocale(LC_CTYPE, "C.UTF-8"))
        cr_skip_test("no C.UTF-8 here");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        cr_assert_eq(term_width_of(rows[i].text), rows[i].width, "row %zu", i);
}

Test(term, the_c_locale_counts_characters)
{
    setlocale(LC_ALL, "C");
    cr_assert_eq(term_width_of("gr\xC3\xBC\xC3\x9F"), 4);
    cr_assert_eq(term_width_of(WIDE), 1);
}

static char *print(const struct term_table *table, bool colour)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    struct term term = {.out = out, .colour = colour, .columns = 80};

    term_table_print(table, &term);
    fclose(out);
    return text;
}

Test(term, columns_are_aligned_and_nothing_trails)
{
    struct term_table *table = term_table_new(3);

    setlocale(LC_CTYPE, "C.UTF-8");
    term_table_row(table, TERM_BOLD, (const char *const[]){"BOARD", "STATE", "LABELS"});
    term_table_row(table, TERM_PLAIN, (const char *const[]){"nucleo-f446re", "free", "a b"});
    term_table_row(table, TERM_PLAIN, (const char *const[]){WIDE, "x", NULL});
    term_table_row(table, TERM_PLAIN, (const char *const[]){"", NULL, "last"});
    term_table_row(table, TERM_PLAIN, (const char *const[]){NULL, NULL, NULL});
    cleanup_free char *text = print(table, false);
    cr_assert_str_eq(text, "BOARD          STATE  LABELS\n"
                           "nucleo-f446re  free   a b\n" WIDE "             x\n"
                           "                      last\n"
                           "\n");
    term_table_free(table);
    term_table_free(NULL);
}

Test(term, a_styled_row_is_reset)
{
    struct term_table *table = term_table_new(2);

    term_table_row(table, TERM_RED, (const char *const[]){"a", "b"});
    term_table_row(table, TERM_PLAIN, (const char *const[]){"c", "d"});
    cleanup_free char *text = print(table, true);
    cr_assert_str_eq(text, "\033[31ma  b\033[0m\nc  d\n");
    term_table_free(table);
}

Test(term, cells_from_outside_cannot_move_the_cursor)
{
    struct term_table *table = term_table_new(2);

    term_table_row(table, TERM_PLAIN, (const char *const[]){"a\033[2J\nb", "c"});
    cleanup_free char *text = print(table, false);
    cr_assert_str_eq(text, "a\xEF\xBF\xBD[2J b  c\n");
    term_table_free(table);
}
