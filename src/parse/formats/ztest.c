/* SPDX-License-Identifier: MIT
 *
 * Zephyr's ztest (subsys/testsuite/ztest/src/ztest.c) since 3.2, and the older one of 2.x:
 *
 *     Running TESTSUITE s                            Running test suite s
 *     START - t                                      START - t
 *      PASS - t in 0.012 seconds                     PASS - t
 *     TESTSUITE s succeeded                          Test suite s succeeded
 *     SUITE PASS - 100.00% [s]: pass = 1, fail = 0, skip = 0, total = 1 duration = 0.012 seconds
 *      - PASS - [s.t] duration = 0.012 seconds
 *     PROJECT EXECUTION SUCCESSFUL                   PROJECT EXECUTION SUCCESSFUL
 *
 * Consoles strip the leading blanks; other threads' words are glued before or into a line. What was
 * lost of a live result is in the summary, and some suites stand nowhere else.
 */
#include "parse/format.h"

#include <string.h>

#define TRIES_MAX 64 /* places in a line where a result may begin */

struct ztest {
    bool asserted; /* the line before was an assertion: the user's own words may follow */
    size_t suite_size;
    char suite[256]; /* that the summary is about */
};

struct word {
    const char *text;
    enum case_result result;
};

static bool read_word(struct scan *scan, const struct word *words, enum case_result *ret)
{
    for (; words->text; words++) {
        if (scan_word(scan, words->text)) {
            *ret = words->result;
            return true;
        }
    }
    return false;
}

static void read_duration(struct text text, const char *before, int64_t *ret_us)
{
    struct scan scan = scan_begin(text);
    struct text skipped;
    if (!scan_until(&scan, before, &skipped) || !scan_decimal(&scan, 1000000, ret_us))
        *ret_us = -1;
}

/* ---- live results -------------------------------------------------------------------------- */

static const struct word live_words[] = {
    {"PASS - ", CASE_PASS},
    {"FAIL - ", CASE_FAIL},
    {"SKIP - ", CASE_SKIP},
    {NULL, CASE_PASS},
};

static bool is_name(struct text name)
{
    static const char more[] = "_[]/.:-";
    for (size_t i = 0; i < name.size; i++) {
        char c = name.at[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && !strchr(more, c))
            return false;
    }
    return name.size > 0;
}

/* "PASS - t in 0.012 seconds"; "PASS - t" where t alone is left or is open. */
static bool read_live(struct scan scan, struct text open, struct finding *ret)
{
    *ret = (struct finding){.duration_us = -1};
    if (!read_word(&scan, live_words, &ret->result))
        return false;
    struct text rest = scan_rest(&scan);
    scan = scan_begin(rest);
    if (!scan_until(&scan, " in ", &ret->name))
        ret->name = rest;
    text_cut_end(&ret->name, "."); /* 1.x */
    if (scan_decimal(&scan, 1000000, &ret->duration_us) && scan_word(&scan, " seconds"))
        return is_name(ret->name);
    ret->duration_us = -1;
    return is_name(ret->name) && (text_same(ret->name, open) || ret->name.size == rest.size ||
                                  ret->name.size + 1 == rest.size);
}

/* A live result behind other words, torn by them: only with its duration, or of the open test. */
static bool read_glued(struct text line, struct text open, struct finding *ret)
{
    struct scan scan = scan_begin(line);
    struct text before;
    for (int tries = 0; tries < TRIES_MAX && scan_until(&scan, " - ", &before); tries++) {
        if (scan.at - line.at < 7)
            continue;
        struct scan word = {.at = scan.at - 7, .end = scan.end};
        if (read_live(word, open, ret) &&
            (ret->duration_us >= 0 || (open.size > 0 && text_same(ret->name, open))))
            return true;
    }
    return false;
}

static bool take_live(struct text line, struct collector *collector)
{
    struct finding finding;
    struct text open;
    collector_open_test(collector, &open);
    if (!read_live(scan_begin(line), open, &finding) && !read_glued(line, open, &finding))
        return false;
    collector_result(collector, &finding);
    return true;
}

static bool take_start(struct text line, struct collector *collector)
{
    struct scan scan = scan_begin(line);
    struct text name, skipped;
    bool glued = !scan_word(&scan, "START - ");
    if (glued && !scan_until(&scan, "START - ", &skipped))
        return false;
    name = scan_rest(&scan);
    if (!is_name(name) || (glued && !text_starts(name, "test_")))
        return false;
    collector_start(collector, (struct text){0}, name);
    return true;
}

/* ---- failures ------------------------------------------------------------------------------ */

/* "Assertion failed at FILE:LINE: function: message" */
static bool take_assertion(struct ztest *ztest, struct text line, struct collector *collector)
{
    struct scan scan = scan_begin(line);
    struct text place, function;
    if (!scan_word(&scan, "Assertion failed at ") && !scan_word(&scan, "Assumption failed at "))
        return false;
    struct text all = scan_rest(&scan), file = {0};
    scan = scan_begin(all);
    uint64_t number = 0;
    const char *file_end = NULL;
    while (!file_end && scan_until(&scan, ":", &place)) {
        if (scan_number(&scan, &number))
            file_end = place.at + place.size;
    }
    if (file_end) {
        file = (struct text){.at = all.at, .size = (size_t)(file_end - all.at)};
        scan_word(&scan, ": ");
        struct scan message = scan;
        if (scan_until(&message, ": ", &function))
            scan = message;
        all = scan_rest(&scan);
    }
    collector_note_failure(collector, all, file, number > UINT32_MAX ? 0 : (uint32_t)number);
    ztest->asserted = true;
    return true;
}

/* ---- suites and the summary ---------------------------------------------------------------- */

static bool take_suite(struct text line, struct collector *collector)
{
    struct scan scan = scan_begin(line);
    struct text open;
    if (scan_word(&scan, "Running TESTSUITE ") || scan_word(&scan, "Running test suite ")) {
        if (collector_open_test(collector, &open))
            collector_run_start(collector); /* a reset without a banner */
        collector_suite(collector, scan_rest(&scan));
        return true;
    }
    if (!scan_word(&scan, "TESTSUITE ") && !scan_word(&scan, "Test suite "))
        return false;
    struct text rest = scan_rest(&scan);
    text_cut_end(&rest, ".");
    if (!text_ends(rest, " succeeded") && !text_ends(rest, " failed"))
        return false;
    collector_suite(collector, (struct text){0});
    return true;
}

static bool read_count(struct text line, const char *name, uint64_t *ret)
{
    struct scan scan = scan_begin(line);
    struct text skipped;
    return scan_until(&scan, name, &skipped) && scan_number(&scan, ret);
}

/* "SUITE PASS - 100.00% [s]: pass = 1, fail = 0, skip = 0, total = 1 duration = …" */
static bool take_suite_summary(struct ztest *ztest, struct text line, struct collector *collector)
{
    struct scan scan = scan_begin(line);
    struct text skipped, suite;
    uint64_t total, failed;
    if (!scan_word(&scan, "SUITE ") || !scan_until(&scan, "% [", &skipped) ||
        !scan_until(&scan, "]: ", &suite))
        return false;
    ztest->suite_size = suite.size < sizeof(ztest->suite) ? suite.size : 0;
    memcpy(ztest->suite, suite.at, ztest->suite_size);
    if (read_count(line, " total = ", &total))
        collector_totals(collector, (int64_t)total,
                         read_count(line, " fail = ", &failed) ? (int64_t)failed : -1);
    return true;
}

static const struct word summary_words[] = {
    {"- PASS - [", CASE_PASS},  {"- FAIL - [", CASE_FAIL}, {"- SKIP - [", CASE_SKIP},
    {"- FLAKY - [", CASE_PASS}, {NULL, CASE_PASS},
};

/* "s.t"; the suite's name may hold dots, but is known from the line before. */
static void split_full_name(const struct ztest *ztest, struct text full, struct finding *ret)
{
    struct scan scan = scan_begin(full);
    ret->suite = (struct text){.at = ztest->suite, .size = ztest->suite_size};
    bool known = ret->suite.size > 0 && full.size > ret->suite.size &&
                 memcmp(full.at, ret->suite.at, ret->suite.size) == 0 &&
                 full.at[ret->suite.size] == '.';
    if (known)
        scan.at += ret->suite.size + 1;
    else if (!scan_until(&scan, ".", &ret->suite))
        ret->suite = (struct text){0};
    ret->name = scan_rest(&scan);
}

/* " - PASS - [s.t] duration = 0.012 seconds" */
static bool take_test_summary(struct ztest *ztest, struct text line, struct collector *collector)
{
    struct scan scan = scan_begin(line);
    struct finding finding = {.duration_us = -1};
    if (!read_word(&scan, summary_words, &finding.result))
        return false;
    struct scan rest = scan;
    struct text full;
    if (scan_until(&rest, "] - (", &full)) /* FLAKY: "Failed 1 of 2 attempts" */
        scan_until(&rest, ")", &finding.message);
    else if (!scan_until(&rest, "] duration", &full))
        return true; /* torn */
    split_full_name(ztest, full, &finding);
    read_duration(line, "duration = ", &finding.duration_us);
    collector_settle(collector, &finding);
    return true;
}

static bool take_end(struct text line, struct collector *collector)
{
    struct scan scan = scan_begin(line);
    struct text before;
    if (!scan_until(&scan, "PROJECT EXECUTION ", &before))
        return false;
    bool ok = scan_word(&scan, "SUCCESSFUL");
    if (!ok && !scan_word(&scan, "FAILED"))
        return false;
    collector_run_end(collector, ok, false);
    return true;
}

/* Every line of ztest's own has one of these in it; most other lines are told by a few bytes. */
static bool may_be_ztest(struct text line)
{
    const char *end = line.at + line.size, last = end[-1];
    switch (*line.at) {
    case 'R': /* Running TESTSUITE */
    case 'T': /* TESTSUITE, Test suite */
    case 'A': /* Assertion failed */
    case 'P': /* PASS, PROJECT EXECUTION */
        return true;
    case '-': /* the summary */
        return line.size > 1 && line.at[1] == ' ';
    default:
        break;
    }
    if ((last == 'L' || last == 'D') && memmem(line.at, line.size, "PROJECT EXECUTION ", 18))
        return true;
    for (const char *at = line.at; (at = memchr(at, '-', (size_t)(end - at))); at++) {
        bool dash = at - line.at >= 5 && at + 1 < end && at[-1] == ' ' && at[1] == ' ';
        if (dash && strchr("SLPT", at[-2])) /* PASS, FAIL, SKIP, START */
            return true;
    }
    return false;
}

static bool is_rule(struct text line)
{
    return text_starts(line, "==========") || text_starts(line, "------ TESTSUITE SUMMARY ");
}

static bool ztest_line(void *state, struct text line, struct collector *collector)
{
    struct ztest *ztest = state;
    bool asserted = ztest->asserted;
    ztest->asserted = false;
    line = text_trim(line);
    if (line.size == 0)
        return false;
    if (is_rule(line))
        return true;
    if (may_be_ztest(line) &&
        (take_test_summary(ztest, line, collector) || take_live(line, collector) ||
         take_start(line, collector) || take_assertion(ztest, line, collector) ||
         take_suite(line, collector) || take_suite_summary(ztest, line, collector) ||
         take_end(line, collector)))
        return true;
    if (asserted)
        collector_note_more(collector, line);
    return false;
}

static int ztest_detect(struct text line)
{
    struct finding finding;
    line = text_trim(line);
    if (line.size == 0 || !may_be_ztest(line))
        return DETECT_NO;
    struct scan scan = scan_begin(line);
    struct text skipped;
    if (text_starts(line, "Running TESTSUITE ") || text_starts(line, "Running test suite ") ||
        text_is(line, "PROJECT EXECUTION SUCCESSFUL") || text_is(line, "PROJECT EXECUTION FAILED"))
        return DETECT_STRONG;
    if (scan_word(&scan, "SUITE ") && scan_until(&scan, "% [", &skipped))
        return DETECT_STRONG;
    if (read_live(scan_begin(line), (struct text){0}, &finding))
        return finding.duration_us >= 0 ? DETECT_STRONG : DETECT_LIKELY;
    scan = scan_begin(line);
    return scan_word(&scan, "START - ") && is_name(scan_rest(&scan)) ? DETECT_LIKELY : DETECT_NO;
}

static const char *const signs[] = {"Running TESTSUITE ",
                                    "Running test suite ",
                                    "PROJECT EXECUTION ",
                                    "SUITE ",
                                    "PASS - ",
                                    "FAIL - ",
                                    "SKIP - ",
                                    "START - ",
                                    NULL};

const struct format format_ztest = {
    .name = "ztest",
    .summary = "Zephyr's ztest, new and 2.x",
    .example = "PASS - test_loopback in 0.012 seconds",
    .state_size = sizeof(struct ztest),
    .repeats = true,
    .signs = signs,
    .detect = ztest_detect,
    .line = ztest_line,
};
