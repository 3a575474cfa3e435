/* SPDX-License-Identifier: MIT
 *
 * ESP-IDF's Unity (components/unity/unity_runner.c), run from its menu or at once:
 *
 *     Here's the test menu, pick your combo:
 *     (1)	"adc1 reads" [adc]
 *     (2)	"it wakes up" [sleep][ignore]
 *     	(1)	"go to sleep"
 *     Running adc1 reads...
 *     /build/test_adc.c:16:adc1 reads:FAIL: Expected 3 Was 4
 *     Test ran in 16ms
 *
 *     -----------------------
 *     1 Tests 1 Failures 0 Ignored
 *     FAIL
 *     Enter next test, or 'enter' to see menu
 *
 * A log may hold many sessions, each with such an end: one that begins MORE_MS after the one before
 * still belongs to the run. A test's own words may be "Running something...": what was running
 * shows in the result, and a start whose result never came is taken back, unless the counts miss
 * one.
 */
#include "parse/format.h"
#include "parse/formats/unity.h"

#include <string.h>

#define MORE_MS 1000
#define MESSAGE_LINES_MAX 16
#define NAME_MAX_BYTES 256

struct name {
    size_t size;
    char text[NAME_MAX_BYTES];
};

struct esp {
    struct name doubt;    /* a start that was taken back */
    struct name next;     /* "Running ..." inside the open test */
    unsigned words;       /* lines that the last failure's message may still have */
    bool summary;         /* OK or FAIL comes next */
    bool session;         /* a test of it has been seen */
    uint64_t total, seen; /* of the session */
    struct unity_counts counts;
};

static void store(struct text text, struct name *ret)
{
    ret->size = text.size <= NAME_MAX_BYTES ? text.size : 0;
    if (ret->size > 0)
        memcpy(ret->text, text.at, ret->size);
}

static struct text text_of_name(const struct name *name)
{
    return (struct text){.at = name->text, .size = name->size};
}

/* "Running NAME..." */
static bool read_running(struct text line, struct text *ret)
{
    struct scan scan = scan_begin(line);
    if (!scan_word(&scan, "Running "))
        return false;
    *ret = scan_rest(&scan);
    return text_cut_end(ret, "...") && ret->size > 0;
}

static bool take_running(struct esp *esp, struct text line, struct collector *collector)
{
    struct text name, open;
    if (!read_running(line, &name))
        return false;
    if (collector_open_test(collector, &open)) {
        if (!text_same(open, name)) {
            store(name, &esp->next);
            return false;
        }
        collector_run_start(collector); /* a reset without a banner */
    }
    esp->words = 0;
    esp->session = true;
    collector_start(collector, (struct text){0}, name);
    return true;
}

/* The open test is another one: its result was lost, or its start was a test's own words. */
static void change_open(struct esp *esp, struct text name, struct collector *collector)
{
    struct text open;
    if (!collector_open_test(collector, &open) || text_same(open, name))
        return;
    store(open, &esp->doubt);
    collector_retract(collector);
    if (text_same(name, text_of_name(&esp->next)))
        collector_start(collector, (struct text){0}, name);
}

static bool take_result(struct esp *esp, struct text line, struct collector *collector)
{
    struct finding finding;
    struct text glued;
    if (!unity_read_result(line, &finding, &glued))
        return false;
    change_open(esp, finding.name, collector);
    esp->next.size = 0;
    esp->words = finding.result == CASE_FAIL ? MESSAGE_LINES_MAX : 0;
    esp->session = true;
    esp->seen++;
    collector_result(collector, &finding);
    if (glued.size > 0)
        collector_detail(collector, glued);
    return true;
}

/* "Test ran in 16ms" */
static bool take_duration(struct esp *esp, struct text line, struct collector *collector)
{
    struct scan scan = scan_begin(line);
    struct finding more = {0};
    if (!scan_word(&scan, "Test ran in ") || !scan_decimal(&scan, 1000, &more.duration_us) ||
        !scan_word(&scan, "ms"))
        return false;
    esp->words = 0;
    collector_amend(collector, &more);
    return true;
}

/* ---- sessions ------------------------------------------------------------------------------ */

static bool take_summary(struct esp *esp, struct text line, struct collector *collector)
{
    uint64_t failed, ignored;
    if (!unity_read_summary(line, &esp->total, &failed, &ignored))
        return false;
    esp->words = 0;
    if (!esp->session) { /* '-' in the menu prints the last counts again, without the tests */
        unity_counts_again(&esp->counts, esp->total, failed, collector);
        return true;
    }
    esp->counts = (struct unity_counts){.total = esp->total, .failed = failed, .known = true};
    if (esp->total > esp->seen && esp->doubt.size > 0)
        collector_start(collector, (struct text){0}, text_of_name(&esp->doubt));
    collector_totals(collector, (int64_t)esp->total, (int64_t)failed);
    collector_patience(collector, MORE_MS);
    esp->summary = true;
    return true;
}

static bool take_end(struct esp *esp, struct text line, struct collector *collector)
{
    bool ok = text_is(line, "OK");
    if (!esp->summary || (!ok && !text_is(line, "FAIL") && !text_is(line, "FAILED")))
        return false;
    collector_run_end(collector, ok, true);
    collector_patience(collector, MORE_MS);
    *esp = (struct esp){.counts = esp->counts};
    return true;
}

/* "(1)	"name" [tag]", and the sub-cases below it */
static bool is_menu_row(struct text line)
{
    struct scan scan = scan_begin(line);
    uint64_t number;
    return scan_word(&scan, "(") && scan_number(&scan, &number) && scan_word(&scan, ")\t\"");
}

static bool is_menu(struct text line)
{
    return text_starts(line, "Here's the test menu, pick your combo:") ||
           text_starts(line, "Enter next test, or 'enter' to see menu") ||
           text_starts(line, "Press ENTER to see the list of tests") ||
           text_is(line, "Enter test for running.") || is_menu_row(line);
}

static bool esp_line(void *state, struct text line, struct collector *collector)
{
    struct esp *esp = state;
    line = text_trim(line);
    if (take_running(esp, line, collector) || take_result(esp, line, collector) ||
        take_duration(esp, line, collector) || take_summary(esp, line, collector) ||
        take_end(esp, line, collector) || is_menu(line))
        return true;
    if (line.size == 0 || text_starts(line, "-----"))
        esp->words = 0;
    if (esp->words > 0) {
        esp->words--;
        collector_detail(collector, line);
    }
    return false;
}

/* Unity's own results count less than for Unity: with a start before them it is ESP-IDF's. */
static int esp_detect(struct text line)
{
    struct finding finding;
    struct text glued, name;
    line = text_trim(line);
    if (is_menu(line))
        return DETECT_STRONG;
    bool own = read_running(line, &name) || text_starts(line, "Test ran in ");
    return own || unity_read_result(line, &finding, &glued) ? DETECT_LIKELY : DETECT_NO;
}

const struct format format_esp_idf_unity = {
    .name = "esp-idf-unity",
    .summary = "ESP-IDF's Unity, with its menu",
    .example = "Running adc1 reads...",
    .state_size = sizeof(struct esp),
    .first = "R(HEPT",
    .variant_of = &format_unity,
    .detect = esp_detect,
    .line = esp_line,
};
