/* SPDX-License-Identifier: MIT
 *
 * embUnit as RIOT has it. Its plain runner prints a dot a test and names only those that failed:
 *
 *     ...
 *     ring_tests.wraps (tests/ring.c 41) exp 3 was 4
 *     ..
 *     run 5 failures 1
 *
 * with the text outputter, plain and in colours:
 *
 *     - ring_tests
 *     1) OK put
 *     2) NG wraps (tests/ring.c 41) exp 3 was 4
 *     FAILED (1 of 2 failed)
 *
 * and where all went well, "OK (5 tests)".
 */
#include "parse/format.h"

#include <string.h>

struct embunit {
    uint64_t dots; /* of this run: a test each */
};

/* "NAME (FILE LINE) MESSAGE" */
static bool read_failure(struct scan scan, struct finding *ret)
{
    struct text place;
    *ret = (struct finding){.result = CASE_FAIL, .duration_us = -1};
    if (!scan_until(&scan, " (", &ret->name) || !scan_until(&scan, ") ", &place))
        return false;
    const char *blank = place.size ? memrchr(place.at, ' ', place.size) : NULL;
    struct scan digits = {.at = blank ? blank + 1 : place.at, .end = place.at + place.size};
    uint64_t number;
    if (!blank || !scan_number(&digits, &number) || !scan_done(&digits) || number > UINT32_MAX)
        return false;
    ret->file = (struct text){.at = place.at, .size = (size_t)(blank - place.at)};
    ret->line = (uint32_t)number;
    ret->message = scan_rest(&scan);
    return ret->name.size > 0 && ret->file.size > 0;
}

/* "3) OK NAME", "3) NG NAME (FILE LINE) MESSAGE" */
static bool read_numbered(struct text line, struct finding *ret)
{
    struct scan scan = scan_begin(line);
    uint64_t number;
    if (!scan_number(&scan, &number) || !scan_word(&scan, ") "))
        return false;
    if (scan_word(&scan, "NG "))
        return read_failure(scan, ret);
    if (!scan_word(&scan, "OK "))
        return false;
    *ret = (struct finding){.name = scan_rest(&scan), .result = CASE_PASS, .duration_us = -1};
    return ret->name.size > 0;
}

/* "SUITE.NAME (FILE LINE) MESSAGE", without blanks before the place. */
static bool read_named(struct text line, struct finding *ret)
{
    struct text full;
    if (!memchr(line.at, '(', line.size) || !read_failure(scan_begin(line), ret))
        return false;
    full = ret->name;
    const char *dot = memrchr(full.at, '.', full.size);
    if (!dot || dot == full.at || memchr(full.at, ' ', full.size))
        return false;
    ret->suite = (struct text){.at = full.at, .size = (size_t)(dot - full.at)};
    ret->name = (struct text){.at = dot + 1, .size = full.size - ret->suite.size - 1};
    return ret->name.size > 0;
}

/* "OK (5 tests)", "run 5 failures 1", "FAILED (1 of 5 failed)" */
static bool read_end(struct text line, uint64_t *ret_total, uint64_t *ret_failed)
{
    struct scan scan = scan_begin(line);
    *ret_failed = 0;
    if (scan_word(&scan, "OK ("))
        return scan_number(&scan, ret_total) && scan_word(&scan, " tests)") && scan_done(&scan);
    if (scan_word(&scan, "run "))
        return scan_number(&scan, ret_total) && scan_word(&scan, " failures ") &&
               scan_number(&scan, ret_failed) && scan_done(&scan);
    return scan_word(&scan, "FAILED (") && scan_number(&scan, ret_failed) &&
           scan_word(&scan, " of ") && scan_number(&scan, ret_total) &&
           scan_word(&scan, " failed)") && scan_done(&scan);
}

/* Dots at either end of a line; what stands between them is a test's own. */
static bool take_dots(struct embunit *embunit, struct text *line)
{
    uint64_t before = embunit->dots;
    for (; line->size > 0 && *line->at == '.'; line->at++, line->size--)
        embunit->dots++;
    bool only = line->size == 0 && embunit->dots > before;
    for (size_t end = line->size; end > 0 && line->at[end - 1] == '.'; end--)
        embunit->dots++;
    return only;
}

/* The tests that went well and were not named: there was a dot for each, as for each that failed.
 */
static void add_unnamed(const struct embunit *embunit, uint64_t total, struct collector *collector)
{
    uint64_t known = total < embunit->dots ? total : embunit->dots;
    for (uint64_t i = collector_seen(collector); i < known; i++)
        collector_result(collector, &(struct finding){.name = text_of("(unnamed)"),
                                                      .result = CASE_PASS,
                                                      .duration_us = -1});
}

static bool take_end(struct embunit *embunit, struct text line, struct collector *collector)
{
    uint64_t total, failed;
    if (!read_end(line, &total, &failed))
        return false;
    collector_suite(collector, (struct text){0});
    add_unnamed(embunit, total, collector);
    embunit->dots = 0;
    collector_totals(collector, (int64_t)total, (int64_t)failed);
    collector_run_end(collector, failed == 0, false);
    return true;
}

static bool embunit_line(void *state, struct text line, struct collector *collector)
{
    struct embunit *embunit = state;
    struct finding finding;
    struct scan scan;
    line = text_trim(line);
    if (line.size == 0)
        return false;
    bool digit = *line.at >= '0' && *line.at <= '9';
    if (digit && read_numbered(line, &finding)) {
        collector_result(collector, &finding);
        return true;
    }
    scan = scan_begin(line);
    if (scan_word(&scan, "- ")) {
        collector_suite(collector, scan_rest(&scan));
        return true;
    }
    if (take_end(embunit, line, collector))
        return true;
    if (take_dots(embunit, &line))
        return true;
    if (!read_named(line, &finding))
        return false;
    collector_result(collector, &finding);
    return true;
}

static int embunit_detect(struct text line)
{
    struct finding finding;
    uint64_t total, failed;
    line = text_trim(line);
    if (line.size == 0)
        return DETECT_NO;
    if (read_end(line, &total, &failed))
        return DETECT_STRONG;
    if (read_numbered(line, &finding))
        return finding.result == CASE_FAIL ? DETECT_STRONG : DETECT_LIKELY;
    while (line.size > 0 && *line.at == '.') {
        line.at++;
        line.size--;
    }
    return line.size > 0 && read_named(line, &finding) ? DETECT_LIKELY : DETECT_NO;
}

const struct format format_embunit = {
    .name = "embunit",
    .summary = "embUnit, RIOT's unit tests",
    .example = "2) NG wraps (tests/ring.c 41) exp 3 was 4",
    .state_size = sizeof(struct embunit),
    .first = "0123456789.ORFTabcdefghijklmnopqrstuvwxyz",
    .detect = embunit_detect,
    .line = embunit_line,
};
