/* SPDX-License-Identifier: MIT
 *
 * Rust's libtest with --format json: an object a line. The host's runner of embedded-test
 * (probe-rs run) prints the same:
 *
 *     {"type":"suite","event":"started","test_count":2}
 *     {"type":"test","event":"started","name":"ring::wraps"}
 *     {"type":"test","name":"ring::wraps","event":"ok","exec_time":0.004}
 *     {"type":"test","name":"ring::order","event":"failed","stdout":"thread 'ring::order' ..."}
 *     {"type":"suite","event":"failed","passed":1,"failed":1,"ignored":0,"measured":0,...}
 *
 * Only a few members matter, and the middle of a long line is lost, so the line is searched for
 * them: inside of a JSON string no quote stands without a backslash.
 */
#include "parse/format.h"
#include "parse/formats/panic.h"

#include <string.h>

#define MEMBER_BYTES ((size_t)16 * 1024)

struct libtest_json {
    struct buf type, event, name, text;
    struct panic panic;
    bool cut; /* the last line was: the next is its end */
};

static int libtest_json_open(void *state, const struct parse_options *options, struct err *err)
{
    (void)options;
    (void)err;
    struct libtest_json *json = state;
    json->type = json->event = (struct buf)BUF_INIT(32);
    json->name = json->text = (struct buf)BUF_INIT(MEMBER_BYTES);
    json->panic = panic_init();
    return 0;
}

static void libtest_json_done(void *state)
{
    struct libtest_json *json = state;
    buf_done(&json->type);
    buf_done(&json->event);
    buf_done(&json->name);
    buf_done(&json->text);
    panic_done(&json->panic);
}

/* ---- members ------------------------------------------------------------------------------- */

/* Where the value of a member begins. */
static bool find_member(struct text line, const char *quoted_name, struct scan *ret)
{
    struct text before;
    *ret = scan_begin(line);
    while (scan_until(ret, quoted_name, &before)) {
        scan_blanks(ret);
        if (!scan_word(ret, ":"))
            continue;
        scan_blanks(ret);
        return true;
    }
    return false;
}

static uint32_t read_hex(struct scan *scan)
{
    uint32_t value = 0;
    for (int i = 0; i < 4 && scan->at < scan->end; i++) {
        const char *digit = strchr("0123456789abcdefABCDEF", *scan->at);
        if (!digit || !*digit)
            break;
        long worth = digit - "0123456789abcdefABCDEF";
        value = value << 4 | (uint32_t)(worth < 16 ? worth : worth - 6);
        scan->at++;
    }
    return value;
}

static void add_utf8(struct buf *buf, uint32_t code)
{
    unsigned char bytes[3] = {(unsigned char)code};
    size_t count = 1;
    if (code >= 0x800) {
        bytes[0] = (unsigned char)(0xE0 | code >> 12);
        bytes[1] = (unsigned char)(0x80 | (code >> 6 & 0x3F));
        bytes[2] = (unsigned char)(0x80 | (code & 0x3F));
        count = 3;
    } else if (code >= 0x80) {
        bytes[0] = (unsigned char)(0xC0 | code >> 6);
        bytes[1] = (unsigned char)(0x80 | (code & 0x3F));
        count = 2;
    }
    buf_add(buf, bytes, code ? count : 0);
}

/* Halves of a surrogate pair, of which names and messages are free in practice, give '?'. */
static void add_escaped(struct buf *buf, struct scan *scan)
{
    static const char letters[] = "ntrbf", bytes[] = "\n\t   ";
    char letter = *scan->at++;
    const char *found = strchr(letters, letter);
    if (letter == 'u') {
        uint32_t code = read_hex(scan);
        add_utf8(buf, code >= 0xD800 && code <= 0xDFFF ? '?' : code);
    } else {
        buf_add(buf, found ? &bytes[found - letters] : &letter, 1);
    }
}

/* The rest of a string; what does not fit is left out. */
static void unescape(struct scan scan, struct buf *ret)
{
    buf_clear(ret);
    while (scan.at < scan.end && *scan.at != '"') {
        const char *plain = scan.at;
        while (scan.at < scan.end && *scan.at != '"' && *scan.at != '\\')
            scan.at++;
        size_t count = (size_t)(scan.at - plain), room = ret->ceiling - ret->size;
        buf_add(ret, plain, count < room ? count : room);
        if (scan_word(&scan, "\\") && !scan_done(&scan))
            add_escaped(ret, &scan);
    }
}

static bool read_string(struct text line, const char *quoted_name, struct buf *ret)
{
    struct scan scan;
    buf_clear(ret);
    if (!find_member(line, quoted_name, &scan) || !scan_word(&scan, "\""))
        return false;
    unescape(scan, ret);
    return true;
}

/* A string of one line. */
static bool read_line(struct text line, const char *quoted_name, struct buf *ret)
{
    if (!read_string(line, quoted_name, ret))
        return false;
    for (size_t i = 0; i < ret->size; i++) {
        if ((unsigned char)ret->data[i] < ' ')
            ret->data[i] = ' ';
    }
    return true;
}

static int64_t read_count(struct text line, const char *quoted_name)
{
    struct scan scan;
    uint64_t number;
    return find_member(line, quoted_name, &scan) && scan_number(&scan, &number) ? (int64_t)number
                                                                                : 0;
}

/* ---- events -------------------------------------------------------------------------------- */

static bool event_is(const struct libtest_json *json, const char *event)
{
    return text_is(text_of_buf(&json->event), event);
}

/* What the test printed: all of it is detail, and somewhere in it is why it failed. */
static void read_output(struct libtest_json *json, struct collector *collector)
{
    struct scan scan = scan_begin(text_of_buf(&json->text));
    struct text line;
    bool found = false;
    while (!scan_done(&scan)) {
        if (!scan_until(&scan, "\n", &line))
            line = scan_rest(&scan);
        collector_detail(collector, line);
        if (json->panic.state != PANIC_NONE) {
            if (!panic_goes_on(&json->panic, line))
                json->panic.state = PANIC_NONE;
        } else if (!found) {
            found = panic_begins(&json->panic, line);
        }
        if (!found && text_starts(line, "Error: "))
            collector_amend(collector, &(struct finding){.message = line, .duration_us = -1});
    }
    struct finding finding = panic_take(&json->panic);
    if (found)
        collector_amend(collector, &finding);
}

static void take_result(struct libtest_json *json, struct text line, enum case_result result,
                        struct collector *collector)
{
    struct finding finding = {
        .name = text_of_buf(&json->name), .result = result, .duration_us = -1};
    struct scan scan;
    if (find_member(line, "\"exec_time\"", &scan))
        scan_decimal(&scan, 1000000, &finding.duration_us);
    if (read_line(line, "\"message\"", &json->text) || read_line(line, "\"reason\"", &json->text))
        finding.message = text_of_buf(&json->text);
    if (result == CASE_FAIL && panic_begins(&json->panic, finding.message)) {
        struct finding place = panic_take(&json->panic);
        finding.file = place.file;
        finding.line = place.line;
    }
    collector_result(collector, &finding);
    if (result == CASE_FAIL && read_string(line, "\"stdout\"", &json->text)) {
        read_output(json, collector);
        json->cut = !text_ends(line, "}");
    }
}

static void take_test(struct libtest_json *json, struct text line, struct collector *collector)
{
    if (!read_line(line, "\"name\"", &json->name) || json->name.size == 0)
        return;
    if (event_is(json, "started"))
        collector_start(collector, (struct text){0}, text_of_buf(&json->name));
    else if (event_is(json, "ok"))
        take_result(json, line, CASE_PASS, collector);
    else if (event_is(json, "failed"))
        take_result(json, line, CASE_FAIL, collector);
    else if (event_is(json, "ignored"))
        take_result(json, line, CASE_SKIP, collector);
}

static void take_suite(struct libtest_json *json, struct text line, struct collector *collector)
{
    bool ok = event_is(json, "ok");
    if (event_is(json, "started"))
        collector_run_start(collector);
    if (!ok && !event_is(json, "failed"))
        return;
    int64_t failed = read_count(line, "\"failed\"");
    int64_t total = read_count(line, "\"passed\"") + failed + read_count(line, "\"ignored\"") +
                    read_count(line, "\"measured\"");
    collector_totals(collector, total, failed);
    collector_run_end(collector, ok, false);
}

static bool is_event(struct text line)
{
    struct scan scan;
    return line.size > 0 && *line.at == '{' && find_member(line, "\"type\"", &scan) &&
           find_member(line, "\"event\"", &scan);
}

static bool libtest_json_line(void *state, struct text line, struct collector *collector)
{
    struct libtest_json *json = state;
    line = text_trim(line);
    if (json->cut) {
        json->cut = false;
        unescape(scan_begin(line), &json->text);
        read_output(json, collector);
        return true;
    }
    if (!is_event(line) || !read_string(line, "\"type\"", &json->type) ||
        !read_string(line, "\"event\"", &json->event))
        return false;
    if (text_is(text_of_buf(&json->type), "test"))
        take_test(json, line, collector);
    else if (text_is(text_of_buf(&json->type), "suite"))
        take_suite(json, line, collector);
    else
        return false;
    return true;
}

static int libtest_json_detect(struct text line)
{
    return is_event(text_trim(line)) ? DETECT_STRONG : DETECT_NO;
}

const struct format format_libtest_json = {
    .name = "libtest-json",
    .summary = "Rust's libtest as JSON lines; embedded-test's runner on the host",
    .example = "{\"type\":\"test\",\"name\":\"ring::wraps\",\"event\":\"ok\"}",
    .state_size = sizeof(struct libtest_json),
    .first = "{",
    .detect = libtest_json_detect,
    .open = libtest_json_open,
    .line = libtest_json_line,
    .done = libtest_json_done,
};
