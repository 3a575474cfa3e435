/* SPDX-License-Identifier: MIT
 *
 * What auto makes of logs that begin anywhere: the format, or none, but never another.
 */
#include "base/fs.h"
#include "base/str.h"
#include "parsed.h"

#include <criterion/criterion.h>
#include <glob.h>
#include <string.h>

#define FILE_MAX ((size_t)1024 * 1024)
#define STARTS_MAX 40 /* in one log */

/* Dialects of one another: a few lines of the first may be all of the second's. */
static const struct {
    const char *format, *seen_as;
} kin[] = {
    {"ktap", "tap"},            /* without a prefix and a version */
    {"esp-idf-unity", "unity"}, /* results only */
    {"cpputest", "unity"},      /* "TEST(group, name)" */
    {"aunit", "arduinounit"},   /* "Test name passed." */
    {"arduinounit", "aunit"},
};

static bool is_right(const char *format, const char *seen_as)
{
    if (!seen_as || str_eq(format, seen_as))
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(kin); i++) {
        if (str_eq(format, kin[i].format) && str_eq(seen_as, kin[i].seen_as))
            return true;
    }
    return false;
}

static void check_from(const char *path, const char *format, const char *text, size_t size)
{
    struct parse_options options = {.format = "auto"};
    cleanup_parsed struct parsed parsed = parse_bytes(&options, text, size, size, -1, END_EOF);
    cr_expect(is_right(format, parsed.job->format), "the last %zu bytes of %s as %s", size, path,
              parsed.job->format);
}

static void check_log(const char *path)
{
    struct err err = {0};
    cleanup_buf struct buf log = BUF_INIT(FILE_MAX);
    cleanup_free char *dir = fs_dirname(path);
    cr_assert_eq(fs_read(path, &log, &err), 0, "%s", err.message);
    size_t lines = 0;
    for (size_t i = 0; i < log.size; i++)
        lines += log.data[i] == '\n';
    const char *at = log.data, *end = log.data + log.size;
    for (size_t line = 0; at < end; line++) {
        if (line % (lines / STARTS_MAX + 1) == 0)
            check_from(path, fs_basename(dir), at, (size_t)(end - at));
        const char *next = memchr(at, '\n', (size_t)(end - at));
        at = next ? next + 1 : end;
    }
}

Test(parse_auto, a_log_that_begins_in_the_middle_is_not_mistaken)
{
    glob_t found = {0};
    cr_assert_eq(glob(HIL_TEST_DATA "/parse/*/*.log", 0, NULL, &found), 0);
    cr_assert_geq(found.gl_pathc, 100);
    for (size_t i = 0; i < found.gl_pathc; i++)
        check_log(found.gl_pathv[i]);
    globfree(&found);
}
