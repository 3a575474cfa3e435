/* SPDX-License-Identifier: MIT
 *
 * Tests of two frameworks in one log, one behind the other: auto reads both.
 */
#include "base/fs.h"
#include "base/str.h"
#include "parsed.h"

#include <criterion/criterion.h>
#include <string.h>

#define FILE_MAX ((size_t)1024 * 1024)

static const char *const whole[] = {
    "aunit/mixed",        "catch2/all",      "check/verbose",
    "chibios/two_suites", "cmocka/all",      "cpputest/verbose",
    "criterion/all",      "defmt-test/pass", "embedded-test/all_ways",
    "embunit/text",       "googletest/all",  "greentea/one_missing",
    "libtest-json/real",  "libtest/plain",   "nuttx-ostest/pass",
    "subunit/progress",   "tap/v13_yaml",    "unity/plain",
    "ztest/fail",
};

/* Lines of the second are the first's, too. */
static const char *const kin[][2] = {
    {"cmocka/all", "googletest/all"},
    {"cpputest/verbose", "unity/plain"},
};

static bool are_kin(const char *a, const char *b)
{
    for (size_t i = 0; i < ARRAY_SIZE(kin); i++) {
        if ((str_eq(a, kin[i][0]) && str_eq(b, kin[i][1])) ||
            (str_eq(a, kin[i][1]) && str_eq(b, kin[i][0])))
            return true;
    }
    return false;
}

static void add_log(const char *name, struct buf *out)
{
    struct err err = {0};
    cleanup_free char *path = xasprintf(HIL_TEST_DATA "/parse/%s.log", name);
    cleanup_buf struct buf log = BUF_INIT(FILE_MAX);
    cr_assert_eq(fs_read(path, &log, &err), 0, "%s", err.message);
    buf_add(out, log.data, log.size);
    if (log.size && log.data[log.size - 1] != '\n')
        buf_adds(out, "\n");
}

static struct parsed parse_log(const struct buf *log)
{
    return parse_bytes(&(struct parse_options){.format = "auto"}, log->data, log->size, log->size,
                       -1, END_EOF);
}

static struct test_counts count_alone(const char *name)
{
    cleanup_buf struct buf log = BUF_INIT(FILE_MAX);
    add_log(name, &log);
    cleanup_parsed struct parsed parsed = parse_log(&log);
    return job_counts(parsed.job);
}

static void check_pair(const char *first, const char *second)
{
    cleanup_buf struct buf log = BUF_INIT(FILE_MAX);
    add_log(first, &log);
    add_log(second, &log);
    cleanup_parsed struct parsed parsed = parse_log(&log);
    struct test_counts a = count_alone(first), b = count_alone(second);
    struct test_counts both = job_counts(parsed.job);
    cleanup_free char *what = xasprintf("%s and %s as %s", first, second, parsed.job->format);
    cr_expect(parsed.job->complete, "%s: %s", what, parsed.trouble);
    cr_expect_eq(both.pass, a.pass + b.pass, "%s: %zu passed", what, (size_t)both.pass);
    cr_expect_eq(both.fail, a.fail + b.fail, "%s: %zu failed", what, (size_t)both.fail);
    cr_expect_eq(both.error, a.error + b.error, "%s: %zu errors", what, (size_t)both.error);
    cr_expect_eq(both.skip, a.skip + b.skip, "%s: %zu skipped", what, (size_t)both.skip);
}

Test(parse_dialects, any_two_in_one_log)
{
    for (size_t i = 0; i < ARRAY_SIZE(whole); i++) {
        for (size_t k = 0; k < ARRAY_SIZE(whole); k++) {
            if (k != i && !are_kin(whole[i], whole[k]))
                check_pair(whole[i], whole[k]);
        }
    }
}

#define UNITY "t.c:1:one:PASS\n\n-----------------------\n1 Tests 0 Failures 0 Ignored \nOK\n"
#define BANNER "*** Booting Zephyr OS build v4.1.0 ***\n"
#define ZTEST_OPEN "Running TESTSUITE net\nSTART - test_ping\n"
#define ZTEST                                                                  \
    ZTEST_OPEN " PASS - test_ping in 0.001 seconds\nTESTSUITE net succeeded\n" \
               "PROJECT EXECUTION SUCCESSFUL\n"

static void check_text(const char *text, const char *format, bool complete, const char *trouble,
                       size_t count)
{
    cleanup_parsed struct parsed parsed = parse_text("auto", text);
    cr_expect_str_eq(parsed.job->format, format, "%s", text);
    cr_expect_eq(parsed.job->complete, complete, "%s", text);
    cr_expect_str_eq(parsed.trouble, trouble, "%s", text);
    cr_expect_eq(parsed_count(&parsed), count, "%s", text);
}

Test(parse_dialects, the_board_may_start_again_for_the_second)
{
    check_text(UNITY BANNER ZTEST, "unity, ztest", true, "", 2);
    check_text(UNITY BANNER BANNER "boot: ok\n" ZTEST, "unity, ztest", true, "", 2);
}

Test(parse_dialects, what_was_wrong_with_the_first_stays)
{
    check_text("t.c:1:one:PASS\n2 Tests 0 Failures 0 Ignored \nOK\n" ZTEST, "unity, ztest", true,
               "1 of 2 tests are missing", 2);
}

Test(parse_dialects, the_second_needs_its_own_end)
{
    check_text(UNITY ZTEST_OPEN, "unity, ztest", false,
               "the end marker of the run was not seen after test_ping", 2);
}

Test(parse_dialects, a_loop_over_both_is_read_once)
{
    check_text(UNITY BANNER ZTEST UNITY BANNER ZTEST UNITY, "unity, ztest, unity", true, "", 2);
}

Test(parse_dialects, a_format_that_is_forced_stays)
{
    cleanup_parsed struct parsed parsed = parse_text("unity", UNITY ZTEST);
    cr_expect_str_eq(parsed.job->format, "unity");
    cr_expect_eq(parsed_count(&parsed), 1);
}
