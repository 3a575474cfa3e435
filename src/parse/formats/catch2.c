/* SPDX-License-Identifier: MIT
 *
 * Catch2 (https://github.com/catchorg/Catch2), versions 2 and 3, its console reporter:
 *
 *     -------------------------------------------------------------------------------
 *     the queue wraps
 *       forwards
 *     -------------------------------------------------------------------------------
 *     test/queue.cpp:17
 *     ...............................................................................
 *
 *     test/queue.cpp:19: FAILED:
 *       CHECK( 1 + 1 == 3 )
 *     with expansion:
 *       2 == 3
 *
 *     ===============================================================================
 *     test cases: 8 | 7 passed | 1 failed
 *     assertions: 9 | 8 passed | 1 failed
 *
 * or "All tests passed (5 assertions in 3 test cases)". Only test cases with something to say are
 * named, so that the counts add the others. Names are broken over lines at 80 columns; a test case
 * comes again for each of its sections. One that was expected to fail fails here: only the counts
 * tell, and not which.
 */
#include "parse/format.h"
#include "parse/formats/failure.h"

#include <string.h>

#define RULE_BYTES 79
#define HEADER_LINES_MAX 16

struct catch2 {
    bool header;  /* between the rules that hold the name */
    bool section; /* in it: the test case's name is over */
    unsigned header_lines;
    bool open, failed, skipped;
    bool said; /* that an assertion passed or not: without, nothing is known */
    uint64_t passed;
    size_t name_size, next_size;
    char name[512], next[512]; /* of the open test case; of the header */
    struct failure failure;
};

/* A rule of `byte`, maybe behind output that lacked a line end. */
static bool is_rule(struct text line, char byte)
{
    if (line.size < RULE_BYTES)
        return false;
    const char *at = line.at + line.size - RULE_BYTES;
    return *at == byte && memcmp(at, at + 1, RULE_BYTES - 1) == 0;
}

static void conclude(struct catch2 *test, struct collector *collector)
{
    if (!test->open)
        return;
    struct finding finding = {.name = {.at = test->name, .size = test->name_size},
                              .result = test->failed    ? CASE_FAIL
                                        : !test->said   ? CASE_ERROR
                                        : test->skipped ? CASE_SKIP
                                                        : CASE_PASS,
                              .duration_us = -1};
    if (finding.result == CASE_ERROR) {
        finding.error_type = "unfinished";
        finding.message = text_of("its result was not seen");
    }
    test->passed += finding.result == CASE_PASS;
    failure_give(&test->failure, &finding);
    collector_result(collector, &finding);
    test->open = test->failed = test->skipped = test->said = false;
}

/* ---- the header ---------------------------------------------------------------------------- */

/* The name is over at the first line that is indented: a section's. False: it is no header. */
static bool take_header(struct catch2 *test, struct text line)
{
    test->header = ++test->header_lines <= HEADER_LINES_MAX;
    test->section = test->section || (line.size > 0 && *line.at == ' ');
    if (test->section)
        return test->header;
    size_t blank = test->next_size > 0, room = sizeof(test->next) - test->next_size;
    if (line.size == 0 || room <= blank)
        return test->header;
    if (blank)
        test->next[test->next_size++] = ' ';
    size_t size = line.size < room - blank ? line.size : room - blank;
    memcpy(test->next + test->next_size, line.at, size);
    test->next_size += size;
    return test->header;
}

static void end_header(struct catch2 *test, struct collector *collector)
{
    struct text next = {.at = test->next, .size = test->next_size};
    test->header = false;
    if (next.size == 0 ||
        (test->open && text_same(next, (struct text){.at = test->name, .size = test->name_size})))
        return;
    conclude(test, collector);
    test->failure.noted = false; /* of a test case whose header was lost */
    memcpy(test->name, test->next, test->next_size);
    test->name_size = test->next_size;
    test->open = true;
    collector_start(collector, (struct text){0},
                    (struct text){.at = test->name, .size = test->name_size});
}

static void take_rule(struct catch2 *test, struct collector *collector)
{
    test->failure.open = false;
    if (test->header) {
        end_header(test, collector);
        return;
    }
    test->header = true;
    test->section = false;
    test->header_lines = 0;
    test->next_size = 0;
}

/* ---- assertions ---------------------------------------------------------------------------- */

/* "FILE:LINE: FAILED:", "FILE:LINE: SKIPPED:"; "FILE:LINE: PASSED:" and "FILE:LINE: warning:" end
 * the words before. */
static bool take_assertion(struct catch2 *test, struct text line, struct collector *collector)
{
    struct place place;
    bool failed = text_cut_end(&line, ": FAILED:");
    bool skipped = !failed && text_cut_end(&line, ": SKIPPED:");
    bool other = !failed && !skipped;
    if (other && !text_cut_end(&line, ": PASSED:") && !text_cut_end(&line, ": warning:"))
        return false;
    if (!place_read(line, &place))
        return false;
    test->said = true;
    test->failure.open = false;
    if (failed && !test->failed)
        test->failure.noted = false; /* a skip before it matters less */
    if (failed || skipped)
        failure_begin(&test->failure, &place, (struct text){.at = line.at}, collector);
    test->failed = test->failed || failed;
    test->skipped = test->skipped || skipped;
    return true;
}

/* ---- the end ------------------------------------------------------------------------------- */

struct counts {
    uint64_t total, passed, failed, skipped;
};

/* "test cases: 8 | 3 passed | 4 failed | 1 failed as expected", padded in version 3 */
static bool read_counts(struct text line, struct counts *ret)
{
    struct scan scan = scan_begin(line);
    *ret = (struct counts){0};
    if (!scan_word(&scan, "test cases:"))
        return false;
    scan_blanks(&scan);
    if (!scan_number(&scan, &ret->total))
        return false;
    struct text skipped;
    while (scan_until(&scan, "|", &skipped)) {
        uint64_t count;
        scan_blanks(&scan);
        if (!scan_number(&scan, &count))
            return false;
        if (scan_word(&scan, " passed"))
            ret->passed += count;
        else if (scan_word(&scan, " failed"))
            ret->failed += count; /* as expected, too */
        else if (scan_word(&scan, " skipped"))
            ret->skipped += count;
    }
    return true;
}

/* "All tests passed (5 assertions in 3 test cases)" */
static bool read_all_passed(struct text line, struct counts *ret)
{
    struct scan scan = scan_begin(line);
    struct text assertions;
    *ret = (struct counts){0};
    if (!scan_word(&scan, "All tests passed (") || !scan_until(&scan, " in ", &assertions) ||
        !scan_number(&scan, &ret->total) || !scan_word(&scan, " test case"))
        return false;
    ret->passed = ret->total;
    return true;
}

static bool take_end(struct catch2 *test, struct text line, struct collector *collector)
{
    struct counts counts;
    bool none = text_is(line, "No tests ran");
    if (!none && !read_counts(line, &counts) && !read_all_passed(line, &counts))
        return false;
    if (none)
        counts = (struct counts){0};
    conclude(test, collector);
    for (; test->passed < counts.passed; test->passed++)
        collector_result(collector, &(struct finding){.name = text_of("(unnamed)"),
                                                      .result = CASE_PASS,
                                                      .duration_us = -1});
    collector_totals(collector, (int64_t)counts.total, (int64_t)counts.failed);
    collector_run_end(collector, counts.failed == 0, false);
    *test = (struct catch2){0};
    return true;
}

static bool catch2_line(void *state, struct text line, struct collector *collector)
{
    struct catch2 *test = state;
    if (is_rule(line, '-')) {
        take_rule(test, collector);
        return true;
    }
    if (is_rule(line, '.')) {
        test->header = false; /* of which the log has the second rule only */
        return true;
    }
    if (test->header)
        return take_header(test, line);
    if (is_rule(line, '=')) {
        test->failure.open = false;
        return true;
    }
    if (line.size == 0)
        test->failure.open = false;
    else if (take_end(test, line, collector))
        return true;
    else if (!take_assertion(test, line, collector))
        failure_more(&test->failure, line);
    return false;
}

static int catch2_detect(struct text line)
{
    struct counts counts;
    if (line.size == 0)
        return DETECT_NO;
    if (*line.at == '~' || *line.at == '.')
        return is_rule(line, *line.at) && line.size == RULE_BYTES ? DETECT_LIKELY : DETECT_NO;
    if (text_is(line, "No tests ran") || text_starts(line, "No test cases matched '"))
        return DETECT_LIKELY;
    return read_counts(line, &counts) || read_all_passed(line, &counts) ? DETECT_STRONG : DETECT_NO;
}

const struct format format_catch2 = {
    .name = "catch2",
    .summary = "Catch2's console reporter",
    .example = "test cases: 8 | 7 passed | 1 failed",
    .state_size = sizeof(struct catch2),
    .first = "~.tAN",
    .detect = catch2_detect,
    .line = catch2_line,
};
