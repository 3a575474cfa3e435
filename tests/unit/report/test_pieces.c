/* SPDX-License-Identifier: MIT */
/* What the reports are made of: escapes, places, pieces of a log. */
#include "../scratch.h"
#include "base/str.h"
#include "report/escape.h"
#include "report/place.h"
#include "report/uart_log.h"
#include "report/words.h"

#include <string.h>

Test(escape, code_spans_cannot_be_left)
{
    static const struct row {
        const char *text, *span;
    } rows[] = {
        {"plain", "`plain`"}, {"", "` `"},
        {" ", "`   `"},       {"a`b", "``a`b``"},
        {"`", "`` ` ``"},     {"``x", "``` ``x ```"},
        {"x`", "`` x` ``"},   {"a``b`c", "```a``b`c```"},
        {"a ", "` a  `"},     {"<b>&amp;\\`", "`` <b>&amp;\\` ``"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_buf struct buf out = BUF_INIT(1000);
        escape_code_span(&out, rows[i].text);
        cr_expect_str_eq(out.data, rows[i].span, "%s", out.data);
    }
}

Test(escape, code_blocks_cannot_be_closed)
{
    static const struct row {
        const char *lines, *block;
    } rows[] = {
        {"a\n", "```text\na\n```\n"},
        {"a", "```text\na\n```\n"},
        {"", "```text\n```\n"},
        {"```\n", "````text\n```\n````\n"},
        {"x ````` y\n```", "``````text\nx ````` y\n```\n``````\n"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_buf struct buf out = BUF_INIT(1000);
        escape_code_block(&out, rows[i].lines);
        cr_expect_str_eq(out.data, rows[i].block, "%s", out.data);
    }
}

Test(escape, html_and_commands)
{
    cleanup_buf struct buf out = BUF_INIT(1000);
    const char *text = "<a href=\"x\" title='y'>&\xC3\xA4";

    escape_html(&out, text, strlen(text));
    cr_expect_str_eq(out.data, "&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;\xC3\xA4");
    buf_clear(&out);
    escape_message(&out, "100%\r\n::a,b::%0A");
    cr_expect_str_eq(out.data, "100%25%0D%0A::a,b::%250A");
    buf_clear(&out);
    escape_property(&out, "100%\r\n::a,b");
    cr_expect_str_eq(out.data, "100%25%0D%0A%3A%3Aa%2Cb");
}

Test(place, is_a_path_of_the_repository_or_none)
{
    static const struct run_origin unasked;
    static const struct row {
        const char *file, *path;
    } rows[] = {
        {"src/a.c", "src/a.c"},
        {"./src/a.c", "src/a.c"},
        {".//./a.c", "a.c"},
        {"a..b/c.c", "a..b/c.c"},
        {"...", "..."},
        {NULL, NULL},
        {"", NULL},
        {"./", NULL},
        {"/abs/a.c", NULL},
        {"../a.c", NULL},
        {"src/../../a.c", NULL},
        {"a/..", NULL},
        {"..", NULL},
        {"C:\\a.c", NULL},
        {"src\\a.c", NULL},
        {"https://example.org/a.c", NULL},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_buf struct buf out = BUF_INIT(4000);
        const char *path = place_path(&out, &unasked, &(struct test_case){.file = rows[i].file});
        cr_expect(str_eq(path, rows[i].path), "%s: %s", rows[i].file, path);
    }
}

Test(place, is_what_the_repository_said_where_it_was_asked)
{
    static const struct run_origin asked = {.files_known = true}, unasked;
    static const struct test_case unknown = {.file = "util.c"},
                                  known = {.file = "../a.c", .path = "src/a.c"};
    cleanup_buf struct buf out = BUF_INIT(4000);

    cr_expect_null(place_path(&out, &asked, &unknown));
    cr_expect_str_eq(place_path(&out, &asked, &known), "src/a.c");
    cr_expect_str_eq(place_path(&out, &unasked, &known), "src/a.c");
    cr_expect_str_eq(place_path(&out, &unasked, &unknown), "util.c");
}

Test(place, links_are_made_of_plain_characters)
{
    static const struct row {
        struct run_origin origin;
        const char *file, *link;
    } rows[] = {
        {{.server_url = "https://example.org", .repository = "a/b", .sha = "0123456"},
         "src/x.c",
         "https://example.org/a/b/blob/0123456/src/x.c#L7"},
        {{.server_url = "http://h:8080/ghe", .repository = "a/b", .sha = "0123456"},
         "x)](y \"<'\xFF%.c",
         "http://h:8080/ghe/a/b/blob/0123456/x%29%5D%28y%20%22%3C%27%FF%25.c#L7"},
        {{.server_url = "https://example.org", .repository = "a/b\"<", .sha = "0123456"},
         "x.c",
         "https://example.org/a/b%22%3C/blob/0123456/x.c#L7"},
        {{.server_url = "javascript:alert(1)//", .repository = "a/b", .sha = "0123456"},
         "x.c",
         NULL},
        {{.server_url = "https://ex\"ample.org", .repository = "a/b", .sha = "0123456"},
         "x.c",
         NULL},
        {{.server_url = "https://example.org", .repository = "a/b", .sha = "main"}, "x.c", NULL},
        {{.server_url = "https://example.org", .repository = "a/b", .sha = ""}, "x.c", NULL},
        {{.server_url = "https://example.org", .repository = "a/b", .sha = "0123456"},
         "/x.c",
         NULL},
        {{.repository = "a/b", .sha = "0123456"}, "x.c", NULL},
        {{0}, "x.c", NULL},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_buf struct buf out = BUF_INIT(4000);
        const struct test_case test_case = {.file = rows[i].file, .line = 7};
        const char *link = place_link(&out, &rows[i].origin, &test_case);
        cr_expect(str_eq(link, rows[i].link), "%zu: %s", i, link);
    }
}

Test(uart_log, gives_the_lines_before)
{
    static const struct row {
        uint64_t end;
        size_t lines, count;
        const char *text;
    } rows[] = {
        {0, 3, 0, ""},
        {4, 3, 0, ""},
        {8, 3, 1, "one\n"},
        {13, 3, 2, "one\ntwo\n"},
        {13, 1, 1, "two\n"},
        {13, 0, 0, ""},
        {10, 3, 2, "one\ntw\n"},
        {100, 2, 2, "\nlast\n"},
        {100, 9, 4, "one\ntwo\n\nlast\n"},
    };
    cleanup_scratch char *dir = scratch_make();
    cleanup_free char *path = fs_join(dir, "uart.log");
    struct job_result job = {.log = path, .capture.before_reset = 4};
    const char *bytes = "old\none\ntwo\r\n\nlast";

    cr_assert_eq(fs_write(path, bytes, strlen(bytes), NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_buf struct buf lines = BUF_INIT(SIZE_MAX / 4);
        struct uart_log log = uart_log_open(&job);
        cr_expect_eq(uart_log_before(&log, rows[i].end, rows[i].lines, &lines), rows[i].count,
                     "%zu", i);
        cr_expect_str_eq(lines.data, rows[i].text, "%zu: %s", i, lines.data);
        uart_log_close(&log);
    }
}

Test(uart_log, that_is_none_is_empty)
{
    static const char *const paths[] = {NULL, "/nonexistent/uart.log", "/", "/dev/zero"};

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        cleanup_buf struct buf lines = BUF_INIT(SIZE_MAX / 4);
        struct job_result job = {.log = paths[i], .capture.before_reset = 9};
        struct uart_log log = uart_log_open(&job);
        cr_expect_eq(log.size, 0);
        cr_expect_eq(uart_log_before(&log, 100, 20, &lines), 0);
        uart_log_close(&log);
    }
}

Test(words, a_line_of_a_file_starts_no_command)
{
    static const struct row {
        const char *line, *clean;
    } rows[] = {
        {"Foo::Bar.test", "Foo::Bar.test"},
        {"::error::x", ": :error: :x"},
        {"  \t::error::x", "   : :error: :x"},
        {"\033[0m::error::x", ": :error: :x"},
        {"\xE2\x80\x8B::error::x", "\xE2\x80\x8B: :error: :x"},
        {"\x01:\x01:x", ": :x"},
        {"a ##[group]", "a ## [group]"},
        {"", ""},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_buf struct buf out = BUF_INIT(1000);
        cr_expect_str_eq(words_line(&out, rows[i].line, strlen(rows[i].line)), rows[i].clean,
                         "%zu: %s", i, out.data);
    }
}
