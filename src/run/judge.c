/* SPDX-License-Identifier: MIT */
#include "run/judge.h"

#include "base/buf.h"

#include <inttypes.h>
#include <string.h>

#define NAMES_SHOWN 5

void judge_infra(struct job_result *result, const char *reason)
{
    result->verdict = VERDICT_INFRA;
    result->reason = arena_strdup(&result->arena, reason);
}

static bool passed_like(const struct job_result *result, const char *pattern)
{
    for (size_t s = 0; s < result->suite_count; s++) {
        const struct test_suite *suite = &result->suites[s];
        for (size_t c = 0; c < suite->count; c++) {
            const struct test_case *test_case = &suite->cases[c];
            if (test_case->result != CASE_PASS)
                continue;
            if (str_glob(pattern, test_case->name))
                return true;
            cleanup_free char *full = xasprintf("%s.%s", suite->name, test_case->name);
            if (str_glob(pattern, full))
                return true;
        }
    }
    return false;
}

static void add(struct buf *reason, const char *text)
{
    if (reason->size)
        buf_adds(reason, "; ");
    buf_adds(reason, text);
}

/* "2 of 12 tests failed: test_a, test_b" */
static void add_failures(struct buf *reason, const struct job_result *result)
{
    struct test_counts counts = job_counts(result);
    size_t bad = counts.fail + counts.error, shown = 0;

    if (!bad)
        return;
    add(reason, "");
    buf_addf(reason, "%zu of %zu tests failed", bad, counts.total);
    for (size_t s = 0; s < result->suite_count; s++) {
        for (size_t c = 0; c < result->suites[s].count && shown < NAMES_SHOWN; c++) {
            const struct test_case *test_case = &result->suites[s].cases[c];
            if (test_case->result != CASE_FAIL && test_case->result != CASE_ERROR)
                continue;
            buf_addf(reason, "%s%s", shown++ ? ", " : ": ", test_case->name);
            if (test_case->error_type)
                buf_addf(reason, " (%s)", test_case->error_type);
        }
    }
    if (shown < bad)
        buf_addf(reason, " and %zu more", bad - shown);
}

/* Why the capture ended before the firmware said that it was done. */
static void add_end(struct buf *reason, const struct job_result *result,
                    const struct timeouts *timeouts)
{
    char time[32];

    switch (result->end) {
    case END_BOOT:
        add(reason, "no output within ");
        buf_addf(reason, "%s of the reset (boot deadline)",
                 str_from_us(timeouts->boot * 1000, time));
        break;
    case END_IDLE:
        add(reason, "no output for ");
        buf_addf(reason, "%s (idle deadline)", str_from_us(timeouts->idle * 1000, time));
        break;
    case END_TOTAL:
        add(reason, "still not done after ");
        buf_addf(reason, "%s (total deadline)", str_from_us(timeouts->total * 1000, time));
        break;
    case END_CRASH:
        if (result->end_detail)
            add(reason, result->end_detail);
        break;
    case END_REBOOTS:
        add(reason, "the firmware starts over and over");
        break;
    default:
        break;
    }
}

static void add_expectations(struct buf *reason, const struct job_result *result,
                             const struct expect *expect)
{
    size_t total = job_counts(result).total;

    if (expect->tests && total < expect->tests) {
        add(reason, "");
        buf_addf(reason, "%" PRIu64 " tests were expected, %zu were seen", expect->tests, total);
    }
    for (size_t i = 0; i < expect->require.count; i++) {
        if (passed_like(result, expect->require.items[i]))
            continue;
        add(reason, "");
        buf_addf(reason, "no test that matches '%s' passed", expect->require.items[i]);
    }
}

void judge(struct job_result *result, const char *trouble, const struct expect *expect,
           const struct timeouts *timeouts)
{
    cleanup_buf struct buf reason = BUF_INIT(4096);
    cleanup_buf struct buf beyond = BUF_INIT(2048); /* the cases */

    if (result->end == END_GONE || result->end == END_CANCELLED || result->end == END_NONE) {
        judge_infra(result, result->end == END_GONE        ? "the console vanished during the test"
                            : result->end == END_CANCELLED ? "cancelled"
                                                           : "the test never began");
        return;
    }
    add_end(&beyond, result, timeouts);
    if (trouble && result->end != END_BOOT) /* of silence there is no more to be said */
        add(&beyond, trouble);
    add_expectations(&beyond, result, expect);
    add_failures(&reason, result);
    /* What the parts above cannot say: they have found nothing wrong, but nothing good either. */
    if (!reason.size && !beyond.size && !job_counts(result).total)
        add(&beyond, "no tests were found");
    if (!reason.size && !beyond.size && !result->complete)
        add(&beyond, "the end of the run was not seen");
    if (beyond.size) {
        result->trouble = arena_strndup(&result->arena, beyond.data, beyond.size);
        add(&reason, beyond.data);
    }
    result->verdict = reason.size ? VERDICT_FAIL : VERDICT_PASS;
    result->reason = arena_strndup(&result->arena, reason.data, reason.size);
}
