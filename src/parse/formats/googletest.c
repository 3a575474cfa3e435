/* SPDX-License-Identifier: MIT
 *
 * GoogleTest (https://google.github.io/googletest/), as its console printer has it:
 *
 *     [==========] Running 3 tests from 1 test suite.
 *     [ RUN      ] Timer.CountsUp
 *     [       OK ] Timer.CountsUp (0 ms)
 *     [ RUN      ] Port/Pins.Toggle/1
 *     test/pins.cpp:64: Failure
 *     Expected: (GetParam()) != (7), actual: 7 vs 7
 *     [  FAILED  ] Port/Pins.Toggle/1, where GetParam() = 7 (0 ms)
 *     [ DISABLED ] Timer.DISABLED_Later
 *     [==========] 2 tests from 1 test suite ran. (0 ms total)
 *     [  PASSED  ] 1 test.
 *     [  FAILED  ] 1 test, listed below:
 *     [  FAILED  ] Port/Pins.Toggle/1, where GetParam() = 7
 *
 *      1 FAILED TEST
 *
 * Disabled tests become skipped ones, though the firmware does not count them. The lists at the end
 * repeat what was seen, and complete what was lost.
 */
#include "parse/format.h"
#include "parse/formats/failure.h"
#include "parse/formats/tags.h"

#include <inttypes.h>
#include <string.h>

#define MORE_MS 1000 /* in which a next repetition begins, or the lists at the end go on */

struct googletest {
    bool ran;     /* the lists at the end follow */
    bool repeats; /* --gtest_repeat */
    uint64_t planned, total, skipped, failed;
    int64_t disabled;
    struct failure failure;
};

/* ---- results ------------------------------------------------------------------------------- */

/* "Suite.Name, where GetParam() = 7 (3 ms)" */
static void read_name(struct text rest, struct finding *ret, struct text *ret_where)
{
    const char *open = rest.size ? memrchr(rest.at, '(', rest.size) : NULL;
    struct text timed = rest;
    ret->duration_us = -1;
    if (open && text_cut_end(&timed, " ms)")) {
        struct scan number = {.at = open + 1, .end = timed.at + timed.size};
        if (scan_decimal(&number, 1000, &ret->duration_us) && scan_done(&number))
            rest = text_trim((struct text){.at = rest.at, .size = (size_t)(open - rest.at)});
        else
            ret->duration_us = -1;
    }
    struct scan scan = scan_begin(rest);
    struct text name = rest;
    *ret_where = (struct text){.at = rest.at};
    if (scan_until(&scan, ", where ", &name))
        *ret_where = scan_rest(&scan);
    scan = scan_begin(name);
    if (!scan_until(&scan, ".", &ret->suite))
        ret->suite = (struct text){.at = name.at};
    ret->name = scan_rest(&scan);
}

static void take_result(struct googletest *test, struct text rest, enum case_result result,
                        struct collector *collector)
{
    struct finding finding = {.result = result};
    struct text where, open;
    read_name(rest, &finding, &where);
    bool torn = finding.suite.size == 0 || memchr(finding.name.at, ' ', finding.name.size);
    if (test->ran) {
        if (finding.suite.size == 0) /* a suite's own set-up failed: no test, but a case */
            collector_totals(collector, 1, -1);
        collector_settle(collector, &finding);
        return;
    }
    if (torn && collector_open_test(collector, &open)) /* by a line of somebody else's */
        finding.suite = finding.name = (struct text){.at = rest.at};
    test->skipped += result == CASE_SKIP;
    failure_give(&test->failure, &finding);
    collector_result(collector, &finding);
    if (where.size > 0 && result == CASE_FAIL)
        collector_detail(collector, where);
}

static void take_disabled(struct googletest *test, struct text rest, struct collector *collector)
{
    struct finding finding = {.result = CASE_SKIP, .message = text_of("disabled")};
    struct text where;
    read_name(rest, &finding, &where);
    test->disabled++;
    collector_result(collector, &finding);
}

/* "FILE:LINE: Failure", "unknown file: Failure", "FILE:LINE: Skipped"; the words are below. */
static bool take_failure(struct googletest *test, struct text line, struct collector *collector)
{
    struct place place = {0};
    if (!text_cut_end(&line, ": Failure") && !text_cut_end(&line, ": Skipped"))
        return false;
    if (!place_read(line, &place) && !text_ends(line, "unknown file"))
        return false;
    failure_begin(&test->failure, &place, (struct text){.at = line.at}, collector);
    return true;
}

/* ---- the run ------------------------------------------------------------------------------- */

static void end_run(struct googletest *test, struct collector *collector)
{
    bool repeats = test->repeats;
    collector_run_end(collector, test->failed == 0, repeats);
    if (repeats)
        collector_patience(collector, MORE_MS);
    *test = (struct googletest){.repeats = repeats};
}

/* "Running 3 tests from 1 test suite.", "3 tests from 1 test suite ran. (0 ms total)" */
static void take_bar(struct googletest *test, struct scan rest, struct collector *collector)
{
    if (scan_word(&rest, "Running ")) {
        collector_run_start(collector);
        *test = (struct googletest){.repeats = test->repeats};
        tag_read_count(rest, &test->planned);
        return;
    }
    if (!tag_read_count(rest, &test->total))
        return;
    if (test->planned > test->total)
        collector_complain(collector, "%" PRIu64 " of %" PRIu64 " tests were not run",
                           test->planned - test->total, test->planned);
    collector_totals(collector, (int64_t)test->total + test->disabled, -1);
    collector_patience(collector, MORE_MS);
    test->ran = true;
}

/* "[  PASSED  ] 8 tests." is the last line of a run in which all did. */
static void take_passed(struct googletest *test, struct scan rest, struct collector *collector)
{
    uint64_t passed;
    if (test->ran && tag_read_count(rest, &passed) && passed + test->skipped >= test->total)
        end_run(test, collector);
}

static bool take_tag(struct googletest *test, enum tag tag, struct scan scan,
                     struct collector *collector)
{
    struct scan counted = scan;
    struct text rest = scan_rest(&scan);
    struct finding finding;
    struct text where;
    uint64_t count;
    test->failure.open = false;
    switch (tag) {
    case TAG_RUN:
        read_name(rest, &finding, &where);
        test->ran = test->failure.noted = false;
        collector_start(collector, finding.suite, finding.name);
        return true;
    case TAG_OK:
        take_result(test, rest, CASE_PASS, collector);
        return true;
    case TAG_FAILED:
    case TAG_SKIPPED:
        if (!tag_read_count(counted, &count)) {
            take_result(test, rest, tag == TAG_FAILED ? CASE_FAIL : CASE_SKIP, collector);
        } else if (test->ran && tag == TAG_FAILED) {
            test->failed = count;
            collector_totals(collector, -1, (int64_t)count);
        }
        return true;
    case TAG_DISABLED:
        take_disabled(test, rest, collector);
        return true;
    case TAG_PASSED:
        take_passed(test, counted, collector);
        return true;
    case TAG_BAR:
        take_bar(test, counted, collector);
        return true;
    default:
        return tag == TAG_RULE;
    }
}

/* " 2 FAILED TESTS" below the lists */
static bool take_last(struct googletest *test, struct text line, struct collector *collector)
{
    struct scan scan = scan_begin(text_trim(line));
    uint64_t count;
    if (!test->ran || !scan_number(&scan, &count) || !scan_word(&scan, " FAILED TEST"))
        return false;
    end_run(test, collector);
    return true;
}

static bool googletest_line(void *state, struct text line, struct collector *collector)
{
    struct googletest *test = state;
    struct scan rest;
    enum tag tag = tag_find(line, &rest);
    if (tag != TAG_NONE && take_tag(test, tag, rest, collector))
        return true;
    if (take_last(test, line, collector))
        return true;
    if (text_starts(line, "Repeating all tests (iteration "))
        test->repeats = true;
    if (!take_failure(test, line, collector))
        failure_more(&test->failure, line);
    return false;
}

static void googletest_end(void *state, struct collector *collector)
{
    struct googletest *test = state;
    if (test->ran)
        end_run(test, collector);
}

static int googletest_detect(struct text line)
{
    struct scan rest;
    struct finding finding;
    struct text where;
    uint64_t count;
    switch (tag_find(line, &rest)) {
    case TAG_BAR:
        scan_word(&rest, "Running ");
        return tag_read_count(rest, &count) &&
                       !memmem(rest.at, (size_t)(rest.end - rest.at), "(s)", 3)
                   ? DETECT_STRONG
                   : DETECT_NO;
    case TAG_RULE:
        return tag_read_count(rest, &count) ? DETECT_STRONG : DETECT_NO;
    case TAG_RUN:
    case TAG_OK:
    case TAG_FAILED:
    case TAG_SKIPPED:
        read_name(scan_rest(&rest), &finding, &where);
        if (finding.suite.size == 0)
            return DETECT_NO;
        return finding.duration_us >= 0 ? DETECT_STRONG : DETECT_LIKELY;
    default:
        return DETECT_NO;
    }
}

const struct format format_googletest = {
    .name = "googletest",
    .summary = "GoogleTest",
    .example = "[       OK ] Uart.Echoes (3 ms)",
    .state_size = sizeof(struct googletest),
    .first = "[",
    .signs = tag_texts,
    .detect = googletest_detect,
    .line = googletest_line,
    .end = googletest_end,
};
