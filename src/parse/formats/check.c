/* SPDX-License-Identifier: MIT
 *
 * Check (https://libcheck.github.io/check/):
 *
 *     Running suite(s): power
 *      clock
 *     50%: Checks: 4, Failures: 1, Errors: 1
 *     test/power.c:10:P:core:adds_up:0: Passed
 *     test/power.c:22:F:core:loops:2: level is low
 *     test/power.c:33:E:core:crashes:0: (after this point) Received signal 11 (Segmentation fault)
 *
 * The counts come first and the results after them; CK_NORMAL names only what failed. So the run is
 * over when as many results as were counted have come: all of them, or, where none that passed is
 * named, those that failed. The number before the message is that of a loop test.
 */
#include "parse/format.h"

#include <string.h>

#define UNNAMED_MAX 10000 /* tests that were counted and not shown */
#define MORE_MS 500       /* in which the results follow the counts */

struct check {
    bool counted, named; /* named: a test that passed was */
    uint64_t total, failed;
    uint64_t seen, seen_failed;
};

static const struct {
    const char *mark;
    enum case_result result;
} marks[] = {{":P:", CASE_PASS}, {":F:", CASE_FAIL}, {":E:", CASE_ERROR}};

/* "TCASE:TEST:ITERATION: MESSAGE"; a test case's name may hold colons. */
static bool read_names(struct scan scan, struct finding *ret)
{
    struct text skipped;
    const char *begin = scan.at;
    while (scan_until(&scan, ":", &skipped)) {
        const char *end = scan.at - 1;
        struct scan number = scan;
        uint64_t iteration;
        if (!scan_number(&number, &iteration) || !scan_word(&number, ":"))
            continue;
        const char *colon = memrchr(begin, ':', (size_t)(end - begin));
        if (!colon)
            return false;
        ret->suite = (struct text){.at = begin, .size = (size_t)(colon - begin)};
        const char *name_end = iteration > 0 ? number.at - 1 : end;
        ret->name = (struct text){.at = colon + 1, .size = (size_t)(name_end - colon - 1)};
        ret->message = scan_rest(&number);
        return ret->name.size > 0;
    }
    return false;
}

static bool read_result(struct text line, struct finding *ret)
{
    *ret = (struct finding){.duration_us = -1};
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        struct scan scan = scan_begin(line);
        struct text place;
        if (!scan_until(&scan, marks[i].mark, &place))
            continue;
        const char *colon = place.size ? memrchr(place.at, ':', place.size) : NULL;
        if (!colon)
            continue;
        struct scan number = {.at = colon + 1, .end = place.at + place.size};
        uint64_t at;
        if (!scan_number(&number, &at) || !scan_done(&number) || at > UINT32_MAX ||
            !read_names(scan, ret))
            continue;
        ret->file = (struct text){.at = place.at, .size = (size_t)(colon - place.at)};
        ret->line = (uint32_t)at;
        ret->result = marks[i].result;
        return true;
    }
    return false;
}

static void end_run(struct check *check, struct collector *collector)
{
    collector_run_end(collector, check->failed == 0, false);
    *check = (struct check){0};
}

static bool take_result(struct check *check, struct text line, struct collector *collector)
{
    struct finding finding;
    if (!read_result(line, &finding))
        return false;
    if (finding.result == CASE_PASS)
        finding.message.size = 0; /* "Passed" */
    else if (finding.message.size &&
             memmem(finding.message.at, finding.message.size, "timeout expired", 15))
        finding.error_type = "hang";
    collector_result(collector, &finding);
    collector_patience(collector, MORE_MS);
    check->named = check->named || finding.result == CASE_PASS;
    check->seen++;
    check->seen_failed += finding.result != CASE_PASS;
    if (check->counted && check->seen == check->total)
        end_run(check, collector);
    return true;
}

/* "54%: Checks: 11, Failures: 2, Errors: 3" */
static bool read_counts(struct text line, uint64_t *ret_total, uint64_t *ret_failed)
{
    struct scan scan = scan_begin(line);
    uint64_t number, errors;
    if (!scan_number(&scan, &number) || !scan_word(&scan, "%: Checks: ") ||
        !scan_number(&scan, ret_total) || !scan_word(&scan, ", Failures: ") ||
        !scan_number(&scan, ret_failed) || !scan_word(&scan, ", Errors: ") ||
        !scan_number(&scan, &errors) || !scan_done(&scan))
        return false;
    *ret_failed += errors;
    return true;
}

/* The tests that passed and were not named, and the end, if all others were. */
static void check_end(void *state, struct collector *collector)
{
    struct check *check = state;
    if (!check->counted || check->named || check->seen_failed < check->failed ||
        check->total > UNNAMED_MAX)
        return;
    for (uint64_t i = check->seen; i < check->total; i++)
        collector_result(collector, &(struct finding){.name = text_of("(unnamed)"),
                                                      .result = CASE_PASS,
                                                      .duration_us = -1});
    end_run(check, collector);
}

static bool check_line(void *state, struct text line, struct collector *collector)
{
    struct check *check = state;
    uint64_t total, failed;
    if (text_starts(line, "Running suite(s): ")) {
        check_end(check, collector);
        collector_run_start(collector);
        *check = (struct check){0};
        return true;
    }
    if (!read_counts(line, &total, &failed))
        return take_result(check, line, collector);
    check_end(check, collector);
    *check = (struct check){.counted = true, .total = total, .failed = failed};
    collector_totals(collector, (int64_t)total, (int64_t)failed);
    collector_patience(collector, MORE_MS);
    return true;
}

static int check_detect(struct text line)
{
    uint64_t number;
    if (text_starts(line, "Running suite(s): ") || read_counts(line, &number, &number))
        return DETECT_STRONG;
    return DETECT_NO;
}

const struct format format_check = {
    .name = "check",
    .summary = "Check",
    .example = "54%: Checks: 11, Failures: 2, Errors: 3",
    .state_size = sizeof(struct check),
    .first = "R0123456789",
    .detect = check_detect,
    .line = check_line,
    .end = check_end,
};
