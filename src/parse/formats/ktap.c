/* SPDX-License-Identifier: MIT
 *
 * KTAP (https://docs.kernel.org/dev-tools/ktap.html), the TAP of Linux, from KUnit and kselftest:
 *
 *     [    0.060000][    T1] KTAP version 1
 *     [    0.060000][    T1] 1..1
 *     [    0.060000][    T1]     # Subtest: example
 *     [    0.060000][    T1]     1..2
 *     [    0.060000][    T1]     # test_b: EXPECTATION FAILED at lib/kunit/example-test.c:30
 *     [    0.060000][    T1]     Expected 1 + 1 == 3, but
 *     [    0.060000][    T1]     ok 1 test_a
 *     [    0.060000][    T1]     not ok 2 test_b
 *     [    0.060000][    T1] # example: pass:1 fail:1 skip:0 total:2
 *     [    0.060000][    T1] not ok 1 example
 *
 * Each line is made one of TAP and given to that format: the prefix goes; a deeper indent, be it of
 * two blanks, four, or a tab, becomes one level, and so does the '#' before kselftest's subtests.
 * Words about a failure stand before the point. KUnit of 5.4 had no plan around its suites; there
 * the kernel's going on to user space is the end.
 */
#include "base/buf.h"
#include "parse/format.h"
#include "parse/formats/failure.h"
#include "parse/formats/tap_line.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 15
#define PLAIN_BYTES ((size_t)64 * 1024)

struct ktap {
    void *tap;
    struct buf plain;
    size_t depth, indents[DEPTH_MAX + 1];
    bool asserted; /* the words of a failure may follow */
    bool ended;
    bool closed; /* the newest point is one of the top level */
    struct level {
        bool planned;
        uint64_t seen, failed; /* points */
    } levels[DEPTH_MAX + 1];
};

static int ktap_open(void *state, const struct parse_options *options, struct err *err)
{
    struct ktap *ktap = state;
    (void)options;
    (void)err;
    ktap->tap = xcalloc(1, format_tap.state_size);
    ktap->plain = (struct buf)BUF_INIT(PLAIN_BYTES);
    return 0;
}

static void ktap_done(void *state)
{
    struct ktap *ktap = state;
    free(ktap->tap);
    buf_done(&ktap->plain);
}

/* ---- lines --------------------------------------------------------------------------------- */

/* "[    0.060000][    T1] " and "<6>[    0.060000] ", as printk has them. */
static struct text without_prefix(struct text line)
{
    struct scan scan = scan_begin(line);
    uint64_t level;
    bool found = false;
    struct scan next = scan;
    if (scan_word(&next, "<") && scan_number(&next, &level) && scan_word(&next, ">"))
        scan = next;
    for (;; found = true) {
        next = scan;
        if (found)
            scan_word(&next, " ");
        if (!scan_word(&next, "["))
            break;
        int64_t time_us;
        scan_blanks(&next);
        bool caller = found && (scan_word(&next, "T") || scan_word(&next, "C"));
        if (caller ? !scan_number(&next, &level) : !scan_decimal(&next, 1000000, &time_us))
            break;
        if (!scan_word(&next, "]"))
            break;
        scan = next;
    }
    if (!found)
        return line;
    scan_word(&scan, " ");
    return (struct text){.at = scan.at, .size = (size_t)(scan.end - scan.at)};
}

/* A tab is as good as four blanks. */
static size_t indent_of(struct text line)
{
    size_t indent = 0;
    for (size_t i = 0; i < line.size && (line.at[i] == ' ' || line.at[i] == '\t'); i++)
        indent += line.at[i] == '\t' ? 4 : 1;
    return indent;
}

static bool read_version(struct text line)
{
    struct scan scan = scan_begin(line);
    uint64_t version;
    return tap_read_version(line) ||
           (scan_word(&scan, "KTAP version ") && scan_number(&scan, &version) && scan_done(&scan));
}

enum kind { KIND_OTHER, KIND_VERSION, KIND_PLAN, KIND_POINT, KIND_SUBTEST, KIND_BAIL_OUT };

static enum kind kind_of(struct text line)
{
    struct tap_point point;
    uint64_t last;
    switch (line.size ? *line.at : '\0') {
    case 'K':
    case 'T':
        return read_version(line) ? KIND_VERSION : KIND_OTHER;
    case '1':
        return tap_read_plan(line, &last, &point) ? KIND_PLAN : KIND_OTHER;
    case 'o':
    case 'n':
        return tap_read_point(line, &point) ? KIND_POINT : KIND_OTHER;
    case '#':
        return text_starts(line, "# Subtest: ") || text_starts(line, "# selftests: ") ? KIND_SUBTEST
                                                                                      : KIND_OTHER;
    case 'B':
        return text_starts(line, "Bail out!") ? KIND_BAIL_OUT : KIND_OTHER;
    default:
        return KIND_OTHER;
    }
}

/* The line without its indent and, where that makes it TAP, without the '#' of kselftest; and how
 * far in it stands. */
static struct text without_indent(struct text line, size_t *ret_indent, enum kind *ret_kind)
{
    struct text inner = line;
    *ret_indent = 0;
    for (size_t depth = 0;; depth++) {
        *ret_indent += indent_of(inner);
        inner = text_trim(inner);
        *ret_kind = kind_of(inner);
        if (*ret_kind != KIND_OTHER)
            return inner;
        if (depth == DEPTH_MAX || !text_starts(inner, "# "))
            return text_trim(line);
        *ret_indent += 1;
        inner = (struct text){.at = inner.at + 1, .size = inner.size - 1};
    }
}

static size_t level_at(struct ktap *ktap, size_t indent)
{
    while (ktap->depth > 0 && indent <= ktap->indents[ktap->depth - 1])
        ktap->depth--;
    if (indent > ktap->indents[ktap->depth] && ktap->depth < DEPTH_MAX)
        ktap->depth++;
    ktap->indents[ktap->depth] = indent;
    return ktap->depth;
}

/* ---- failures ------------------------------------------------------------------------------ */

/* "# test: EXPECTATION FAILED at lib/x.c:30", "# test: kunit test case crashed!", ... */
static bool take_failure(struct ktap *ktap, struct text line, struct collector *collector)
{
    static const char *const words[] = {
        "EXPECTATION FAILED at ",       "ASSERTION FAILED at ", "kunit test case crashed!",
        "try faulted: last line seen ", "try timed out",        "internal error occurred"};
    struct scan scan = scan_begin(line);
    struct text name;
    bool asserted = ktap->asserted;
    ktap->asserted = false;
    if (!scan_word(&scan, "# ") || !scan_until(&scan, ": ", &name)) {
        if (asserted && line.size > 0) {
            collector_note_more(collector, line);
            ktap->asserted = true;
        }
        return false;
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        struct text message = {.at = scan.at, .size = (size_t)(scan.end - scan.at)};
        struct place place = {0};
        struct scan at = scan;
        if (!scan_word(&at, words[i]))
            continue;
        if (place_read(scan_rest(&at), &place)) {
            message = text_of(words[i]);
            text_cut_end(&message, " at ");
        }
        collector_note_failure(collector, message, place.file, place.line);
        ktap->asserted = i < 2;
        return true;
    }
    return false;
}

/* Directives that TAP does not know: "# XFAIL why" is a TODO; "# TIMEOUT 45 seconds", "# ERROR why"
 * and "# exit=1" say why it failed. */
static struct text point_as_tap(struct ktap *ktap, struct text line, struct collector *collector)
{
    struct scan scan = scan_begin(line), words;
    struct text before, reason;
    while (scan_until(&scan, " # ", &before)) {
        words = scan;
        const char *end = scan.at - 3;
        if (scan_word(&words, "XFAIL")) {
            reason = scan_rest(&words);
            buf_addf(&ktap->plain, "%.*s # TODO ", (int)(end - line.at), line.at);
            return reason;
        }
        if (!scan_word(&words, "TIMEOUT") && !scan_word(&words, "ERROR") &&
            !scan_word(&words, "exit="))
            continue;
        if (text_starts(line, "not "))
            collector_note_failure(collector, scan_rest(&scan), (struct text){0}, 0);
        return (struct text){.at = line.at, .size = (size_t)(end - line.at)};
    }
    return line;
}

/* ---- counts -------------------------------------------------------------------------------- */

/* "# example: pass:1 fail:1 skip:0 total:2": of the points below. */
static void check_counts(struct ktap *ktap, struct text line, struct collector *collector)
{
    struct scan scan = scan_begin(line);
    struct text name;
    uint64_t pass, fail, skip, total;
    if (!scan_word(&scan, "# ") || !scan_until(&scan, ": pass:", &name) ||
        !scan_number(&scan, &pass) || !scan_word(&scan, " fail:") || !scan_number(&scan, &fail) ||
        !scan_word(&scan, " skip:") || !scan_number(&scan, &skip) || !scan_word(&scan, " total:") ||
        !scan_number(&scan, &total) || text_is(name, "Totals"))
        return;
    const struct level *level = &ktap->levels[ktap->depth];
    const int cut = name.size < 60 ? (int)name.size : 60;
    if (ktap->depth > 0 && !level->planned && total > level->seen)
        collector_complain(collector, "%.*s: %" PRIu64 " of %" PRIu64 " tests are missing", cut,
                           name.at, total - level->seen, total);
    if (ktap->depth > 0 && fail > level->failed)
        collector_complain(collector, "%.*s: %" PRIu64 " of %" PRIu64 " failures are missing", cut,
                           name.at, fail - level->failed, fail);
}

/* The levels below a point are over. */
static void count_point(struct ktap *ktap, size_t depth, struct text line)
{
    for (size_t i = depth + 1; i <= DEPTH_MAX; i++)
        ktap->levels[i] = (struct level){0};
    struct tap_point point;
    bool failed = tap_read_point(line, &point) && !point.ok && !point.skip && !point.todo;
    ktap->levels[depth].seen++;
    ktap->levels[depth].failed += failed;
    ktap->closed = depth == 0;
}

/* ---- the run ------------------------------------------------------------------------------- */

/* init/main.c and init/do_mounts.c */
static bool is_user_space(struct text line)
{
    return (text_starts(line, "Run /") && text_ends(line, " as init process")) ||
           text_starts(line, "Freeing unused kernel ") || text_is(line, "List of all partitions:");
}

static bool take_tap(struct ktap *ktap, struct text line, enum kind kind, size_t indent,
                     struct collector *collector)
{
    size_t level = level_at(ktap, indent);
    struct scan scan = scan_begin(line);
    buf_clear(&ktap->plain);
    for (size_t i = 0; i < level; i++)
        buf_adds(&ktap->plain, "    ");
    if (kind == KIND_VERSION) {
        line = text_of("TAP version 14");
    } else if (kind == KIND_SUBTEST && scan_word(&scan, "# selftests: ")) {
        buf_adds(&ktap->plain, "# Subtest: selftests: ");
        line = scan_rest(&scan);
    } else if (kind == KIND_POINT) {
        count_point(ktap, level, line);
        line = point_as_tap(ktap, line, collector);
    }
    ktap->levels[level].planned = ktap->levels[level].planned || kind == KIND_PLAN;
    ktap->asserted = false;
    size_t room = ktap->plain.ceiling - ktap->plain.size;
    buf_add(&ktap->plain, line.at, line.size < room ? line.size : room);
    return format_tap.line(ktap->tap, text_of_buf(&ktap->plain), collector);
}

static bool ktap_line(void *state, struct text line, struct collector *collector)
{
    struct ktap *ktap = state;
    struct text plain = without_prefix(line);
    size_t indent;
    enum kind kind;
    plain = without_indent(plain, &indent, &kind);
    if (kind != KIND_OTHER)
        return take_tap(ktap, plain, kind, indent, collector);
    if (is_user_space(plain) && ktap->closed && !ktap->levels[0].planned && !ktap->ended) {
        ktap->ended = true;
        collector_run_end(collector, true, false);
    }
    check_counts(ktap, plain, collector);
    return take_failure(ktap, plain, collector);
}

static void ktap_end(void *state, struct collector *collector)
{
    struct ktap *ktap = state;
    if (!ktap->ended)
        format_tap.end(ktap->tap, collector);
}

static int ktap_detect(struct text line)
{
    struct text plain = without_prefix(line);
    bool prefixed = plain.at != line.at, tab = plain.size > 0 && *plain.at == '\t';
    if (!prefixed && plain.size > 0 && (*plain.at == '[' || *plain.at == '<'))
        return DETECT_NO;
    plain = text_trim(plain);
    struct scan scan = scan_begin(plain);
    struct text name;
    if (plain.size == 0)
        return DETECT_NO;
    if (text_starts(plain, "KTAP version ") && read_version(plain))
        return DETECT_STRONG;
    if (text_starts(plain, "# selftests: ") || (tab && text_starts(plain, "# Subtest: ")))
        return DETECT_STRONG;
    if (scan_word(&scan, "# ") && scan_until(&scan, ": pass:", &name))
        return DETECT_STRONG;
    enum kind kind = prefixed ? kind_of(plain) : KIND_OTHER;
    return kind == KIND_VERSION ? DETECT_STRONG : kind == KIND_OTHER ? DETECT_NO : DETECT_LIKELY;
}

const struct format format_ktap = {
    .name = "ktap",
    .summary = "KTAP: KUnit and kselftest of Linux",
    .example = "# selftests: timers: posix_timers",
    .state_size = sizeof(struct ktap),
    .first = "K#[<",
    .open = ktap_open,
    .detect = ktap_detect,
    .line = ktap_line,
    .end = ktap_end,
    .done = ktap_done,
};
