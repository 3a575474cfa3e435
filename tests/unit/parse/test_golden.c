/* SPDX-License-Identifier: MIT
 *
 * golden/parse/FORMAT/NAME.log and what must come out of it, NAME.expected: found by auto and with
 * the format named, all at once and byte by byte. HIL_GOLDEN_WRITE=1 writes the expected files.
 */
#include "base/fs.h"
#include "base/str.h"
#include "parsed.h"

#include <criterion/criterion.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX ((size_t)1024 * 1024)

static void read_file(const char *path, struct buf *ret)
{
    struct err err = {0};
    cr_assert_eq(fs_read(path, ret, &err), 0, "%s", err.message);
}

static void check_way(const char *path, const char *format, size_t step, const struct buf *log,
                      const struct buf *expected)
{
    struct parse_options options = {.format = format};
    cleanup_parsed struct parsed parsed =
        parse_bytes(&options, log->data, log->size, step, -1, END_EOF);
    cleanup_buf struct buf shown = BUF_INIT(FILE_MAX);
    parsed_show(&parsed, &shown);
    cr_expect_str_eq(shown.data, expected->data, "%s as %s by %zu:\n%s", path, format, step,
                     shown.data);
}

static void write_expected(const char *path, const struct buf *log)
{
    struct parse_options options = {.format = "auto"};
    cleanup_parsed struct parsed parsed =
        parse_bytes(&options, log->data, log->size, log->size, -1, END_EOF);
    cleanup_buf struct buf shown = BUF_INIT(FILE_MAX);
    parsed_show(&parsed, &shown);
    struct err err = {0};
    cr_assert_eq(fs_write(path, shown.data, shown.size, &err), 0, "%s", err.message);
}

static void check_log(const char *path)
{
    cleanup_buf struct buf log = BUF_INIT(FILE_MAX), expected = BUF_INIT(FILE_MAX);
    cleanup_free char *expected_path =
        xasprintf("%.*s.expected", (int)(strlen(path) - strlen(".log")), path);
    read_file(path, &log);
    if (getenv("HIL_GOLDEN_WRITE"))
        write_expected(expected_path, &log);
    read_file(expected_path, &expected);
    check_way(path, "auto", log.size, &log, &expected);
    check_way(path, "auto", 1, &log, &expected);
    check_way(path, "auto", 7, &log, &expected);

    cleanup_free char *dir = fs_dirname(path);
    const char *format = fs_basename(dir);
    if (strcmp(format, "none") == 0)
        return;
    check_way(path, format, log.size, &log, &expected);
    check_way(path, format, 1, &log, &expected);
}

Test(parse_golden, every_log_gives_what_is_expected)
{
    glob_t found = {0};
    cr_assert_eq(glob(HIL_TEST_DATA "/parse/*/*.log", 0, NULL, &found), 0);
    cr_assert_geq(found.gl_pathc, 35);
    for (size_t i = 0; i < found.gl_pathc; i++)
        check_log(found.gl_pathv[i]);
    globfree(&found);
}
