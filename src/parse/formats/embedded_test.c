/* SPDX-License-Identifier: MIT
 *
 * embedded-test (Rust) as the board logs it, with whatever the logger puts before a message. The
 * host chooses the tests and resets the board before each:
 *
 *     tests available: [Test { name: "bus::reads", should_panic: false, ignored: false, timeout:
 *     None }, ...]                                                            (in one line)
 *     Running test: Test { name: "bus::reads", should_panic: false, ignored: false, timeout: None }
 *     Test exited with () or Ok(..)
 *     Running test: Test { name: "bus::times_out", ...
 *     ====================== PANIC ======================
 *     panicked at tests/bus.rs:31:9:
 *
 * What a result means is said by the test's should_panic. There is no end but that all tests ran.
 */
#include "base/str.h"
#include "parse/format.h"
#include "parse/formats/panic.h"

#include <string.h>

struct embedded_test {
    int64_t available; /* tests, as announced; 0: not */
    bool should_panic; /* the open test */
    struct panic panic;
};

static int embedded_test_open(void *state, const struct parse_options *options, struct err *err)
{
    (void)options;
    (void)err;
    struct embedded_test *embedded = state;
    embedded->panic = panic_init();
    return 0;
}

static void embedded_test_done(void *state)
{
    struct embedded_test *embedded = state;
    panic_done(&embedded->panic);
}

/* `Test { name: "NAME", should_panic: false, ignored: false, ...` */
static bool read_test(struct scan *scan, struct text *ret_name, bool *ret_panics, bool *ret_ignored)
{
    struct text before;
    if (!scan_until(scan, "Test { name: \"", &before) ||
        !scan_until(scan, "\", should_panic: ", ret_name))
        return false;
    *ret_panics = scan_word(scan, "true");
    if (!*ret_panics && !scan_word(scan, "false"))
        return false;
    *ret_ignored = scan_word(scan, ", ignored: true");
    return *ret_ignored || scan_word(scan, ", ignored: false");
}

static void end_where_all_ran(struct embedded_test *embedded, struct collector *collector)
{
    if (embedded->available == 0 || (int64_t)collector_seen(collector) < embedded->available)
        return;
    collector_totals(collector, embedded->available, -1);
    collector_run_end(collector, true, false);
    embedded->available = 0;
}

static void take_result(struct embedded_test *embedded, enum case_result result,
                        struct finding finding, struct collector *collector)
{
    finding.result = result;
    finding.duration_us = -1;
    collector_result(collector, &finding);
    end_where_all_ran(embedded, collector);
}

/* A panic's words may take more lines; it is over when something else comes. */
static void end_panic(struct embedded_test *embedded, struct collector *collector)
{
    struct text open;
    if (embedded->panic.state == PANIC_NONE)
        return;
    struct finding finding = panic_take(&embedded->panic);
    finding.before = true;
    if (!collector_open_test(collector, &open))
        return;
    if (embedded->should_panic)
        finding.message = (struct text){0};
    take_result(embedded, embedded->should_panic ? CASE_PASS : CASE_FAIL, finding, collector);
}

static bool take_list(struct embedded_test *embedded, struct text line, struct collector *collector)
{
    struct scan scan = scan_begin(line);
    struct text before, name;
    bool panics, ignored;
    if (!scan_until(&scan, "tests available: [", &before))
        return false;
    if (!text_ends(line, "]"))
        return true; /* cut: how many there are is not known */
    int64_t count = 0;
    for (; read_test(&scan, &name, &panics, &ignored); count++) {
        if (ignored)
            collector_settle(
                collector, &(struct finding){.name = name, .result = CASE_SKIP, .duration_us = -1});
    }
    embedded->available = count;
    return true;
}

static bool take_start(struct embedded_test *embedded, struct text line,
                       struct collector *collector)
{
    struct scan scan = scan_begin(line);
    struct text before, name, open;
    bool panics, ignored;
    if (!scan_until(&scan, "Running test: ", &before) ||
        !read_test(&scan, &name, &panics, &ignored))
        return false;
    if (collector_open_test(collector, &open)) {
        struct finding finding = {.message = text_of("it neither ended nor panicked"),
                                  .error_type = "hang",
                                  .before = true};
        take_result(embedded, CASE_ERROR, finding, collector);
    }
    collector_start(collector, (struct text){0}, name);
    embedded->should_panic = panics;
    return true;
}

static bool take_exit(struct embedded_test *embedded, struct text line, struct collector *collector)
{
    struct scan scan = scan_begin(line);
    struct text before, open;
    struct finding finding = {0};
    if (!scan_until(&scan, "Test exited with ", &before) || !collector_open_test(collector, &open))
        return false;
    if (scan_word(&scan, "() or Ok(..)")) {
        if (embedded->should_panic)
            finding.message = text_of("it should have panicked, and did not");
        take_result(embedded, embedded->should_panic ? CASE_FAIL : CASE_PASS, finding, collector);
        return true;
    }
    scan_word(&scan, "Err(..): ");
    finding.message = scan_rest(&scan);
    take_result(embedded, CASE_FAIL, finding, collector);
    return true;
}

/* The logger's words stand before "panicked at"; lines of the message may follow, but no more. */
static bool take_panic(struct embedded_test *embedded, struct text line,
                       struct collector *collector)
{
    struct text open;
    if (embedded->panic.state != PANIC_NONE) {
        if (panic_goes_on(&embedded->panic, line))
            return true;
        end_panic(embedded, collector);
        return false;
    }
    if (!memmem(line.at, line.size, "panicked at ", 12) || !collector_open_test(collector, &open) ||
        !panic_begins(&embedded->panic, line))
        return false;
    collector_patience(collector, 500);
    return true;
}

static bool is_harness(struct text line)
{
    /* each with the place of the byte that other lines have least */
    static const struct {
        const char *text;
        size_t size, rare;
    } words[] = {{"Running test: Test {", 20, 14},
                 {"Test exited with ", 17, 0},
                 {"tests available: [", 18, 7}};
    const char *end = line.at + line.size;
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        const char *at = line.at + words[i].rare;
        while (at < end && (at = memchr(at, words[i].text[words[i].rare], (size_t)(end - at)))) {
            const char *begin = at++ - words[i].rare;
            if ((size_t)(end - begin) >= words[i].size &&
                memcmp(begin, words[i].text, words[i].size) == 0)
                return true;
        }
    }
    return false;
}

static bool embedded_test_line(void *state, struct text line, struct collector *collector)
{
    struct embedded_test *embedded = state;
    if (line.size == 0)
        return false;
    if (!is_harness(line))
        return take_panic(embedded, line, collector);
    end_panic(embedded, collector);
    return take_start(embedded, line, collector) || take_exit(embedded, line, collector) ||
           take_list(embedded, line, collector);
}

static void embedded_test_end(void *state, struct collector *collector)
{
    end_panic(state, collector);
}

static int embedded_test_detect(struct text line)
{
    struct text name;
    bool panics, ignored;
    struct scan scan = scan_begin(line);
    if (line.size == 0 || !is_harness(line))
        return DETECT_NO;
    return read_test(&scan, &name, &panics, &ignored) ? DETECT_STRONG : DETECT_LIKELY;
}

static const char *const signs[] = {"Running test: Test {", "Test exited with ",
                                    "tests available: [", NULL};

const struct format format_embedded_test = {
    .name = "embedded-test",
    .summary = "embedded-test (Rust), as the board logs it",
    .example = "Running test: Test { name: \"bus::reads\", should_panic: false, ignored: false, "
               "timeout: None }",
    .state_size = sizeof(struct embedded_test),
    .resets = true,
    .first = "RTt0123456789IDWE[<",
    .signs = signs,
    .detect = embedded_test_detect,
    .open = embedded_test_open,
    .line = embedded_test_line,
    .end = embedded_test_end,
    .done = embedded_test_done,
};
