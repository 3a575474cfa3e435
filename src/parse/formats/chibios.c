/* SPDX-License-Identifier: MIT
 *
 * ChibiOS' test suites (os/test/lib/ch_test.c), of which firmware runs one or several in a row:
 *
 *     *** ChibiOS/RT Test Suite
 *     *** Compiled:     Nov  7 2021 - 14:06:41
 *     === Test Sequence 1 (Mailboxes)
 *     --- Test Case 1.1 (Messages in order)
 *     --- Result: FAILURE (#2 [AB] "wrong order")
 *     Final result: FAILURE
 */
#include "parse/format.h"

#include <stdio.h>
#include <string.h>

#define MESSAGE_BYTES 512
#define SUITE_BYTES 128
/* After a final result, for how long the next suite may be silent. */
#define NEXT_SUITE_MS 1500

struct chibios {
    bool ended; /* a suite has */
    bool again; /* the suites run in a loop: all of them have been seen */
    size_t header_size, first_size;
    char header[SUITE_BYTES], first[SUITE_BYTES]; /* the newest title, and the first suite's */
};

/* "1.2 (NAME)": numbers in front. */
static bool read_numbered(struct scan *scan, struct text *ret_name)
{
    uint64_t number;
    if (!scan_number(scan, &number))
        return false;
    if (scan_word(scan, ".") && !scan_number(scan, &number))
        return false;
    if (!scan_word(scan, " ("))
        return false;
    *ret_name = scan_rest(scan);
    return text_cut_end(ret_name, ")") && ret_name->size > 0;
}

/* "FAILURE (#2 [AB] "wrong order")" */
static void take_failure(struct scan scan, struct collector *collector)
{
    struct finding finding = {.result = CASE_FAIL, .duration_us = -1};
    struct text step, tokens, words;
    char message[MESSAGE_BYTES];
    scan_blanks(&scan);
    finding.message = scan_rest(&scan);
    struct scan inner = scan_begin(finding.message);
    if (scan_word(&inner, "(#") && scan_until(&inner, " [", &step) &&
        scan_until(&inner, "] \"", &tokens)) {
        words = scan_rest(&inner);
        text_cut_end(&words, ")");
        text_cut_end(&words, "\"");
        int size = snprintf(message, sizeof(message), "%.*s (step %.*s%s%.*s)", (int)words.size,
                            words.at, (int)step.size, step.at, tokens.size ? ", tokens " : "",
                            (int)tokens.size, tokens.at);
        finding.message = (struct text){
            .at = message,
            .size = (size_t)size < sizeof(message) ? (size_t)size : sizeof(message) - 1};
    }
    collector_result(collector, &finding);
}

static bool take_result(struct scan scan, struct collector *collector)
{
    struct text open;
    if (!scan_word(&scan, "Result: ") || !collector_open_test(collector, &open))
        return false;
    if (scan_word(&scan, "FAILURE")) {
        take_failure(scan, collector);
        return true;
    }
    if (!scan_word(&scan, "SUCCESS"))
        return false;
    collector_result(collector, &(struct finding){.result = CASE_PASS, .duration_us = -1});
    return true;
}

/* The line "*** Compiled:" comes once a suite, behind its title. */
static void begin_suite(struct chibios *chibios, struct collector *collector)
{
    struct text title = {.at = chibios->header, .size = chibios->header_size};
    struct text first = {.at = chibios->first, .size = chibios->first_size};
    if (chibios->ended && title.size > 0 && text_same(title, first)) {
        chibios->again = true;
        collector_run_end(collector, true, false);
        return;
    }
    if (chibios->first_size == 0) {
        memcpy(chibios->first, title.at, title.size);
        chibios->first_size = title.size;
    }
    collector_run_start(collector);
}

static bool take_header(struct chibios *chibios, struct scan scan, struct collector *collector)
{
    if (scan_word(&scan, "Compiled: ")) {
        begin_suite(chibios, collector);
        return true;
    }
    struct text title = scan_rest(&scan);
    if (!text_ends(title, "Test Suite"))
        return false;
    chibios->header_size = title.size < SUITE_BYTES ? title.size : SUITE_BYTES;
    memcpy(chibios->header, title.at, chibios->header_size);
    return true;
}

static bool take_end(struct chibios *chibios, struct scan scan, struct collector *collector)
{
    bool ok = scan_word(&scan, "SUCCESS");
    if (!ok && !scan_word(&scan, "FAILURE"))
        return false;
    collector_run_end(collector, ok, true);
    collector_patience(collector, NEXT_SUITE_MS);
    chibios->ended = true;
    return true;
}

static bool take_line(struct chibios *chibios, struct text line, struct collector *collector)
{
    struct scan scan = scan_begin(line);
    struct text name;
    if (scan_word(&scan, "--- Test Case ")) {
        if (read_numbered(&scan, &name))
            collector_start(collector, (struct text){0}, name);
        return true;
    }
    if (scan_word(&scan, "--- "))
        return take_result(scan, collector);
    if (scan_word(&scan, "=== Test Sequence ")) {
        if (read_numbered(&scan, &name))
            collector_suite(collector, name);
        return true;
    }
    if (scan_word(&scan, "*** "))
        return take_header(chibios, scan, collector);
    return scan_word(&scan, "Final result: ") && take_end(chibios, scan, collector);
}

static bool is_rule(struct text line)
{
    return text_starts(line, "----------") || text_starts(line, "==========");
}

/* Rules, headers, "Final result": nothing else is looked at. */
static bool is_first(char byte)
{
    return byte == '-' || byte == '=' || byte == '*' || byte == 'F';
}

static bool chibios_line(void *state, struct text line, struct collector *collector)
{
    struct chibios *chibios = state;
    if (chibios->again)
        return true;
    line = text_trim(line);
    if (line.size == 0 || !is_first(*line.at))
        return false;
    return is_rule(line) || take_line(chibios, line, collector);
}

static int chibios_detect(struct text line)
{
    struct scan scan = scan_begin(text_trim(line));
    struct text name;
    if (scan_word(&scan, "--- Test Case ") || scan_word(&scan, "=== Test Sequence "))
        return read_numbered(&scan, &name) ? DETECT_STRONG : DETECT_NO;
    if (scan_word(&scan, "--- Result: ") || scan_word(&scan, "Final result: "))
        return scan_word(&scan, "SUCCESS") || scan_word(&scan, "FAILURE") ? DETECT_LIKELY
                                                                          : DETECT_NO;
    return DETECT_NO;
}

const struct format format_chibios = {
    .name = "chibios",
    .summary = "ChibiOS' test suites",
    .example = "--- Test Case 1.1 (Messages in order)",
    .state_size = sizeof(struct chibios),
    .first = "-=F",
    .detect = chibios_detect,
    .line = chibios_line,
};
