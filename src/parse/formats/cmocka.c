/* SPDX-License-Identifier: MIT
 *
 * CMocka (https://cmocka.org), its standard output; its TAP is read as TAP, its subunit as subunit:
 *
 *     [==========] Running 2 test(s).                 (with the group's name before, since 1.1.6)
 *     [ RUN      ] adds_up
 *     [       OK ] adds_up
 *     [ RUN      ] is_wrong
 *     [  ERROR   ] --- 0x2 != 0x3
 *     [   LINE   ] --- test/sum.c:20: error: Failure!
 *     [  FAILED  ] is_wrong
 *     [==========] 2 test(s) run.
 *     [  PASSED  ] 1 test(s).
 *     [  FAILED  ] 1 test(s), listed below:
 *     [  FAILED  ] is_wrong
 *
 *      1 FAILED TEST(S)
 *
 * A program may run several groups, each with such an end, and none of them says whether it is the
 * last: a group that begins MORE_MS after the one before still belongs to the run.
 */
#include "parse/format.h"
#include "parse/formats/failure.h"
#include "parse/formats/tags.h"

#include <inttypes.h>
#include <string.h>

#define MORE_MS 1000

struct cmocka {
    bool ran;   /* the lists at the end follow */
    bool group; /* a group's own set-up or tear-down failed: its name follows */
    uint64_t planned, total, skipped, failed;
    int64_t groups; /* cases made of those */
    size_t name_size;
    char name[256]; /* of the group */
    struct failure failure;
};

/* ---- results ------------------------------------------------------------------------------- */

/* The name begins as the open test's and goes on otherwise: a line of somebody else's tore it. */
static bool is_torn(struct text name, const struct collector *collector)
{
    struct text open;
    return collector_open_test(collector, &open) && name.size > 0 && open.size > 0 &&
           *name.at == *open.at && !text_same(name, open);
}

static void take_result(struct cmocka *cmocka, struct text name, enum case_result result,
                        struct collector *collector)
{
    struct finding finding = {.name = name, .result = result, .duration_us = -1};
    if (cmocka->ran) {
        finding.suite = (struct text){.at = cmocka->name, .size = cmocka->name_size};
        collector_settle(collector, &finding);
        return;
    }
    if (is_torn(name, collector))
        finding.name.size = 0;
    cmocka->group = text_starts(name, "GROUP ");
    cmocka->groups += cmocka->group;
    cmocka->skipped += result == CASE_SKIP;
    failure_give(&cmocka->failure, &finding);
    collector_result(collector, &finding);
}

/* "[  ERROR   ] --- words", "[  ERROR   ] name" */
static void take_error(struct cmocka *cmocka, struct scan rest, struct collector *collector)
{
    if (scan_word(&rest, "--- ")) {
        failure_begin(&cmocka->failure, &(struct place){0}, scan_rest(&rest), collector);
    } else if (cmocka->group) {
        cmocka->group = false;
        collector_amend(collector,
                        &(struct finding){.message = scan_rest(&rest), .duration_us = -1});
    } else {
        take_result(cmocka, scan_rest(&rest), CASE_FAIL, collector);
    }
}

/* "[   LINE   ] --- FILE:LINE: error: Failure!" belongs to the words before. */
static void take_place(struct cmocka *cmocka, struct scan rest)
{
    struct place place;
    struct text text;
    if (scan_word(&rest, "--- ") && scan_until(&rest, ": error:", &text) &&
        place_read(text, &place))
        failure_place(&cmocka->failure, &place);
    cmocka->failure.open = false;
}

/* ---- the run ------------------------------------------------------------------------------- */

static void end_run(struct cmocka *cmocka, struct collector *collector)
{
    collector_run_end(collector, cmocka->failed == 0, true);
    collector_patience(collector, MORE_MS);
    *cmocka = (struct cmocka){0};
}

/* "power: Running 2 test(s).", "power: 2 test(s) run." and both without the group's name. */
static bool read_bar(struct scan rest, struct text *ret_group, bool *ret_begins, uint64_t *ret)
{
    struct text text = scan_rest(&rest);
    *ret_begins = text_ends(text, " test(s).");
    if (!*ret_begins && !text_ends(text, " test(s) run."))
        return false;
    struct scan scan = scan_begin(text), after;
    struct text group;
    *ret_group = (struct text){.at = text.at};
    while (after = scan, scan_until(&after, ": ", &group)) {
        *ret_group = (struct text){.at = text.at, .size = (size_t)(after.at - 2 - text.at)};
        scan = after;
    }
    return (!*ret_begins || scan_word(&scan, "Running ")) && tag_read_count(scan, ret);
}

static void take_bar(struct cmocka *cmocka, struct scan rest, struct collector *collector)
{
    struct text group;
    bool begins;
    uint64_t count;
    if (!read_bar(rest, &group, &begins, &count))
        return;
    if (begins) {
        if (cmocka->ran)
            end_run(cmocka, collector);
        collector_run_start(collector);
        collector_suite(collector, group);
        *cmocka = (struct cmocka){.planned = count};
        cmocka->name_size = group.size < sizeof(cmocka->name) ? group.size : 0;
        memcpy(cmocka->name, group.at, cmocka->name_size);
        return;
    }
    if (cmocka->planned > count)
        collector_complain(collector, "%" PRIu64 " of %" PRIu64 " tests were not run",
                           cmocka->planned - count, cmocka->planned);
    collector_totals(collector, (int64_t)count + cmocka->groups, -1);
    collector_patience(collector, MORE_MS);
    cmocka->total = count;
    cmocka->ran = true;
}

static void take_passed(struct cmocka *cmocka, struct scan rest, struct collector *collector)
{
    uint64_t passed;
    if (!cmocka->ran || !tag_read_count(rest, &passed) || passed + cmocka->skipped < cmocka->total)
        return;
    cmocka->failed = cmocka->groups > 0;
    end_run(cmocka, collector);
}

static bool take_tag(struct cmocka *cmocka, enum tag tag, struct scan scan,
                     struct collector *collector)
{
    struct scan rest = scan;
    struct text name = scan_rest(&scan);
    uint64_t count;
    switch (tag) {
    case TAG_RUN:
        cmocka->failure.noted = false;
        collector_start(collector, (struct text){0}, name);
        return true;
    case TAG_OK:
        take_result(cmocka, name, CASE_PASS, collector);
        return true;
    case TAG_FAILED:
    case TAG_SKIPPED:
        if (!tag_read_count(rest, &count) && !text_ends(name, " test(s), listed below:"))
            take_result(cmocka, name, tag == TAG_FAILED ? CASE_FAIL : CASE_SKIP, collector);
        return true;
    case TAG_PASSED:
        take_passed(cmocka, rest, collector);
        return true;
    case TAG_BAR:
        take_bar(cmocka, rest, collector);
        return true;
    case TAG_ERROR:
        take_error(cmocka, rest, collector);
        return !text_starts(name, "---"); /* the words are for the detail as well */
    case TAG_LINE:
        take_place(cmocka, rest);
        return false;
    default:
        return false;
    }
}

/* " 2 FAILED TEST(S)" below the lists */
static bool take_last(struct cmocka *cmocka, struct text line, struct collector *collector)
{
    struct scan scan = scan_begin(text_trim(line));
    uint64_t count;
    if (!cmocka->ran || !scan_number(&scan, &count))
        return false;
    if (scan_word(&scan, " SKIPPED TEST(S)"))
        return true;
    if (!scan_word(&scan, " FAILED TEST(S)"))
        return false;
    collector_totals(collector, -1, (int64_t)count);
    cmocka->failed = count;
    end_run(cmocka, collector);
    return true;
}

static bool cmocka_line(void *state, struct text line, struct collector *collector)
{
    struct cmocka *cmocka = state;
    struct scan rest;
    enum tag tag = tag_find(line, &rest);
    if (tag != TAG_NONE)
        return take_tag(cmocka, tag, rest, collector);
    if (take_last(cmocka, line, collector))
        return true;
    if (text_starts(line, "Could not run test: "))
        failure_begin(&cmocka->failure, &(struct place){0}, line, collector);
    else
        failure_more(&cmocka->failure, line);
    return false;
}

static void cmocka_end(void *state, struct collector *collector)
{
    struct cmocka *cmocka = state;
    if (cmocka->ran)
        end_run(cmocka, collector);
}

/* A name without a dot and a line without "(3 ms)" are none of GoogleTest's. */
static int detect_named(struct text rest)
{
    uint64_t count;
    if (rest.size == 0 || tag_read_count(scan_begin(rest), &count) ||
        memchr(rest.at, '.', rest.size) || text_ends(rest, " ms)"))
        return DETECT_NO;
    return DETECT_LIKELY;
}

static int cmocka_detect(struct text line)
{
    struct scan rest;
    struct text group;
    bool begins;
    uint64_t count;
    switch (tag_find(line, &rest)) {
    case TAG_BAR:
        return read_bar(rest, &group, &begins, &count) ? DETECT_STRONG : DETECT_NO;
    case TAG_RUN:
    case TAG_OK:
    case TAG_FAILED:
    case TAG_SKIPPED:
        return detect_named(scan_rest(&rest));
    case TAG_ERROR:
    case TAG_LINE:
        return scan_word(&rest, "--- ") ? DETECT_STRONG : DETECT_NO;
    default:
        return DETECT_NO;
    }
}

const struct format format_cmocka = {
    .name = "cmocka",
    .summary = "CMocka, its standard output",
    .example = "[   LINE   ] --- test/sum.c:20: error: Failure!",
    .state_size = sizeof(struct cmocka),
    .first = "[",
    .signs = tag_texts,
    .detect = cmocka_detect,
    .line = cmocka_line,
    .end = cmocka_end,
};
