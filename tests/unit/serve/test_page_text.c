/* SPDX-License-Identifier: MIT */
/* Console bytes as text, wherever a read cuts them. */
#include "base/str.h"
#include "base/text.h"
#include "serve/page/uart_text.h"

#include <criterion/criterion.h>
#include <string.h>

#define BAD "\xef\xbf\xbd" /* U+FFFD */

static const struct {
    const char *bytes;
    size_t size;
    const char *text;
} table[] = {
#define ROW(bytes, text)               \
    {                                  \
        bytes, sizeof(bytes) - 1, text \
    }
    ROW("hello\n", "hello\n"),
    ROW("a\r\nb\r\n", "a\nb\n"),
    ROW("a\r\r\nb", "a\nb"),
    ROW("10%\r20%\r30%\n", "10%\n20%\n30%\n"),
    ROW("tab\tbell\a nul\0 del\x7f.", "tab\tbell nul del."),
    ROW("\x1b[31mred\x1b[0m", "red"),
    ROW("\x1b[1;32;48;5;17mX", "X"),
    ROW("\x1b[31\nnext", "\nnext"), /* a control character ends a sequence that is none */
    ROW("\x1b(Bx\x1b=y\x1b"
        "7z",
        "xyz"),
    ROW("\x1b]0;title\a rest", "0;title rest"), /* never hides a line */
    ROW("\x1b\x1b[0mx", "x"),
    ROW("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80",
        "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"),
    ROW("\xff\xfe", BAD BAD),
    ROW("\xc3x", BAD "x"),
    ROW("\xe2\x82x", BAD BAD "x"),
    ROW("\xe2\x82\xc3\xbc", BAD BAD "\xc3\xbc"),
    ROW("\xed\xa0\x80", BAD BAD BAD), /* a surrogate */
    ROW("\x80\x80", BAD BAD),
    ROW("<script>alert(1)</script>&amp;", "<script>alert(1)</script>&amp;"),
#undef ROW
};

Test(uart_text, is_clean_and_the_same_however_it_is_cut)
{
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        for (size_t cut = 0; cut <= table[i].size; cut++) {
            struct uart_text text = {.held_count = 0};
            cleanup_buf struct buf out = BUF_INIT(4096);
            uart_text_feed(&text, table[i].bytes, cut, &out);
            uart_text_feed(&text, table[i].bytes + cut, table[i].size - cut, &out);
            cr_expect_str_eq(out.data, table[i].text, "row %zu cut at %zu: '%s'", i, cut, out.data);
            cr_expect(text_is_clean(out.data, out.size));
        }
    }
}

Test(uart_text, a_sequence_that_never_ends_hides_little)
{
    struct uart_text text = {.held_count = 0};
    cleanup_buf struct buf out = BUF_INIT(4096);
    char bytes[200];

    memset(bytes, '1', sizeof bytes);
    memcpy(bytes, "\x1b[", 2);
    uart_text_feed(&text, bytes, sizeof bytes, &out);
    cr_expect_geq(out.size, 120);
}

Test(uart_text, half_a_character_waits_for_its_rest)
{
    struct uart_text text = {.held_count = 0};
    cleanup_buf struct buf out = BUF_INIT(4096);

    uart_text_feed(&text, "a\xe2\x82", 3, &out);
    cr_expect_str_eq(out.data, "a");
    uart_text_feed(&text, "\xac", 1, &out);
    cr_expect_str_eq(out.data, "a\xe2\x82\xac");
}
