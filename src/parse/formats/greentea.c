/* SPDX-License-Identifier: MIT
 *
 * Mbed's greentea client: keys with values, anywhere in a line, between other output:
 *
 *     {{__testcase_count;2}}
 *     {{__testcase_name;read back}}
 *     {{__testcase_start;read back}}
 *     <greentea test suite>:57::FAIL: Expected 1 Was 2
 *     {{__testcase_finish;read back;0;1}}            what passed and what failed in it
 *     {{__testcase_summary;1;1}}
 *     {{end;failure}}
 *
 * Names may hold semicolons. A log that htrun wrote has its words before each line, and shows each
 * pair twice. "<DAPLink:Overflow>" stands where the probe lost bytes: a pair with it is not
 * believed.
 */
#include "base/str.h"
#include "parse/format.h"

#include <string.h>

#define NAMES_MAX ((size_t)256 * 1024)
#define NAMES_AHEAD 256 /* announced names among which a test that starts is looked for */

#define OVERFLOW_MARK "<DAPLink:Overflow>"

struct greentea {
    struct buf names; /* announced: '?' or, once it began, '!', the name, LF */
    size_t next_name; /* where the next test's is expected */
    int64_t count;    /* of test cases, as announced; 0: not */
    int64_t now_us;   /* of htrun's time stamp; -1: none */
    int64_t start_us;
    bool ignored; /* the open test says so */
};

static int greentea_open(void *state, const struct parse_options *options, struct err *err)
{
    (void)options;
    (void)err;
    struct greentea *greentea = state;
    greentea->names = (struct buf)BUF_INIT(NAMES_MAX);
    greentea->now_us = greentea->start_us = -1;
    return 0;
}

static void greentea_done(void *state)
{
    struct greentea *greentea = state;
    buf_done(&greentea->names);
}

/* ---- names that were announced ------------------------------------------------------------- */

static void announce(struct greentea *greentea, struct text name)
{
    if (greentea->names.size + name.size + 2 > NAMES_MAX)
        return;
    buf_adds(&greentea->names, "?");
    buf_add(&greentea->names, name.at, name.size);
    buf_adds(&greentea->names, "\n");
}

/* The name at `*at`, and past it. */
static struct text name_at(const struct greentea *greentea, size_t *at)
{
    const char *name = greentea->names.data + *at;
    const char *end = memchr(name, '\n', greentea->names.size - *at);
    *at += (size_t)(end - name) + 1;
    return (struct text){.at = name + 1, .size = (size_t)(end - name - 1)};
}

/* Tests begin in the order in which they were announced. */
static void mark_begun(struct greentea *greentea, struct text name)
{
    size_t at = greentea->next_name;
    for (size_t i = 0; i < NAMES_AHEAD && at < greentea->names.size; i++) {
        size_t begin = at;
        if (text_same(name_at(greentea, &at), name)) {
            greentea->names.data[begin] = '!';
            greentea->next_name = at;
            return;
        }
    }
}

static void skip_those_left(struct greentea *greentea, struct collector *collector)
{
    for (size_t at = 0; at < greentea->names.size;) {
        bool begun = greentea->names.data[at] == '!';
        struct text name = name_at(greentea, &at);
        if (!begun)
            collector_settle(collector,
                             &(struct finding){.name = name,
                                               .result = CASE_SKIP,
                                               .message = text_of("announced, but never started"),
                                               .duration_us = -1});
    }
    buf_clear(&greentea->names);
    greentea->next_name = 0;
}

/* ---- pairs --------------------------------------------------------------------------------- */

static void start_test(struct greentea *greentea, struct text name, struct collector *collector)
{
    struct text open;
    mark_begun(greentea, name);
    if (collector_open_test(collector, &open) && text_same(open, name))
        return; /* utest repeats a test until it is content */
    collector_start(collector, (struct text){0}, name);
    greentea->start_us = greentea->now_us;
    greentea->ignored = false;
}

/* Takes ";7" off the end. */
static bool cut_number(struct text *text, uint64_t *ret)
{
    const char *semicolon = text->size ? memrchr(text->at, ';', text->size) : NULL;
    if (!semicolon)
        return false;
    struct scan scan = {.at = semicolon + 1, .end = text->at + text->size};
    if (!scan_number(&scan, ret) || !scan_done(&scan))
        return false;
    text->size = (size_t)(semicolon - text->at);
    return true;
}

static void finish_test(struct greentea *greentea, struct text value, struct collector *collector)
{
    struct finding finding = {.name = value, .result = CASE_PASS, .duration_us = -1};
    uint64_t passed, failed;
    if (!cut_number(&finding.name, &failed) || !cut_number(&finding.name, &passed))
        return;
    mark_begun(greentea, finding.name);
    if (failed > 0 || passed == 0)
        finding.result = CASE_FAIL;
    else if (greentea->ignored)
        finding.result = CASE_SKIP;
    if (failed == 0 && passed == 0)
        finding.message = text_of("it neither passed nor failed");
    if (greentea->start_us >= 0 && greentea->now_us >= greentea->start_us)
        finding.duration_us = greentea->now_us - greentea->start_us;
    collector_result(collector, &finding);
    greentea->start_us = -1;
    greentea->ignored = false;
}

static void end_run(struct greentea *greentea, struct text result, struct collector *collector)
{
    skip_those_left(greentea, collector);
    if (greentea->count > 0)
        collector_totals(collector, greentea->count, -1);
    greentea->count = 0;
    collector_run_end(collector, text_is(result, "success"), false);
}

static void take_count(struct greentea *greentea, struct text value, struct collector *collector)
{
    struct scan scan = scan_begin(value);
    uint64_t number;
    collector_run_start(collector);
    buf_clear(&greentea->names);
    greentea->next_name = 0;
    greentea->count = scan_number(&scan, &number) && scan_done(&scan) ? (int64_t)number : 0;
}

/* "PASSED;FAILED", by which tests are missed where the count at the start was lost. */
static void take_summary(struct greentea *greentea, struct text value, struct collector *collector)
{
    uint64_t passed, failed;
    if (!cut_number(&value, &failed))
        return;
    collector_totals(collector, -1, (int64_t)failed);
    struct scan scan = scan_begin(value);
    if (greentea->count == 0 && scan_number(&scan, &passed) && scan_done(&scan) &&
        passed <= INT32_MAX && failed <= INT32_MAX && passed + failed > collector_seen(collector))
        greentea->count = (int64_t)(passed + failed);
}

static void take_pair(struct greentea *greentea, struct text key, struct text value,
                      struct collector *collector)
{
    if (text_is(key, "__testcase_start"))
        start_test(greentea, value, collector);
    else if (text_is(key, "__testcase_finish"))
        finish_test(greentea, value, collector);
    else if (text_is(key, "__testcase_name"))
        announce(greentea, value);
    else if (text_is(key, "__testcase_count"))
        take_count(greentea, value, collector);
    else if (text_is(key, "__testcase_summary"))
        take_summary(greentea, value, collector);
    else if (text_is(key, "end"))
        end_run(greentea, value, collector);
}

/* "key;value}}" behind the "{{". */
static bool read_pair(struct scan *scan, struct text *ret_key, struct text *ret_value)
{
    const char *begin = scan->at;
    while (scan->at<scan->end && * scan->at> ' ' && !strchr(";{}", *scan->at))
        scan->at++;
    *ret_key = (struct text){.at = begin, .size = (size_t)(scan->at - begin)};
    *ret_value = (struct text){.at = scan->at};
    if (scan_word(scan, "}}"))
        return ret_key->size > 0;
    if (ret_key->size == 0 || !scan_word(scan, ";") || !scan_until(scan, "}}", ret_value))
        return false;
    while (scan_word(scan, "}")) /* the value ends with it */
        ret_value->size++;
    return true;
}

static bool has_overflow(struct text text)
{
    return memmem(text.at, text.size, OVERFLOW_MARK, strlen(OVERFLOW_MARK)) != NULL;
}

/* All pairs of a line. Where bytes are missing from one, only the count tells what it was. */
static bool take_pairs(struct greentea *greentea, struct text line, struct collector *collector)
{
    struct scan scan = scan_begin(line);
    struct text before, key, value;
    bool found = false;
    while (scan_until(&scan, "{{", &before)) {
        struct scan pair = scan;
        struct text all = {.at = scan.at, .size = (size_t)(scan.end - scan.at)};
        bool whole = read_pair(&pair, &key, &value);
        if (whole) {
            all.size = (size_t)(pair.at - all.at);
            scan = pair;
        }
        if (has_overflow(all))
            collector_complain(collector, "the probe lost bytes in the middle of '{{%.*s'",
                               (int)(all.size < 80 ? all.size : 80), all.at);
        else if (whole)
            take_pair(greentea, key, value, collector);
        found = found || whole;
    }
    return found;
}

/* ---- lines --------------------------------------------------------------------------------- */

/* "[1459246274.58][CONN][RXD] " off the start; false: a line of htrun's own. */
static bool take_prefix(struct greentea *greentea, struct text *line)
{
    struct scan scan = scan_begin(*line);
    int64_t time_us;
    if (!scan_word(&scan, "[") || !scan_decimal(&scan, 1000000, &time_us) ||
        !scan_word(&scan, "]["))
        return true;
    if (!scan_word(&scan, "CONN][RXD] "))
        return false;
    greentea->now_us = time_us;
    *line = (struct text){.at = scan.at, .size = (size_t)(scan.end - scan.at)};
    return true;
}

/* "FILE:57::FAIL: message" of the Unity in it: no file, and no name. */
static bool take_assertion(struct greentea *greentea, struct text line, struct collector *collector)
{
    struct scan scan = scan_begin(line);
    struct text place;
    bool ignored = false;
    if (!scan_until(&scan, "::FAIL", &place)) {
        ignored = scan_until(&scan, "::IGNORE", &place);
        if (!ignored)
            return false;
    }
    const char *colon = place.size ? memrchr(place.at, ':', place.size) : NULL;
    struct scan digits = {.at = colon ? colon + 1 : place.at, .end = place.at + place.size};
    uint64_t number;
    if (!scan_number(&digits, &number) || !scan_done(&digits) || number > UINT32_MAX)
        return false;
    scan_word(&scan, ":");
    greentea->ignored = greentea->ignored || ignored;
    collector_note_failure(collector, scan_rest(&scan), (struct text){0}, (uint32_t)number);
    return true;
}

/* ">>> failure with reason 'Assertion Failed' during 'Case Handler'" */
static bool take_reason(struct text line, struct collector *collector)
{
    struct scan scan = scan_begin(line);
    struct text open;
    if (!scan_word(&scan, ">>> failure with reason ") || !collector_open_test(collector, &open))
        return false;
    collector_note_failure(collector, scan_rest(&scan), (struct text){0}, 0);
    return true;
}

static bool greentea_line(void *state, struct text line, struct collector *collector)
{
    struct greentea *greentea = state;
    if (line.size == 0)
        return false;
    if (*line.at == '[' && !take_prefix(greentea, &line))
        return true;
    if (memchr(line.at, '{', line.size) && take_pairs(greentea, line, collector))
        return true;
    if (line.size && *line.at == '>' && take_reason(line, collector))
        return true;
    return memmem(line.at, line.size, "::", 2) && take_assertion(greentea, line, collector);
}

static void greentea_end(void *state, struct collector *collector)
{
    skip_those_left(state, collector);
}

static const char *const signs[] = {"{{__testcase_",       "{{__version;", "{{__timeout;",
                                    "{{__host_test_name;", "{{__sync;",    NULL};

static int greentea_detect(struct text line)
{
    struct scan scan = scan_begin(line);
    struct text before;
    if (!scan_until(&scan, "{{__", &before))
        return DETECT_NO;
    scan.at = before.at + before.size;
    for (size_t i = 0; signs[i]; i++) {
        if (scan_word(&scan, signs[i]))
            return DETECT_STRONG;
    }
    return DETECT_NO;
}

const struct format format_greentea = {
    .name = "greentea",
    .summary = "Mbed's greentea client and utest",
    .example = "{{__testcase_finish;read back;1;0}}",
    .state_size = sizeof(struct greentea),
    .first = "{[",
    .signs = signs,
    .detect = greentea_detect,
    .open = greentea_open,
    .line = greentea_line,
    .end = greentea_end,
    .done = greentea_done,
};
