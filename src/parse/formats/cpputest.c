/* SPDX-License-Identifier: MIT
 *
 * CppUTest (https://cpputest.github.io), with -v and without:
 *
 *     TEST(Ring, IsEmptyAtFirst) - 0 ms
 *     TEST(Ring, Wraps)
 *     test/ring.cpp:18: error: Failure in TEST(Ring, Wraps)
 *     	expected <8 (0x8)>
 *     	but was  <7 (0x7)>
 *
 *      - 0 ms
 *     IGNORE_TEST(Ring, Later) - 0 ms
 *
 *     Errors (1 failures, 3 tests, 2 ran, 2 checks, 1 ignored, 0 filtered out, 0 ms)
 *
 * What a test prints stands behind its name. Without -v there is a dot a test, and only those that
 * failed are named. One test may fail twice, so that the failures are counted apart.
 */
#include "parse/format.h"
#include "parse/formats/failure.h"

#include <inttypes.h>
#include <string.h>

struct cpputest {
    bool verbose;
    bool open, ignored, failed;
    bool maybe;              /* output of the open test ends as the test does */
    int64_t maybe_us;        /* with this time */
    bool quiet_open;         /* a failure of a test that is known from nothing else */
    uint64_t seen, failures; /* of this run */
    uint64_t repeat, repeats;
    struct failure failure;
};

/* "TEST(group, name)" at the scan. */
static bool read_macro(struct scan *scan, struct text *ret_group, struct text *ret_name)
{
    struct scan try = *scan;
    if (!scan_word(&try, "TEST(") || !scan_until(&try, ", ", ret_group) ||
        !scan_until(&try, ")", ret_name))
        return false;
    *scan = try;
    return true;
}

/* " - 12 ms" at the end of the line; what stands before it. */
static bool read_time(struct text line, struct text *ret_before, int64_t *ret_us)
{
    struct text rest = line;
    const char *dash = line.size ? memrchr(line.at, '-', line.size) : NULL;
    if (!dash || dash == line.at || dash[-1] != ' ' || !text_cut_end(&rest, " ms") ||
        dash + 2 > rest.at + rest.size)
        return false;
    struct scan scan = {.at = dash + 1, .end = rest.at + rest.size};
    *ret_before = (struct text){.at = line.at, .size = (size_t)(dash - 1 - line.at)};
    return scan_word(&scan, " ") && scan_decimal(&scan, 1000, ret_us) && scan_done(&scan);
}

/* ---- tests --------------------------------------------------------------------------------- */

static void conclude(struct cpputest *test, int64_t duration_us, struct collector *collector)
{
    struct finding finding = {.result = test->failed    ? CASE_FAIL
                                        : test->ignored ? CASE_SKIP
                                                        : CASE_PASS,
                              .duration_us = duration_us};
    failure_give(&test->failure, &finding);
    collector_result(collector, &finding);
    test->open = test->quiet_open = test->maybe = test->failed = test->ignored = false;
    test->seen++;
}

/* What is open is over where the next begins, if there was a sign of it. */
static void conclude_maybe(struct cpputest *test, struct collector *collector)
{
    if (test->quiet_open || (test->open && test->maybe))
        conclude(test, test->maybe ? test->maybe_us : -1, collector);
}

/* The time ends the test, where it stands alone or right behind the name; behind output it may be
 * the output's own. */
static bool take_time(struct cpputest *test, struct text line, bool alone,
                      struct collector *collector)
{
    struct text before;
    int64_t duration_us;
    if (!test->open || !read_time(line, &before, &duration_us))
        return false;
    if (alone && text_trim(before).size == 0) {
        conclude(test, duration_us, collector);
        return true;
    }
    test->maybe = true;
    test->maybe_us = duration_us;
    return false;
}

static bool take_test(struct cpputest *test, struct text line, struct collector *collector)
{
    struct scan scan = scan_begin(line);
    struct text group, name;
    bool ignored = scan_word(&scan, "IGNORE_");
    if (!read_macro(&scan, &group, &name))
        return false;
    conclude_maybe(test, collector);
    collector_start(collector, group, name);
    test->failure.noted = test->failure.open = false;
    test->verbose = test->open = true;
    test->failed = test->maybe = false;
    test->ignored = ignored;
    take_time(test, (struct text){.at = scan.at, .size = (size_t)(scan.end - scan.at)}, true,
              collector);
    return true;
}

/* "FILE:LINE: error: Failure in TEST(group, name)", maybe with a second place below it */
static bool take_failure(struct cpputest *test, struct text line, struct collector *collector)
{
    struct scan scan = scan_begin(line);
    struct text before, group, name;
    struct place place = {0};
    if (!scan_until(&scan, ": error: Failure in ", &before))
        return false;
    scan_word(&scan, "IGNORE_");
    if (!read_macro(&scan, &group, &name))
        return false;
    if (!test->open) {
        conclude_maybe(test, collector);
        collector_start(collector, group, name);
        test->quiet_open = true;
    }
    place_read(before, &place);
    test->failures++;
    test->failed = true;
    test->maybe = false;
    failure_begin(&test->failure, &place, (struct text){.at = line.at}, collector);
    return true;
}

/* ---- the run ------------------------------------------------------------------------------- */

struct counts {
    uint64_t failures, total, ran, ignored;
    bool ok;
};

/* "OK (3 tests, 3 ran, ...", "Errors (1 failures, 3 tests, ...", "Errors (ran nothing, ..." */
static bool read_counts(struct text line, struct counts *ret)
{
    struct scan scan = scan_begin(line);
    struct text checks;
    uint64_t number;
    *ret = (struct counts){.ok = scan_word(&scan, "OK (")};
    if (!ret->ok && !scan_word(&scan, "Errors ("))
        return false;
    if (!ret->ok && !scan_word(&scan, "ran nothing, ") &&
        (!scan_number(&scan, &ret->failures) || !scan_word(&scan, " failures, ")))
        return false;
    return scan_number(&scan, &ret->total) && scan_word(&scan, " tests, ") &&
           scan_number(&scan, &ret->ran) && scan_word(&scan, " ran, ") &&
           scan_until(&scan, " checks, ", &checks) && scan_number(&scan, &ret->ignored) &&
           scan_word(&scan, " ignored, ") && scan_number(&scan, &number);
}

static void add_unnamed(struct cpputest *test, const struct counts *counts,
                        struct collector *collector)
{
    uint64_t all = counts->ran + counts->ignored;
    for (uint64_t i = 0; !test->verbose && test->seen + i < all && i < counts->total; i++)
        collector_result(collector,
                         &(struct finding){.name = text_of("(unnamed)"),
                                           .result = i < counts->ignored ? CASE_SKIP : CASE_PASS,
                                           .duration_us = -1});
}

static bool take_end(struct cpputest *test, struct text line, struct collector *collector)
{
    struct counts counts;
    if (!read_counts(line, &counts))
        return false;
    conclude_maybe(test, collector);
    add_unnamed(test, &counts, collector);
    if (counts.failures > test->failures)
        collector_complain(collector, "%" PRIu64 " of %" PRIu64 " failures are missing",
                           counts.failures - test->failures, counts.failures);
    collector_totals(collector, (int64_t)(counts.ran + counts.ignored), -1);
    collector_run_end(collector, counts.ok, test->repeat < test->repeats);
    *test = (struct cpputest){.repeat = test->repeat, .repeats = test->repeats};
    return true;
}

/* "Test run 1 of 2" */
static bool take_repeat(struct cpputest *test, struct text line, struct collector *collector)
{
    struct scan scan = scan_begin(line);
    uint64_t repeat, repeats;
    if (!scan_word(&scan, "Test run ") || !scan_number(&scan, &repeat) ||
        !scan_word(&scan, " of ") || !scan_number(&scan, &repeats))
        return false;
    collector_run_start(collector);
    *test = (struct cpputest){.repeat = repeat, .repeats = repeats};
    return true;
}

static bool cpputest_line(void *state, struct text line, struct collector *collector)
{
    struct cpputest *test = state;
    if (line.size == 0) {
        test->failure.open = false;
        return false;
    }
    if (take_test(test, line, collector) || take_time(test, line, true, collector) ||
        take_end(test, line, collector) || take_repeat(test, line, collector))
        return true;
    if (!take_failure(test, line, collector))
        failure_more(&test->failure, line);
    return false;
}

static int cpputest_detect(struct text line)
{
    struct scan scan = scan_begin(line);
    struct text group, name, before;
    struct counts counts;
    int64_t duration_us;
    bool timed = read_time(line, &before, &duration_us);
    if (read_counts(line, &counts) || text_starts(line, "-- before runAllPreTestAction"))
        return DETECT_STRONG;
    scan_word(&scan, "IGNORE_");
    if (read_macro(&scan, &group, &name)) /* Unity's fixture begins so, too */
        return timed ? DETECT_STRONG : DETECT_LIKELY - 1;
    return timed && before.size == 0 ? DETECT_LIKELY + 1 : DETECT_NO;
}

const struct format format_cpputest = {
    .name = "cpputest",
    .summary = "CppUTest, with -v and without",
    .example = "OK (3 tests, 3 ran, 5 checks, 0 ignored, 0 filtered out, 2 ms)",
    .state_size = sizeof(struct cpputest),
    .first = "TIOE-",
    .detect = cpputest_detect,
    .line = cpputest_line,
};
