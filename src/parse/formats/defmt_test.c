/* SPDX-License-Identifier: MIT
 *
 * defmt-test, for Rust without std, as a defmt decoder prints it, with whatever the decoder puts
 * before a message (time, level):
 *
 *     0.000012 INFO  (1/3) running `reads_id`...
 *     0.000021 INFO  (2/3) ignoring `needs_sensor`...
 *     0.000034 INFO  (3/3) running `resets_bus`...
 *     0.000085 ERROR panicked at 'assertion failed: bus.idle()', tests/bus.rs:41:9
 *     all tests passed!
 *
 * A test has passed when the next line of the harness comes. A panic is the end of everything.
 */
#include "parse/crash.h"
#include "parse/format.h"

#include <string.h>

struct defmt_test {
    uint64_t total;
    bool ignored;  /* the open test is not to count */
    bool panicked; /* the run is over; a line may follow that says where */
};

/* "(3/7) running `NAME`" */
struct step {
    uint64_t number, total;
    bool ignored;
    struct text name;
};

static bool read_step(struct text line, struct step *ret)
{
    const char *end = line.at + line.size;
    for (const char *at = line.at; (at = memchr(at, '(', (size_t)(end - at))); at++) {
        struct scan scan = {.at = at + 1, .end = end};
        if (!scan_number(&scan, &ret->number) || !scan_word(&scan, "/") ||
            !scan_number(&scan, &ret->total) || !scan_word(&scan, ") "))
            continue;
        ret->ignored = scan_word(&scan, "ignoring `");
        return (ret->ignored || scan_word(&scan, "running `")) &&
               scan_until(&scan, "`", &ret->name) && ret->name.size > 0 && ret->number > 0 &&
               ret->number <= ret->total;
    }
    return false;
}

static void end_open_test(struct defmt_test *defmt, struct collector *collector)
{
    struct text open;
    if (collector_open_test(collector, &open))
        collector_result(collector,
                         &(struct finding){.result = defmt->ignored ? CASE_SKIP : CASE_PASS,
                                           .before = true,
                                           .duration_us = -1});
}

static void end_run(struct defmt_test *defmt, bool ok, struct collector *collector)
{
    if (defmt->total > 0)
        collector_totals(collector, (int64_t)defmt->total, -1);
    defmt->total = 0;
    collector_run_end(collector, ok, false);
}

static void take_step(struct defmt_test *defmt, const struct step *step,
                      struct collector *collector)
{
    if (step->number == 1)
        collector_run_start(collector);
    end_open_test(defmt, collector);
    defmt->total = step->total;
    defmt->ignored = step->ignored;
    defmt->panicked = false;
    collector_start(collector, (struct text){0}, step->name);
}

/* "'WORDS', FILE:LINE:COLUMN", or "FILE:LINE:COLUMN:" with the words in the next lines, or words.
 */
static void read_panic(struct text text, struct finding *ret)
{
    const char *quote = text.size ? memrchr(text.at, '\'', text.size) : NULL;
    ret->message = text;
    if (quote && quote > text.at && *text.at == '\'') {
        ret->message = (struct text){.at = text.at + 1, .size = (size_t)(quote - text.at - 1)};
        text = (struct text){.at = quote, .size = (size_t)(text.at + text.size - quote)};
    }
    crash_place(text, &ret->file, &ret->line);
}

static bool take_panic(struct defmt_test *defmt, struct text line, struct collector *collector)
{
    struct scan scan = scan_begin(line);
    struct finding finding = {.result = CASE_FAIL, .duration_us = -1};
    struct text before, open;
    if (!scan_until(&scan, "panicked at ", &before) || !collector_open_test(collector, &open))
        return false;
    read_panic(scan_rest(&scan), &finding);
    collector_result(collector, &finding);
    defmt->panicked = true;
    end_run(defmt, false, collector);
    return true;
}

/* Behind the panic: "└─ tests::resets_bus @ tests/bus.rs:41" */
static bool take_place(struct text line, struct collector *collector)
{
    struct finding finding = {.duration_us = -1};
    struct scan scan = scan_begin(line);
    struct text before;
    if (!scan_until(&scan, " @ ", &before) ||
        !crash_place(scan_rest(&scan), &finding.file, &finding.line))
        return false;
    collector_amend(collector, &finding);
    return true;
}

static bool defmt_test_line(void *state, struct text line, struct collector *collector)
{
    struct defmt_test *defmt = state;
    struct step step;
    if (memchr(line.at, '`', line.size) && read_step(line, &step)) {
        take_step(defmt, &step, collector);
        return true;
    }
    if (text_ends(line, "all tests passed!")) {
        end_open_test(defmt, collector);
        end_run(defmt, true, collector);
        return true;
    }
    if (defmt->panicked) {
        defmt->panicked = false;
        return take_place(line, collector);
    }
    return memmem(line.at, line.size, "panicked at ", 12) && take_panic(defmt, line, collector);
}

static int defmt_test_detect(struct text line)
{
    struct step step;
    return line.size > 0 && read_step(line, &step) ? DETECT_STRONG : DETECT_NO;
}

static const char *const signs[] = {"running `", "ignoring `", NULL};

const struct format format_defmt_test = {
    .name = "defmt-test",
    .summary = "defmt-test (Rust), decoded",
    .example = "INFO  (1/3) running `reads_id`...",
    .state_size = sizeof(struct defmt_test),
    .first = "(0123456789ITDWE[<",
    .signs = signs,
    .detect = defmt_test_detect,
    .line = defmt_test_line,
};
