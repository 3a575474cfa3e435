/* SPDX-License-Identifier: MIT
 *
 * subunit, version 1, the text protocol (https://github.com/testing-cabal/subunit), as CMocka and
 * Check print it:
 *
 *     progress: 2
 *     test: adds_up
 *     success: adds_up
 *     test: is_wrong
 *     failure: is_wrong [
 *     0x2 != 0x3
 *     test/sum.c:20: error: Failure!
 *     ]
 *
 * It has no end marker: without the "progress" lines, which CMocka leaves out, no run is complete.
 */
#include "parse/format.h"
#include "parse/formats/failure.h"

#include <string.h>

struct subunit {
    bool bracket; /* the details of a result are open */
    enum case_result result;
    uint64_t planned, seen; /* planned: 0 where not said */
    size_t name_size;
    char name[256];
    struct failure failure;
};

static const struct outcome {
    const char *word;
    enum case_result result;
} outcomes[] = {
    {"success: ", CASE_PASS},   {"successful: ", CASE_PASS}, {"failure: ", CASE_FAIL},
    {"error: ", CASE_FAIL},     {"skip: ", CASE_SKIP},       {"xfail: ", CASE_SKIP},
    {"uxsuccess: ", CASE_FAIL}, {NULL, CASE_PASS},
};

static void finish(struct subunit *subunit, struct text name, enum case_result result,
                   struct collector *collector)
{
    struct finding finding = {.name = name, .result = result, .duration_us = -1};
    failure_give(&subunit->failure, &finding);
    collector_result(collector, &finding);
    subunit->bracket = false;
    subunit->seen++;
    if (subunit->planned > 0 && subunit->seen == subunit->planned) {
        collector_totals(collector, (int64_t)subunit->planned, -1);
        collector_run_end(collector, true, false);
        subunit->planned = subunit->seen = 0;
    }
}

/* "name", "name [" with the details on the next lines, "name [ details ]" */
static void take_outcome(struct subunit *subunit, struct text rest, enum case_result result,
                         struct collector *collector)
{
    struct text name = rest;
    if (text_cut_end(&name, " [")) {
        subunit->bracket = true;
        subunit->result = result;
        subunit->name_size = name.size < sizeof(subunit->name) ? name.size : sizeof(subunit->name);
        memcpy(subunit->name, name.at, subunit->name_size);
        return;
    }
    struct scan scan = scan_begin(rest);
    if (text_ends(rest, " ]") && scan_until(&scan, " [ ", &name)) {
        struct text words = scan_rest(&scan);
        text_cut_end(&words, " ]");
        failure_begin(&subunit->failure, &(struct place){0}, words, collector);
    } else {
        name = rest;
    }
    finish(subunit, name, result, collector);
}

/* The details of a result, up to the bracket. */
static void take_detail(struct subunit *subunit, struct text line, struct collector *collector)
{
    struct place place;
    struct text text;
    struct scan scan = scan_begin(line);
    if (text_is(line, "]")) {
        struct text name = {.at = subunit->name, .size = subunit->name_size};
        finish(subunit, name, subunit->result, collector);
    } else if (scan_until(&scan, ": error:", &text) && place_read(text, &place)) {
        failure_place(&subunit->failure, &place);
        subunit->failure.open = false;
    } else if (!subunit->failure.noted) {
        failure_begin(&subunit->failure, &(struct place){0}, line, collector);
    } else {
        failure_more(&subunit->failure, line);
    }
}

/* At the start of a line, or of the open test behind output that lacked a line end. */
static bool find_outcome(struct text line, struct text open, struct text *ret_rest,
                         enum case_result *ret)
{
    for (const struct outcome *o = outcomes; o->word; o++) {
        struct scan scan = scan_begin(line);
        struct text before;
        bool glued = !scan_word(&scan, o->word);
        if (glued && (open.size == 0 || !scan_until(&scan, o->word, &before)))
            continue;
        *ret_rest = (struct text){.at = scan.at, .size = (size_t)(scan.end - scan.at)};
        *ret = o->result;
        if (open.size == 0 ||
            (ret_rest->size >= open.size && memcmp(scan.at, open.at, open.size) == 0))
            return true;
    }
    return false;
}

static bool subunit_line(void *state, struct text line, struct collector *collector)
{
    struct subunit *subunit = state;
    struct text open, rest;
    enum case_result result;
    struct scan scan = scan_begin(line);
    if (subunit->bracket) {
        take_detail(subunit, line, collector);
        return subunit->result == CASE_PASS || text_is(line, "]");
    }
    collector_open_test(collector, &open);
    if (find_outcome(line, open, &rest, &result)) {
        take_outcome(subunit, rest, result, collector);
        return true;
    }
    if (scan_word(&scan, "test: ") || scan_word(&scan, "testing: ")) {
        collector_start(collector, (struct text){0}, scan_rest(&scan));
        return true;
    }
    return scan_word(&scan, "progress: ") && scan_number(&scan, &subunit->planned);
}

static void subunit_end(void *state, struct collector *collector)
{
    struct subunit *subunit = state;
    if (subunit->planned > 0)
        collector_totals(collector, (int64_t)subunit->planned, -1);
}

static int subunit_detect(struct text line)
{
    struct text rest;
    enum case_result result;
    struct scan scan = scan_begin(line);
    uint64_t count;
    if (scan_word(&scan, "progress: "))
        return scan_number(&scan, &count) && scan_done(&scan) ? DETECT_LIKELY : DETECT_NO;
    if (scan_word(&scan, "test: "))
        return DETECT_LIKELY - 1;
    if (!find_outcome(line, (struct text){0}, &rest, &result) || rest.size == 0)
        return DETECT_NO;
    return text_starts(line, "error: ") ? DETECT_WEAK : DETECT_LIKELY;
}

const struct format format_subunit = {
    .name = "subunit",
    .summary = "subunit, version 1 (CMocka, Check)",
    .example = "success: adds_up",
    .state_size = sizeof(struct subunit),
    .first = "tpsfeux",
    .detect = subunit_detect,
    .line = subunit_line,
    .end = subunit_end,
};
