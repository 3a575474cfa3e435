/* SPDX-License-Identifier: MIT */
#include "base/buf.h"
#include "base/str.h"
#include "parse/lines.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define OUT_MAX ((size_t)8 * 1024 * 1024)

static void collect(void *arg, const struct line *line)
{
    cr_assert_null(memchr(line->text, '\0', line->size));
    cr_assert_eq(buf_add(arg, line->text, line->size), 0);
    buf_adds(arg, "|");
}

static void collect_places(void *arg, const struct line *line)
{
    buf_addf(arg, "%.*s@%" PRIu64 "-%" PRIu64 " at %" PRId64 "|", (int)line->size, line->text,
             line->begin, line->end, line->time_us);
}

static struct capture_stats split(const char *bytes, size_t size, size_t step, struct buf *out)
{
    struct lines *lines = lines_new(collect, out);
    for (size_t at = 0; at < size; at += step) {
        size_t count = size - at < step ? size - at : step;
        char *copy = malloc(count);
        memcpy(copy, bytes + at, count);
        lines_feed(lines, copy, count, 0, at);
        free(copy);
    }
    lines_finish(lines);
    struct capture_stats stats = {0};
    lines_count(lines, &stats);
    lines_free(lines);
    return stats;
}

struct example {
    const char *bytes, *lines;
    uint64_t count, replaced;
    size_t size; /* 0: strlen(bytes) */
};

static const struct example examples[] = {
    {"a\nb\n", "a|b|", 2, 0, 0},
    {"a\r\nb\r\n", "a|b|", 2, 0, 0},
    {"a\n\rb\n\r", "a|b|", 2, 0, 0},
    {"a\r\r\nb\r\r\n", "a|b|", 2, 0, 0},
    {"10%\r20%\r30%\n", "10%|20%|30%|", 3, 0, 0},
    {"a\r\n\r\nb\n\n", "a||b||", 4, 0, 0},
    {"a\rb", "a|b|", 2, 0, 0},
    {"\r\r\ra\n", "a|", 1, 0, 0},
    {"no end", "no end|", 1, 0, 0},
    {"", "", 0, 0, 0},
    {"\t a\t\n", "\t a\t|", 1, 0, 0},
    /* escape sequences */
    {"\x1b[31mred\x1b[0m\n", "red|", 1, 0, 0},
    {"\x1b[2K\rx\n", "x|", 1, 0, 0},
    {"a\x1b[1;42;255mb\n", "ab|", 1, 0, 0},
    {"a\x1b(Bb\x1b=c\x1b"
     "7d\n",
     "abcd|", 1, 0, 0},
    {"\x1b]0;title\x07text\n", "text|", 1, 0, 0},
    {"\x1b]0;title\x1b\\text\n", "text|", 1, 0, 0},
    {"\x1bPq#0\x1b\\text\n", "text|", 1, 0, 0},
    {"\x1b]never ended:PASS\nnext\n", "never ended:PASS|next|", 2, 0, 0},
    {"\x1b]cut \x1b[31mx:PASS\n", "cut x:PASS|", 1, 0, 0},
    {"a\x1b[3\nb\n", "a|b|", 2, 0, 0},
    {"a\x1b[3\xc3\xa9\n", "a\xc3\xa9|", 1, 0, 0},
    {"a\x1b\nb\n", "a|b|", 2, 0, 0},
    {"a\x1b\x1b[0mb\n", "ab|", 1, 0, 0},
    /* what is no text */
    {"a\0b\0\n", "ab|", 1, 2, 5},
    {"\0\0\0start\n", "start|", 1, 3, 9},
    {"te\x01st\x7f:PA\x08SS\n", "test:PASS|", 1, 3, 0},
    {"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\n", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80|", 1,
     0, 0},
    {"\xff\xfe ok\n", "\xff\xfe ok|", 1, 2, 0},
    {"half \xe2\x82\n", "half \xe2\x82|", 1, 2, 0},
};

Test(parse_lines, ends_escapes_and_controls)
{
    for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
        const struct example *example = &examples[i];
        size_t size = example->size ? example->size : strlen(example->bytes);
        for (size_t step = 1; step <= size + 1; step++) {
            cleanup_buf struct buf out = BUF_INIT(OUT_MAX);
            struct capture_stats stats = split(example->bytes, size, step, &out);
            cr_expect_str_eq(out.data, example->lines, "example %zu by %zu: '%s' not '%s'", i, step,
                             out.data, example->lines);
            cr_expect_eq(stats.lines, example->count, "example %zu by %zu", i, step);
            cr_expect_eq(stats.replaced_bytes, example->replaced, "example %zu by %zu: %" PRIu64, i,
                         step, stats.replaced_bytes);
        }
    }
}

Test(parse_lines, places_and_times)
{
    cleanup_buf struct buf out = BUF_INIT(OUT_MAX);
    struct lines *lines = lines_new(collect_places, &out);
    lines_feed(lines, "one\r\ntw", 7, 100, 1000);
    lines_feed(lines, "o\r", 2, 200, 1007);
    lines_feed(lines, "\nthr\x1b[0mee\rfour\n", 16, 300, 1009);
    lines_feed(lines, "fi\x1b[0m", 6, 400, 1025);
    lines_finish(lines);
    lines_free(lines);
    cr_assert_str_eq(out.data, "one@1000-1004 at 100|two@1005-1009 at 100|"
                               "three@1010-1020 at 300|four@1020-1025 at 300|"
                               "fi@1025-1031 at 400|");
}

/* Head and tail of a line that is too long come as two lines, however it was cut into reads. */
Test(parse_lines, a_megabyte_without_an_end_keeps_head_and_tail)
{
    const size_t size = (size_t)1024 * 1024;
    cleanup_free char *bytes = xmalloc(size);
    memset(bytes, 'x', size);
    memcpy(bytes, "head", 4);
    memcpy(bytes + size - 5, "tail\n", 5);
    for (size_t step = 1000; step <= size; step = step * 7 + 13) {
        cleanup_buf struct buf out = BUF_INIT(OUT_MAX);
        struct capture_stats stats = split(bytes, size, step, &out);
        cr_assert_eq(out.size, 2 * (LINE_PIECE + 1));
        cr_expect(strncmp(out.data, "headx", 5) == 0);
        cr_expect_eq(out.data[LINE_PIECE], '|');
        cr_expect(str_ends(out.data, "xtail|"), "by %zu", step);
        cr_expect_eq(stats.cut_lines, 1);
        cr_expect_eq(stats.lines, 1);
    }
}

Test(parse_lines, the_tail_is_in_order_wherever_the_line_ends)
{
    cleanup_free char *bytes = xmalloc(5 * LINE_PIECE);
    for (size_t i = 0; i < 5 * LINE_PIECE; i++)
        bytes[i] = (char)('a' + i % 23);
    for (size_t size = 2 * LINE_PIECE - 1; size < 4 * LINE_PIECE + 2; size += 4095) {
        cleanup_buf struct buf out = BUF_INIT(OUT_MAX);
        split(bytes, size, 777, &out);
        bool cut = size > 2 * LINE_PIECE;
        const char *tail = cut ? out.data + LINE_PIECE + 1 : out.data;
        const char *wanted = cut ? bytes + size - LINE_PIECE : bytes;
        size_t length = cut ? LINE_PIECE : size;
        cr_expect_eq(memcmp(tail, wanted, length), 0, "%zu bytes", size);
        cr_expect_eq(tail[length], '|', "%zu bytes", size);
    }
}
