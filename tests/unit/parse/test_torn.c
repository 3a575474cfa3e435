/* SPDX-License-Identifier: MIT
 *
 * What happens to a log on its way must not change what is in it: every golden log is spoiled in
 * the ways that consoles spoil them, and still has the same tests with the same results.
 */
#include "base/fs.h"
#include "base/str.h"
#include "parsed.h"

#include <criterion/criterion.h>
#include <glob.h>
#include <string.h>

#define FILE_MAX ((size_t)16 * 1024 * 1024)
#define LONG_LINE ((size_t)1024 * 1024)
#define CATCH2_RULE 79

/* Line ends that a terminal, a driver or a gateway makes of LF, and bytes that come with lines. */
static const struct way {
    const char *what, *before, *after; /* around each line; `after` has its end */
    size_t before_size, after_size;
} ways[] = {
#define WAY(what, before, after)                                   \
    {                                                              \
        what, before, after, sizeof(before) - 1, sizeof(after) - 1 \
    }
    WAY("CR LF", "", "\r\n"),
    WAY("CR CR LF", "", "\r\r\n"),
    WAY("lone CR", "", "\r"),
    WAY("LF CR", "", "\n\r"),
    WAY("colours", "\x1b[0;32m", "\x1b[0m\r\n"),
    WAY("colours and a cursor", "\x1b[2K\x1b[1G\x1b[1;31m", "\x1b[m\n"),
    WAY("a title", "\x1b]0;bench\a", "\n"),
    WAY("NUL before", "\0\0", "\n"),
    WAY("NUL behind", "", "\0\r\n"),
};

static void read_log(const char *path, struct buf *ret)
{
    struct err err = {0};
    cr_assert_eq(fs_read(path, ret, &err), 0, "%s", err.message);
}

static void show_cases(const struct buf *log, const char *format, struct buf *out)
{
    struct parse_options options = {.format = format};
    cleanup_parsed struct parsed parsed =
        parse_bytes(&options, log->data, log->size, log->size, -1, END_EOF);
    buf_addf(out, "complete %d\n", parsed.job->complete);
    for (size_t i = 0; i < parsed.job->suite_count; i++) {
        const struct test_suite *suite = &parsed.job->suites[i];
        for (size_t k = 0; k < suite->count; k++)
            buf_addf(out, "%s | %s | %d\n", suite->name, suite->cases[k].name,
                     (int)suite->cases[k].result);
    }
}

/* The log with `way` around each of its lines; a last line without an end stays one. */
static void spoil(const struct buf *log, const struct way *way, struct buf *out)
{
    const char *at = log->data, *end = log->data + log->size;
    while (at < end) {
        const char *next = memchr(at, '\n', (size_t)(end - at));
        size_t size = (size_t)((next ? next : end) - at);
        if (next && size && at[size - 1] == '\r')
            size--;
        buf_add(out, way->before, way->before_size);
        buf_add(out, at, size);
        if (next)
            buf_add(out, way->after, way->after_size);
        at = next ? next + 1 : end;
    }
}

static void same_cases(const char *path, const char *what, const struct buf *log,
                       const struct buf *spoiled)
{
    cleanup_free char *dir = fs_dirname(path);
    const char *ways_to_read[] = {"auto", fs_basename(dir)};
    for (size_t i = 0; i < ARRAY_SIZE(ways_to_read); i++) {
        if (str_eq(ways_to_read[i], "none"))
            continue;
        cleanup_buf struct buf was = BUF_INIT(FILE_MAX), is = BUF_INIT(FILE_MAX);
        show_cases(log, ways_to_read[i], &was);
        show_cases(spoiled, ways_to_read[i], &is);
        cr_expect_str_eq(is.data, was.data, "%s as %s with %s:\n%sinstead of\n%s", path,
                         ways_to_read[i], what, is.data, was.data);
    }
}

typedef void check_fn(const char *path, const struct buf *log);

static void for_every_log(check_fn *check)
{
    glob_t found = {0};
    cr_assert_eq(glob(HIL_TEST_DATA "/parse/*/*.log", 0, NULL, &found), 0);
    cr_assert_geq(found.gl_pathc, 150);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        cleanup_buf struct buf log = BUF_INIT(FILE_MAX);
        read_log(found.gl_pathv[i], &log);
        check(found.gl_pathv[i], &log);
    }
    globfree(&found);
}

static void check_ways(const char *path, const struct buf *log)
{
    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        cleanup_buf struct buf spoiled = BUF_INIT(FILE_MAX);
        spoil(log, &ways[i], &spoiled);
        same_cases(path, ways[i].what, log, &spoiled);
    }
}

Test(parse_torn, line_ends_colours_and_nul_change_nothing)
{
    for_every_log(check_ways);
}

/* Catch2's names are what stands between two rules, on as many lines as they need: nothing tells
 * noise from a name there. */
static bool in_catch2_name(const char *path, const struct buf *log, size_t at)
{
    size_t run = 0;
    bool in_name = false;
    if (!strstr(path, "/catch2/"))
        return false;
    for (size_t i = 1; i < at; i++) {
        run = log->data[i] == log->data[i - 1] ? run + 1 : 0;
        if (run == CATCH2_RULE - 1)
            in_name = log->data[i] == '-';
    }
    return in_name;
}

/* A line of noise at every place where one can stand, one place at a time. */
static void check_noise(const char *path, const struct buf *log)
{
    static const char noise[] = "\xff\xfe\xc3(\x80 rx overrun \xed\xa0\x80\xf5 [wifi] retry 3\n";
    for (size_t at = 0; at < log->size; at++) {
        if ((at && log->data[at - 1] != '\n') || in_catch2_name(path, log, at))
            continue;
        cleanup_buf struct buf spoiled = BUF_INIT(FILE_MAX);
        buf_add(&spoiled, log->data, at);
        buf_add(&spoiled, noise, sizeof(noise) - 1);
        buf_add(&spoiled, log->data + at, log->size - at);
        cleanup_free char *what = xasprintf("noise before byte %zu", at);
        same_cases(path, what, log, &spoiled);
    }
}

Test(parse_torn, a_line_of_broken_text_anywhere_changes_nothing)
{
    for_every_log(check_noise);
}

static void check_long_line(const char *path, const struct buf *log)
{
    const char *first_end = memchr(log->data, '\n', log->size);
    size_t at = first_end ? (size_t)(first_end - log->data) + 1 : 0;
    cleanup_buf struct buf spoiled = BUF_INIT(FILE_MAX);
    buf_add(&spoiled, log->data, at);
    for (size_t i = 0; i < LONG_LINE / 64; i++)
        buf_add(&spoiled, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde ", 64);
    buf_adds(&spoiled, "\n");
    buf_add(&spoiled, log->data + at, log->size - at);
    same_cases(path, "a line of a megabyte", log, &spoiled);
}

Test(parse_torn, a_line_of_a_megabyte_changes_nothing)
{
    for_every_log(check_long_line);
}

/* ---- a result that an interrupt's line cuts in half ----------------------------------------- */

#define CUT_STEP 11

/* Here a cut may take the one trace there is of what was wrong: a start, a copy, or counts. */
static const char *const one_trace[] = {
    "aunit/reset.log",
    "embunit/restarted.log",
    "greentea/count_lost.log",
    "unity/second_program_lost.log",
    "esp-idf-unity/second_session_lost.log",
    "esp-idf-unity/restarted.log",
    "tap/same_number_twice.log",
};

static bool has_one_trace(const char *path)
{
    for (size_t i = 0; i < ARRAY_SIZE(one_trace); i++) {
        if (strstr(path, one_trace[i]))
            return true;
    }
    return false;
}

static bool is_green(const struct buf *log, const char *format)
{
    struct parse_options options = {.format = format};
    cleanup_parsed struct parsed parsed =
        parse_bytes(&options, log->data, log->size, log->size, -1, END_EOF);
    struct test_counts counts = job_counts(parsed.job);
    return parsed.job->complete && counts.fail + counts.error == 0 && counts.total > 0 &&
           str_eq(parsed.trouble, "");
}

/* What was red is not green for it; what was green may lose what no one could read. */
static void check_cuts(const char *path, const struct buf *log)
{
    static const char interrupt[] = "W (4711) uart: overrun 17\n";
    cleanup_free char *dir = fs_dirname(path);
    const char *format = fs_basename(dir);
    if (str_eq(format, "none") || has_one_trace(path) || is_green(log, format))
        return;
    for (size_t at = log->size % CUT_STEP; at < log->size; at += CUT_STEP) {
        cleanup_buf struct buf spoiled = BUF_INIT(FILE_MAX);
        buf_add(&spoiled, log->data, at);
        buf_add(&spoiled, interrupt, sizeof(interrupt) - 1);
        buf_add(&spoiled, log->data + at, log->size - at);
        cr_expect(!is_green(&spoiled, format), "%s is green when cut at %zu", path, at);
        cr_expect(!is_green(&spoiled, "auto"), "%s is green by auto when cut at %zu", path, at);
    }
}

Test(parse_torn, a_cut_result_turns_nothing_green)
{
    for_every_log(check_cuts);
}
