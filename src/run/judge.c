/* SPDX-License-Identifier: MIT */
#include "run/judge.h"

#include "base/buf.h"
#include "result/attempts.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NAMES_SHOWN 5
#define PART_MAX 1024
#define BEYOND_MAX 4096
#define REASON_MAX (BEYOND_MAX + 2048)

void judge_infra(struct job_result *result, const char *reason)
{
    result->verdict = VERDICT_INFRA;
    result->reason = arena_strdup(&result->arena, reason);
}

/* Of the image nothing is known then: that it did not get to run is the lab's doing. */
static void judge_other_image(struct job_result *result)
{
    const struct identity *identity = &result->identity;
    const char *reason = "the board runs another image";

    if (identity->printed && identity->expected)
        reason = arena_printf(&result->arena,
                              "the board runs build-id %s, the image is %s: flashing did not take, "
                              "or the board started from another place",
                              identity->printed, identity->expected);
    judge_infra(result, reason);
}

static bool passed_like(const struct job_result *result, const char *pattern)
{
    for (size_t s = 0; s < result->suite_count; s++) {
        const struct test_suite *suite = &result->suites[s];
        for (size_t c = 0; c < suite->count; c++) {
            const struct test_case *test_case = &suite->cases[c];
            if (test_case->result != CASE_PASS)
                continue;
            if (case_like(suite->name, test_case->name, pattern))
                return true;
        }
    }
    return false;
}

/* Another part of a reason. What does not fit is cut off, but never all of it: a reason that is too
 * long must not make a pass. */
static void add_text(struct buf *reason, const char *text)
{
    size_t length = strlen(text), room;

    if (reason->size)
        buf_adds(reason, "; ");
    room = reason->ceiling - reason->size;
    buf_add(reason, text, length < room ? length : room);
}

__attribute__((format(printf, 2, 3))) static void add(struct buf *reason, const char *format, ...)
{
    char part[PART_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(part, sizeof part, format, args);
    va_end(args);
    add_text(reason, part);
}

/* "2 of 12 tests failed: test_a, test_b" */
static void add_failures(struct buf *reason, const struct job_result *result)
{
    struct test_counts counts = job_counts(result);
    size_t bad = counts.fail + counts.error, shown = 0;

    if (!bad)
        return;
    add(reason, "%zu of %zu tests failed", bad, counts.total);
    for (size_t s = 0; s < result->suite_count; s++) {
        for (size_t c = 0; c < result->suites[s].count && shown < NAMES_SHOWN; c++) {
            const struct test_case *test_case = &result->suites[s].cases[c];
            if (test_case->result != CASE_FAIL && test_case->result != CASE_ERROR)
                continue;
            buf_addf(reason, "%s%.200s", shown++ ? ", " : ": ", test_case->name);
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
        add(reason, "no output within %s of the reset (boot deadline)",
            str_from_us(timeouts->boot * 1000, time));
        break;
    case END_IDLE:
        add(reason, "no output for %s (idle deadline)", str_from_us(timeouts->idle * 1000, time));
        break;
    case END_TOTAL:
        add(reason, "still not done after %s (total deadline)",
            str_from_us(timeouts->total * 1000, time));
        break;
    case END_CRASH:
        if (result->end_detail)
            add_text(reason, result->end_detail);
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

    if (total < expect->tests)
        add(reason, "%" PRIu64 " tests were expected, %zu were seen", expect->tests, total);
    for (size_t i = 0; i < expect->require.count; i++)
        if (!passed_like(result, expect->require.items[i]))
            add(reason, "no test that matches '%.200s' passed", expect->require.items[i]);
}

/* What the other parts cannot say: they have found nothing wrong, but nothing good either. */
static void add_silence(struct buf *reason, const struct job_result *result)
{
    if (!job_counts(result).total)
        add(reason, "no tests were found");
    else if (result->end == END_CRASH)
        add(reason, "the firmware crashed");
    else if (!result->complete)
        add(reason, "the end of the run was not seen");
}

void judge(struct job_result *result, const char *trouble, const struct expect *expect,
           const struct timeouts *timeouts)
{
    cleanup_buf struct buf beyond = BUF_INIT(BEYOND_MAX); /* the cases */
    cleanup_buf struct buf reason = BUF_INIT(REASON_MAX);

    if (result->end == END_GONE || result->end == END_CANCELLED || result->end == END_NONE) {
        judge_infra(result, result->end == END_GONE        ? "the console vanished during the test"
                            : result->end == END_CANCELLED ? "cancelled"
                                                           : "the test never began");
        return;
    }
    if (result->end == END_OTHER || result->identity.build_id == PROOF_OTHER) {
        judge_other_image(result);
        return;
    }
    add_end(&beyond, result, timeouts);
    if (trouble && result->end != END_BOOT) /* of silence there is no more to be said */
        add_text(&beyond, trouble);
    add_expectations(&beyond, result, expect);
    add_failures(&reason, result);
    if (!reason.size && !beyond.size)
        add_silence(&beyond, result);
    if (beyond.size) {
        result->trouble = arena_strndup(&result->arena, beyond.data, beyond.size);
        add_text(&reason, beyond.data);
    }
    result->verdict = reason.size ? VERDICT_FAIL : VERDICT_PASS;
    result->reason = arena_strndup(&result->arena, reason.data, reason.size);
}

static void fail(struct job_result *result, const char *trouble)
{
    result->verdict = VERDICT_FAIL;
    result->trouble = trouble;
    result->reason = trouble;
}

void judge_attempts(struct job_result *result, bool flaky_fails)
{
    const struct job_result *failed = NULL;
    const char *test = attempts_settle(result);

    for (size_t i = 0; i < result->earlier_count; i++)
        if (result->earlier[i]->verdict == VERDICT_FAIL)
            failed = result->earlier[i];
    if (failed && result->verdict == VERDICT_INFRA)
        fail(result, arena_printf(&result->arena, "failed before (%s), and then the lab did (%s)",
                                  failed->reason, result->reason));
    if (failed && result->verdict == VERDICT_PASS && test)
        fail(result,
             arena_printf(&result->arena,
                          "%s failed in an earlier attempt, and in none did it pass", test));
    if (!flaky_fails || !job_flaky(result))
        return;
    result->flaky_red = true;
    fail(result,
         arena_printf(&result->arena, "passed at attempt %zu only, and what is flaky is to fail",
                      result->earlier_count + 1));
}

void judge_run(struct run_result *run)
{
    run->verdict = run->count ? run->jobs[0]->verdict : VERDICT_INFRA;
    for (size_t i = 1; i < run->count; i++)
        run->verdict = verdict_worse(run->verdict, run->jobs[i]->verdict);
}
