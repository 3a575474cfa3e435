/* SPDX-License-Identifier: MIT
 *
 * AUnit and ArduinoUnit, which it was made after: the same results, and each its own last line.
 *
 *     TestRunner started on 3 test(s).                                                    AUnit
 *     Assertion failed: (got=4) == (want=5), file ring.ino, line 12.
 *     ring.ino:12: Assertion failed: (got=4) == (want=5)                                 newer
 * AUnit Test ring_wraps failed. TestRunner summary: 2 passed, 1 failed, 0 skipped, 0 timed out, out
 * of 3 test(s).  AUnit Test summary: 2 passed, 1 failed, and 0 skipped, out of 3 test(s).
 * ArduinoUnit
 *
 * A failed assertion decides nothing: a test may have wanted it. Verbosity may hide all results of
 * a kind, so that only the last line counts them.
 */
#include "base/str.h"
#include "parse/crash.h"
#include "parse/format.h"

#include <string.h>

#define UNNAMED_MAX 10000 /* tests of a kind that were counted and not shown */

enum kind { PASSED, FAILED, SKIPPED, TIMED_OUT, KINDS };

static const struct {
    const char *end; /* of the test's line */
    const char *count;
    enum case_result result;
} kinds[KINDS] = {
    [PASSED] = {" passed.", " passed", CASE_PASS},
    [FAILED] = {" failed.", " failed", CASE_FAIL},
    [SKIPPED] = {" skipped.", " skipped", CASE_SKIP},
    [TIMED_OUT] = {" timed out.", " timed out", CASE_FAIL},
};

struct arduino {
    uint64_t seen[KINDS];
};

static void add_result(enum kind kind, struct text name, struct collector *collector)
{
    struct finding finding = {.name = name, .result = kinds[kind].result, .duration_us = -1};
    if (kind == TIMED_OUT)
        finding.message = text_of("timed out");
    collector_result(collector, &finding);
}

/* "Test NAME passed.", maybe behind output without a line end. A name has no blanks. */
static bool read_result(struct text line, enum kind *ret_kind, struct text *ret_name)
{
    if (!text_ends(line, "."))
        return false;
    for (size_t i = 0; i < KINDS; i++) {
        struct text before = line;
        if (!text_cut_end(&before, kinds[i].end))
            continue;
        const char *blank = before.size ? memrchr(before.at, ' ', before.size) : NULL;
        struct text head = {.at = line.at, .size = blank ? (size_t)(blank + 1 - line.at) : 0};
        *ret_kind = (enum kind)i;
        *ret_name = (struct text){.at = line.at + head.size, .size = before.size - head.size};
        return text_ends(head, "Test ") && ret_name->size > 0;
    }
    return false;
}

/* "Assertion failed: WORDS, file FILE, line LINE." or "FILE:LINE: Assertion failed: WORDS" */
static bool take_assertion(struct text line, struct collector *collector)
{
    struct scan scan = scan_begin(line);
    struct text before, file = {0};
    uint32_t number = 0;
    if (!scan_until(&scan, "Assertion failed: ", &before))
        return false;
    struct text words = scan_rest(&scan), place;
    crash_place(before, &file, &number);
    scan = scan_begin(words);
    if (file.size == 0 && scan_until(&scan, ", file ", &before) &&
        scan_until(&scan, ", line ", &place)) {
        uint64_t parsed;
        file = place;
        if (scan_number(&scan, &parsed) && parsed <= UINT32_MAX)
            number = (uint32_t)parsed;
        words = before;
    }
    collector_note_failure(collector, words, file, number);
    return true;
}

/* "2 passed, 1 failed, and 0 skipped, out of 3 test(s)." */
static bool read_summary(struct scan scan, uint64_t counts[KINDS], uint64_t *ret_total)
{
    memset(counts, 0, KINDS * sizeof(*counts));
    for (size_t i = 0; i < KINDS; i++) {
        scan_word(&scan, "and ");
        struct scan try = scan;
        if (!scan_number(&try, &counts[i]) || !scan_word(&try, kinds[i].count) ||
            !scan_word(&try, ", "))
            break;
        scan = try;
    }
    return scan_word(&scan, "out of ") && scan_number(&scan, ret_total) &&
           scan_word(&scan, " test(s).");
}

static bool find_summary(struct text line, uint64_t counts[KINDS], uint64_t *ret_total,
                         bool *ret_aunit)
{
    struct scan scan = scan_begin(line);
    *ret_aunit = scan_word(&scan, "TestRunner summary: ");
    return (*ret_aunit || scan_word(&scan, "Test summary: ")) &&
           read_summary(scan, counts, ret_total);
}

static bool take_summary(struct arduino *arduino, struct text line, struct collector *collector)
{
    uint64_t counts[KINDS], total;
    bool aunit;
    if (!find_summary(line, counts, &total, &aunit))
        return false;
    for (size_t i = 0; i < KINDS; i++) {
        for (uint64_t k = 0; arduino->seen[i] == 0 && counts[i] <= UNNAMED_MAX && k < counts[i];
             k++)
            add_result((enum kind)i, text_of("(unnamed)"), collector);
        arduino->seen[i] = 0;
    }
    uint64_t failed = counts[FAILED] + counts[TIMED_OUT];
    collector_totals(collector, (int64_t)total, (int64_t)failed);
    collector_run_end(collector, failed == 0, false);
    return true;
}

static bool arduino_line(void *state, struct text line, struct collector *collector)
{
    struct arduino *arduino = state;
    enum kind kind;
    struct text name;
    line = text_trim(line);
    if (line.size == 0)
        return false;
    if (read_result(line, &kind, &name)) {
        add_result(kind, name, collector);
        arduino->seen[kind]++;
        return true;
    }
    if (*line.at == 'T' && text_starts(line, "TestRunner started on ")) {
        collector_run_start(collector);
        memset(arduino, 0, sizeof(*arduino));
        return true;
    }
    if (*line.at == 'T' && take_summary(arduino, line, collector))
        return true;
    return memmem(line.at, line.size, "Assertion failed: ", 18) && take_assertion(line, collector);
}

static int aunit_detect(struct text line)
{
    uint64_t counts[KINDS], total;
    bool aunit;
    line = text_trim(line);
    if (text_starts(line, "TestRunner started on "))
        return DETECT_STRONG;
    return find_summary(line, counts, &total, &aunit) && aunit ? DETECT_STRONG : DETECT_NO;
}

/* Results may be AUnit's as well. Its first and its last line say so; where neither is seen, it
 * does not matter. */
static int arduinounit_detect(struct text line)
{
    uint64_t counts[KINDS], total;
    bool aunit;
    enum kind kind;
    struct text name;
    line = text_trim(line);
    if (read_result(line, &kind, &name))
        return DETECT_WEAK;
    return find_summary(line, counts, &total, &aunit) && !aunit ? DETECT_STRONG : DETECT_NO;
}

const struct format format_aunit = {
    .name = "aunit",
    .summary = "AUnit (Arduino)",
    .example = "TestRunner started on 3 test(s).",
    .state_size = sizeof(struct arduino),
    .first = "T",
    .detect = aunit_detect,
    .line = arduino_line,
};

const struct format format_arduinounit = {
    .name = "arduinounit",
    .summary = "ArduinoUnit",
    .example = "Test summary: 2 passed, 1 failed, and 0 skipped, out of 3 test(s).",
    .state_size = sizeof(struct arduino),
    .first = "T",
    .detect = arduinounit_detect,
    .line = arduino_line,
};
