/* SPDX-License-Identifier: MIT
 *
 * TAP, the Test Anything Protocol, versions 12 to 14 (https://testanything.org):
 *
 *     TAP version 14
 *     1..3
 *     ok 1 - the sensor answers
 *     not ok 2 - it is calibrated
 *       ---
 *       message: 'offset is 12'
 *       ...
 *     # Subtest: timing
 *         ok 1 - fast
 *         1..1
 *     ok 3 - timing
 *
 * The plan stands first or last. A point that follows the points of a deeper level is their suite
 * and no case of its own. A description that is missing is made from the point's number.
 */
#include "base/buf.h"
#include "parse/format.h"
#include "parse/formats/tap_line.h"

#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 16
#define NUMBERS_MAX 65536
#define NAME_BYTES 256

struct level {
    bool has_plan;
    uint64_t planned, seen;
    uint64_t failed;
    bool named; /* by a comment before its points; else by a number until its parent comes */
    char suite[NAME_BYTES];
};

struct tap {
    bool begun, ended; /* the document */
    bool plan_last;
    size_t depth;
    struct level levels[DEPTH_MAX];
    unsigned unnamed; /* subtests so far; goes on over documents, so that no number comes twice */
    char next_suite[NAME_BYTES];   /* "# Subtest: name" before its first point */
    bool after_leaf, after_failed; /* what diagnostics belong to */
    bool torn_not; /* a line before was the "not " of a point that another line cut in two */
    bool yaml;
    size_t indent, yaml_indent;
    uint64_t duplicate;               /* a number that came twice; 0: none */
    uint8_t numbers[NUMBERS_MAX / 8]; /* of the document's points, seen */
};

/* ---- the document -------------------------------------------------------------------------- */

static void begin_document(struct tap *tap)
{
    unsigned unnamed = tap->unnamed;
    size_t indent = tap->indent;
    memset(tap, 0, sizeof(*tap));
    tap->begun = true;
    tap->unnamed = unnamed;
    tap->indent = indent;
}

/* Counts a point of the document; a number that came before is not counted again. */
static void count_number(struct tap *tap, uint64_t number)
{
    struct level *top = &tap->levels[0];
    if (number > 0 && number <= NUMBERS_MAX) {
        uint8_t bit = (uint8_t)(1u << ((number - 1) % 8));
        if (tap->numbers[(number - 1) / 8] & bit) {
            tap->duplicate = number;
            return;
        }
        tap->numbers[(number - 1) / 8] |= bit;
    }
    top->seen++;
}

static bool has_number(const struct tap *tap, uint64_t number)
{
    return tap->numbers[(number - 1) / 8] >> ((number - 1) % 8) & 1;
}

/* "3, 5-7": the numbers of the plan that were not seen. */
static void list_missing(const struct tap *tap, char *out, size_t room)
{
    uint64_t last = tap->levels[0].planned < NUMBERS_MAX ? tap->levels[0].planned : NUMBERS_MAX;
    size_t used = 0;
    out[0] = '\0';
    for (uint64_t from = 1; from <= last && used < room; from++) {
        if (has_number(tap, from))
            continue;
        uint64_t to = from;
        while (to < last && !has_number(tap, to + 1))
            to++;
        if (room - used < 24) {
            snprintf(out + used, room - used, ", ...");
            return;
        }
        used += (size_t)snprintf(out + used, room - used, "%s%llu", used ? ", " : "",
                                 (unsigned long long)from);
        if (to > from)
            used += (size_t)snprintf(out + used, room - used, "-%llu", (unsigned long long)to);
        from = to;
    }
}

/* Diagnostics may follow a point that failed, so that the document is over a moment later. */
static void end_if_complete(struct tap *tap, struct collector *collector)
{
    const struct level *top = &tap->levels[0];
    if (tap->ended || tap->depth > 0 || !top->has_plan || top->seen != top->planned)
        return;
    tap->ended = true;
    if (tap->duplicate)
        collector_complain(collector, "test number %llu came twice",
                           (unsigned long long)tap->duplicate);
    bool more = !tap->plan_last && tap->after_failed;
    collector_run_end(collector, true, more);
    if (more)
        collector_patience(collector, 250);
}

static void complain_of_plan(const struct tap *tap, struct collector *collector)
{
    const struct level *top = &tap->levels[0];
    char missing[120];
    if (!top->has_plan) {
        collector_complain(collector, "no plan (1..N) was seen");
        return;
    }
    list_missing(tap, missing, sizeof(missing));
    if (missing[0])
        collector_complain(collector, "of the planned tests 1..%llu these are missing: %s",
                           (unsigned long long)top->planned, missing);
    else
        collector_complain(collector, "%llu tests were planned, %llu were seen",
                           (unsigned long long)top->planned, (unsigned long long)top->seen);
}

/* ---- levels -------------------------------------------------------------------------------- */

static struct level *level(struct tap *tap)
{
    return &tap->levels[tap->depth];
}

/* Names the deepest level's suite; its parents' names stand before its own. */
static void name_suite(struct tap *tap, struct text name, char out[NAME_BYTES])
{
    cleanup_buf struct buf path = BUF_INIT(NAME_BYTES - 1);
    const char *parent = tap->levels[tap->depth - 1].suite;
    if (*parent)
        buf_addf(&path, "%.120s/", parent);
    size_t left = path.ceiling - path.size;
    buf_add(&path, name.at, name.size < left ? name.size : left);
    memset(out, 0, NAME_BYTES);
    memcpy(out, path.data, path.size);
}

/* Opens the levels down to `depth`. */
static void descend(struct tap *tap, size_t depth)
{
    while (tap->depth < depth) {
        struct level *below = &tap->levels[++tap->depth];
        *below = (struct level){.named = tap->depth == depth && tap->next_suite[0]};
        char number[32];
        if (!below->named)
            snprintf(number, sizeof(number), "subtest %u", ++tap->unnamed);
        name_suite(tap, text_of(below->named ? tap->next_suite : number), below->suite);
    }
    tap->next_suite[0] = '\0';
}

static size_t depth_of(const struct tap *tap)
{
    size_t depth = tap->indent / TAP_SUBTEST_INDENT;
    return depth < DEPTH_MAX ? depth : DEPTH_MAX - 1;
}

/* The deeper level is over: `name` is what its parent's point calls it. Returns whether one of its
 * points failed. */
static bool leave_level(struct tap *tap, struct text name, struct collector *collector)
{
    struct level *child = level(tap);
    if (!child->named && name.size > 0) {
        char better[NAME_BYTES];
        name_suite(tap, name, better);
        collector_rename_suite(collector, child->suite, text_of(better));
        memcpy(child->suite, better, sizeof(better));
    }
    if (child->has_plan && child->planned != child->seen)
        collector_complain(collector, "%.60s: %llu tests were planned, %llu were seen",
                           child->suite, (unsigned long long)child->planned,
                           (unsigned long long)child->seen);
    bool failed = child->failed > 0;
    tap->depth--;
    return failed;
}

/* ---- points -------------------------------------------------------------------------------- */

static void add_case(struct tap *tap, const struct tap_point *point, struct text name,
                     struct collector *collector)
{
    char words[NAME_BYTES];
    struct finding finding = {.suite = text_of(level(tap)->suite),
                              .name = name,
                              .result = point->ok ? CASE_PASS : CASE_FAIL,
                              .message = point->reason,
                              .duration_us = point->duration_us};
    if (point->skip || (point->todo && !point->ok))
        finding.result = CASE_SKIP;
    if (point->todo) {
        int cut = point->reason.size < 200 ? (int)point->reason.size : 200;
        snprintf(words, sizeof(words), "TODO %.*s", cut, cut ? point->reason.at : "");
        finding.message = text_of(words);
    }
    if (name.size == 0) {
        snprintf(words, sizeof(words), "test %llu", (unsigned long long)point->number);
        finding.name = text_of(words);
        if (point->skip && !point->ok && point->reason.size > 0)
            finding.name = point->reason; /* kselftest: "not ok 4 # SKIP name" */
    }
    collector_result(collector, &finding);
    tap->after_leaf = true;
    tap->after_failed = finding.result == CASE_FAIL;
}

static bool take_point(struct tap *tap, struct text line, struct collector *collector)
{
    struct tap_point point;
    char plain[1024];
    if (!tap_read_point(line, &point))
        return false;
    if (tap->torn_not && point.ok && !point.skip && !point.todo) {
        point.ok = false;
        point.reason = text_of("its \"not\" stands on a line before, cut off by other output");
    }
    size_t depth = depth_of(tap);
    if (tap->ended && depth == 0 && point.number == 1)
        begin_document(tap);
    tap->begun = true;
    tap->ended = false; /* a point beyond the plan: the run is not what was planned */
    bool parent = tap->depth > depth, child_failed = false;
    struct text name = tap_plain_name(point.description, plain, sizeof(plain));
    while (tap->depth > depth)
        child_failed =
            leave_level(tap, tap->depth == depth + 1 ? name : (struct text){0}, collector) ||
            child_failed;
    descend(tap, depth);
    if (depth == 0) {
        point.number = point.number ? point.number : level(tap)->seen + 1;
        count_number(tap, point.number);
    } else {
        level(tap)->seen++;
        point.number = point.number ? point.number : level(tap)->seen;
    }
    bool failed = !point.ok && !point.todo && !point.skip;
    level(tap)->failed += failed;
    tap->after_leaf = tap->after_failed = false;
    if (!parent || (failed && !child_failed))
        add_case(tap, &point, name, collector);
    end_if_complete(tap, collector);
    return true;
}

/* ---- plan, version, bail out --------------------------------------------------------------- */

static bool take_plan(struct tap *tap, struct text line, struct collector *collector)
{
    uint64_t last;
    struct tap_point directive;
    if (!tap_read_plan(line, &last, &directive))
        return false;
    size_t depth = depth_of(tap);
    if (tap->ended && depth == 0)
        begin_document(tap);
    tap->begun = true;
    while (tap->depth > depth)
        leave_level(tap, (struct text){0}, collector);
    descend(tap, depth);
    level(tap)->has_plan = true;
    level(tap)->planned = last;
    if (depth > 0)
        return true;
    tap->plan_last = level(tap)->seen > 0;
    if (last == 0 && directive.skip)
        collector_result(collector, &(struct finding){.name = text_of("all tests"),
                                                      .result = CASE_SKIP,
                                                      .message = directive.reason,
                                                      .duration_us = -1});
    tap->after_leaf = tap->after_failed = false;
    end_if_complete(tap, collector);
    return true;
}

static bool take_version(struct tap *tap, struct text line, struct collector *collector)
{
    if (!tap_read_version(line))
        return false;
    if (depth_of(tap) > 0) /* a subtest may repeat it */
        return true;
    collector_run_start(collector);
    begin_document(tap);
    return true;
}

static bool take_bail_out(struct tap *tap, struct text line, struct collector *collector)
{
    if (!text_starts(line, "Bail out!"))
        return false;
    tap->ended = true;
    collector_abort(collector, line);
    return true;
}

/* ---- diagnostics --------------------------------------------------------------------------- */

static void amend_from_yaml(struct text line, struct collector *collector)
{
    struct finding more = {.duration_us = -1};
    struct text value;
    uint64_t number;
    if (tap_read_pair(line, "message", &more.message) || tap_read_pair(line, "file", &more.file)) {
        collector_amend(collector, &more);
    } else if (tap_read_pair(line, "line", &value)) {
        struct scan scan = scan_begin(value);
        if (scan_number(&scan, &number) && number <= UINT32_MAX)
            more.line = (uint32_t)number;
        collector_amend(collector, &more);
    } else if (tap_read_pair(line, "duration_ms", &value)) {
        struct scan scan = scan_begin(value);
        if (scan_decimal(&scan, 1000, &more.duration_us))
            collector_amend(collector, &more);
    }
}

static bool take_yaml(struct tap *tap, struct text full, struct text line,
                      struct collector *collector)
{
    if (!tap->yaml) {
        tap->yaml = tap->begun && text_is(line, "---") && tap->indent % TAP_SUBTEST_INDENT == 2;
        tap->yaml_indent = tap->indent;
        return tap->yaml;
    }
    if (line.size > 0 && tap->indent < tap->yaml_indent) {
        tap->yaml = false; /* it was never closed */
        return false;
    }
    if (text_is(line, "...") && tap->indent == tap->yaml_indent) {
        tap->yaml = false;
        return true;
    }
    if (tap->after_leaf) {
        size_t margin = tap->yaml_indent < full.size ? tap->yaml_indent : full.size;
        collector_detail(collector,
                         (struct text){.at = full.at + margin, .size = full.size - margin});
        amend_from_yaml(line, collector);
    }
    return true;
}

static bool take_comment(struct tap *tap, struct text line, struct collector *collector)
{
    struct scan scan = scan_begin(line);
    if (!scan_word(&scan, "#"))
        return false;
    scan_blanks(&scan);
    if (scan_word(&scan, "Subtest: ")) {
        struct text name = scan_rest(&scan);
        int cut = name.size < NAME_BYTES - 1 ? (int)name.size : NAME_BYTES - 1;
        snprintf(tap->next_suite, NAME_BYTES, "%.*s", cut, name.at);
        tap->after_leaf = tap->after_failed = false;
        return true;
    }
    if (!tap->after_failed)
        return false;
    struct text words = scan_rest(&scan);
    collector_detail(collector, words);
    collector_amend(collector, &(struct finding){.message = words, .duration_us = -1});
    return true;
}

/* A point behind output that lacked a line end: only the number that comes next is one. */
static bool take_glued_point(struct tap *tap, struct text line, struct collector *collector)
{
    struct scan scan = scan_begin(line);
    struct text before;
    struct tap_point point;
    while (tap->begun && !tap->ended && scan_until(&scan, "ok ", &before)) {
        const char *at = scan.at - 3;
        if (at - line.at >= 4 && memcmp(at - 4, "not ", 4) == 0)
            at -= 4;
        struct text rest = {.at = at, .size = (size_t)(scan.end - at)};
        if (!tap_read_point(rest, &point) || point.number != level(tap)->seen + 1)
            continue;
        tap->indent = tap->depth * TAP_SUBTEST_INDENT;
        return take_point(tap, rest, collector);
    }
    return false;
}

static bool take_line(struct tap *tap, struct text line, struct collector *collector)
{
    switch (line.size ? *line.at : '\0') {
    case 'o':
    case 'n':
        return take_point(tap, line, collector);
    case '1':
        return take_plan(tap, line, collector);
    case '#':
        return take_comment(tap, line, collector);
    case 'T':
        return take_version(tap, line, collector);
    case 'B':
        return take_bail_out(tap, line, collector);
    case 'p':
        return text_starts(line, "pragma +") || text_starts(line, "pragma -");
    default:
        return false;
    }
}

/* "not" with another line's text behind it, which hardly starts in lower case as the words of a
 * sentence do ("not connected"). The "ok" that is left must not pass for a result of its own. */
static bool is_torn_not(struct text line)
{
    struct scan scan = scan_begin(line);
    if (!scan_word(&scan, "not"))
        return false;
    scan_blanks(&scan);
    return scan_done(&scan) || ((*scan.at < 'a' || *scan.at > 'z') && *scan.at != '_');
}

static bool tap_line(void *state, struct text full, struct collector *collector)
{
    struct tap *tap = state;
    struct text line = text_trim(full);
    tap->indent = tap_indent(full);
    bool own = take_yaml(tap, full, line, collector) || take_line(tap, line, collector) ||
               take_glued_point(tap, line, collector);
    tap->torn_not = !own && (tap->torn_not || is_torn_not(line));
    return own;
}

static void tap_end(void *state, struct collector *collector)
{
    struct tap *tap = state;
    while (tap->depth > 0)
        leave_level(tap, (struct text){0}, collector);
    if (tap->begun && !tap->ended)
        complain_of_plan(tap, collector);
}

static int tap_detect(struct text line)
{
    struct tap_point point;
    uint64_t last;
    line = text_trim(line);
    if (line.size == 0)
        return DETECT_NO;
    if (tap_read_version(line)) /* not sure with its plan, either: KTAP may begin so, too */
        return DETECT_LIKELY - 1;
    if (tap_read_plan(line, &last, &point))
        return point.skip ? DETECT_STRONG : DETECT_LIKELY;
    if ((*line.at == 'o' || *line.at == 'n') && tap_read_point(line, &point))
        return point.number ? DETECT_LIKELY : DETECT_WEAK;
    return text_starts(line, "Bail out!") ? DETECT_LIKELY + 1 : DETECT_NO;
}

const struct format format_tap = {
    .name = "tap",
    .summary = "TAP, the Test Anything Protocol, versions 12 to 14",
    .example = "not ok 2 - the sensor is calibrated",
    .state_size = sizeof(struct tap),
    .first = "Tno1B",
    .detect = tap_detect,
    .line = tap_line,
    .end = tap_end,
};
