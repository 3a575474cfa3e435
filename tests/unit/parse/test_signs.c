/* SPDX-License-Identifier: MIT
 *
 * Words are found wherever they stand, and no format knows a line that has none of its signs.
 */
#include "base/fs.h"
#include "base/str.h"
#include "parse/format.h"
#include "parse/needles.h"
#include "parse/signs.h"

#include <criterion/criterion.h>
#include <glob.h>
#include <string.h>

#define FILE_MAX ((size_t)1024 * 1024)

static void note_needle(void *arg, size_t number, const char *at)
{
    buf_addf(arg, "%zu@%c ", number, *at);
}

static const struct {
    const char *line, *found; /* which needle, and the byte that it begins with */
} rows[] = {
    {"", ""},
    {"halt", ""},
    {"halts", "0@h "},
    {"xhalts", "0@h "},
    {"Halts halts", "0@h "},
    {"a PANIC", "1@P "},
    {"a panic", "1@p "},
    {"panicpanic", "1@p 1@p "},
    {"xpanipanic", "1@p "},
    {"halt s pani c", ""},
    {"ends with halt", ""},
    {"[  PASSED  ]", "2@[ "},
    {"{  PASSED  }", ""}, /* '[' and '{' fall together in the hash, and nowhere else */
    {"haltsy", "0@h 3@h "},
};

Test(parse_signs, needles)
{
    static struct needles needles;
    needles_add(&needles, "halts", false);
    needles_add(&needles, "panic", true);
    needles_add(&needles, "[  PASSED  ]", false);
    needles_add(&needles, "haltsy", false);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_buf struct buf found = BUF_INIT(256);
        needles_find(&needles, text_of(rows[i].line), note_needle, &found);
        bool both = strcmp(rows[i].found, "0@h 3@h ") == 0 && strcmp(found.data, "3@h 0@h ") == 0;
        cr_expect(both || strcmp(found.data, rows[i].found) == 0, "%s: %s", rows[i].line,
                  found.data);
    }
}

static size_t lines_of_a_format;

static void check_line(void *arg, const struct line *line)
{
    struct text text = {.at = line->text, .size = line->size};
    struct signs signs = signs_of(text);
    for (size_t i = 0; formats[i]; i++) {
        bool sign = signs.formats >> i & 1;
        if (!formats[i]->detect || formats[i]->detect(text) == DETECT_NO)
            continue;
        lines_of_a_format++;
        cr_expect(sign, "%s: %s knows \"%.*s\"", (char *)arg, formats[i]->name, (int)text.size,
                  text.at);
    }
}

Test(parse_signs, no_format_knows_a_line_without_them)
{
    glob_t found = {0};
    cr_assert_eq(glob(HIL_TEST_DATA "/parse/*/*.log", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        cleanup_buf struct buf log = BUF_INIT(FILE_MAX);
        cr_assert_eq(fs_read(found.gl_pathv[i], &log, NULL), 0);
        struct lines *lines = lines_new(check_line, found.gl_pathv[i]);
        lines_feed(lines, log.data, log.size, -1, 0);
        lines_finish(lines);
        lines_free(lines);
    }
    globfree(&found);
    cr_expect_gt(lines_of_a_format, 500);
}
