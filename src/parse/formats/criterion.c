/* SPDX-License-Identifier: MIT
 *
 * Criterion (https://github.com/Snaipe/Criterion), with --verbose and without:
 *
 *     [====] Running 3 tests from power:
 *     [RUN ] power::adds_up
 *     [PASS] power::adds_up: (0.00s)
 *     [----] test/power.c:17: Assertion Failed
 *     [----]
 *     [----]   The expression 1 + 1 == 3 is false.
 *     [----]
 *     [FAIL] power::is_wrong: (0.00s)
 *     [SKIP] power::later: Test is disabled
 *     [FAIL] power::crashes: CRASH!
 *     [FAIL] power::hangs: Timed out. (1.00s)
 *     [====] Synthesis: Tested: 4 | Passing: 1 | Failing: 3 | Crashing: 1
 *
 * Tests run at the same time, so that a start does not end the test before. Skipped tests are not
 * counted; without --verbose those that passed have no names.
 */
#include "parse/format.h"
#include "parse/formats/failure.h"

#include <string.h>

#define TRIES_MAX 64 /* places in a line where a tag may stand */
#define TAG_BYTES 6

enum tag { TAG_NONE, TAG_RUN, TAG_PASS, TAG_FAIL, TAG_SKIP, TAG_NOTE, TAG_BAR };

struct criterion {
    bool verbose;
    uint64_t passed;
    int64_t skipped;
    size_t running_size; /* the newest start without a result */
    char running[256];
    struct failure failure;
};

/* in the order of enum tag, from TAG_RUN on */
static const char *const tags[] = {"[RUN ]", "[PASS]", "[FAIL]", "[SKIP]",
                                   "[----]", "[====]", NULL};

static enum tag read_tag(struct scan *scan)
{
    for (size_t i = 0; tags[i]; i++) {
        if (scan_word(scan, tags[i]))
            return (enum tag)(TAG_RUN + i);
    }
    return TAG_NONE;
}

/* At the start of the line, or behind output that lacked a line end. */
static enum tag find_tag(struct text line, struct scan *ret_rest)
{
    const char *end = line.at + line.size, *at = line.at;
    for (int tries = 0; tries < TRIES_MAX && end - at >= TAG_BYTES; tries++, at++) {
        at = memchr(at, '[', (size_t)(end - at));
        if (!at)
            break;
        *ret_rest = (struct scan){.at = at, .end = end};
        enum tag tag = read_tag(ret_rest);
        if (tag != TAG_NONE)
            return tag;
    }
    return TAG_NONE;
}

/* "suite::name", "suite::name: (0.00s)", "suite::name: words" */
static bool read_name(struct text rest, struct finding *ret, struct text *ret_words)
{
    struct scan scan = scan_begin(rest);
    if (!scan_until(&scan, "::", &ret->suite))
        return false;
    ret->name = (struct text){.at = scan.at, .size = (size_t)(scan.end - scan.at)};
    *ret_words = (struct text){.at = rest.at};
    if (scan_until(&scan, ": ", &ret->name))
        *ret_words = scan_rest(&scan);
    return ret->name.size > 0;
}

/* "(0.00s)" at the end of the words */
static bool read_seconds(struct text *words, int64_t *ret_us)
{
    const char *open = words->size ? memrchr(words->at, '(', words->size) : NULL;
    *ret_us = -1;
    if (!open)
        return false;
    struct scan scan = {.at = open + 1, .end = words->at + words->size};
    if (!scan_decimal(&scan, 1000000, ret_us) || !scan_word(&scan, "s)") || !scan_done(&scan)) {
        *ret_us = -1;
        return false;
    }
    *words = text_trim((struct text){.at = words->at, .size = (size_t)(open - words->at)});
    return true;
}

static bool take_result(struct criterion *criterion, struct text rest, enum tag tag,
                        struct collector *collector)
{
    struct finding finding = {.result = tag == TAG_PASS   ? CASE_PASS
                                        : tag == TAG_SKIP ? CASE_SKIP
                                                          : CASE_FAIL};
    struct text words;
    if (!read_name(rest, &finding, &words))
        return false;
    read_seconds(&words, &finding.duration_us);
    if (tag == TAG_FAIL && (text_starts(words, "CRASH!") || text_starts(words, "Timed out."))) {
        finding.result = CASE_ERROR;
        finding.error_type = *words.at == 'C' ? "crash" : "hang";
    }
    failure_give(&criterion->failure, &finding);
    if (finding.message.size == 0)
        finding.message = words;
    criterion->passed += tag == TAG_PASS;
    criterion->skipped += tag == TAG_SKIP;
    criterion->verbose = criterion->verbose || tag == TAG_PASS;
    if (text_same(rest, (struct text){.at = criterion->running, .size = criterion->running_size}) ||
        (rest.size > criterion->running_size &&
         memcmp(rest.at, criterion->running, criterion->running_size) == 0))
        criterion->running_size = 0;
    collector_result(collector, &finding);
    return true;
}

/* "FILE:LINE: Assertion Failed", then the words, indented. */
static void take_note(struct criterion *criterion, struct scan scan, struct collector *collector)
{
    struct text rest = scan_rest(&scan);
    struct text words = rest;
    struct place place;
    const char *colon = rest.size ? memrchr(rest.at, ':', rest.size) : NULL;
    if (colon &&
        place_read((struct text){.at = rest.at, .size = (size_t)(colon - rest.at)}, &place)) {
        bool crash = !text_cut_end(&words, ": Assertion Failed");
        words = (struct text){.at = colon + 1, .size = crash ? (size_t)(scan.end - colon - 1) : 0};
        failure_begin(&criterion->failure, &place, words, collector);
    } else {
        failure_more(&criterion->failure, rest);
    }
}

/* "Synthesis: Tested: 4 | Passing: 1 | Failing: 3 | Crashing: 1" */
static bool read_synthesis(struct scan scan, uint64_t *ret_total, uint64_t *ret_passed,
                           uint64_t *ret_failed)
{
    scan_blanks(&scan);
    return scan_word(&scan, "Synthesis: Tested: ") && scan_number(&scan, ret_total) &&
           scan_word(&scan, " | Passing: ") && scan_number(&scan, ret_passed) &&
           scan_word(&scan, " | Failing: ") && scan_number(&scan, ret_failed);
}

static bool take_bar(struct criterion *criterion, struct scan scan, struct collector *collector)
{
    uint64_t total, passed, failed;
    if (!read_synthesis(scan, &total, &passed, &failed)) {
        criterion->verbose = true; /* "Running 3 tests from power:" */
        return true;
    }
    for (uint64_t i = criterion->passed; !criterion->verbose && i < passed && i < total; i++)
        collector_result(collector, &(struct finding){.name = text_of("(unnamed)"),
                                                      .result = CASE_PASS,
                                                      .duration_us = -1});
    collector_totals(collector, (int64_t)total + criterion->skipped, (int64_t)failed);
    collector_run_end(collector, failed == 0, false);
    *criterion = (struct criterion){0};
    return true;
}

static bool criterion_line(void *state, struct text line, struct collector *collector)
{
    struct criterion *criterion = state;
    struct scan scan;
    enum tag tag = find_tag(line, &scan);
    if (tag == TAG_NONE)
        return false;
    if (tag == TAG_BAR)
        return take_bar(criterion, scan, collector);
    if (tag == TAG_NOTE) {
        take_note(criterion, scan, collector);
        return false;
    }
    struct text rest = scan_rest(&scan);
    if (tag != TAG_RUN)
        return take_result(criterion, rest, tag, collector);
    criterion->verbose = true;
    criterion->running_size = rest.size < sizeof(criterion->running) ? rest.size : 0;
    memcpy(criterion->running, rest.at, criterion->running_size);
    return true;
}

/* The log ends before its result. */
static void criterion_end(void *state, struct collector *collector)
{
    struct criterion *criterion = state;
    struct finding finding;
    struct text words;
    if (criterion->running_size > 0 &&
        read_name((struct text){.at = criterion->running, .size = criterion->running_size},
                  &finding, &words))
        collector_start(collector, finding.suite, finding.name);
}

static int criterion_detect(struct text line)
{
    struct scan scan = scan_begin(text_trim(line));
    struct finding finding;
    struct text words;
    uint64_t number;
    switch (read_tag(&scan)) {
    case TAG_RUN:
    case TAG_PASS:
    case TAG_FAIL:
    case TAG_SKIP:
        return read_name(scan_rest(&scan), &finding, &words) ? DETECT_STRONG : DETECT_NO;
    case TAG_NOTE:
        return scan_word(&scan, " Criterion v") ? DETECT_STRONG : DETECT_NO;
    case TAG_BAR:
        return read_synthesis(scan, &number, &number, &number) || scan_word(&scan, " Running ")
                   ? DETECT_STRONG
                   : DETECT_NO;
    default:
        return DETECT_NO;
    }
}

const struct format format_criterion = {
    .name = "criterion",
    .summary = "Criterion",
    .example = "[PASS] power::adds_up: (0.00s)",
    .state_size = sizeof(struct criterion),
    .first = "[",
    .signs = tags,
    .detect = criterion_detect,
    .line = criterion_line,
    .end = criterion_end,
};
