/* SPDX-License-Identifier: MIT
 *
 * How the run goes, beyond its cases: starts, ends, totals, crashes, reboots, and what of it is
 * trouble.
 */
#include "base/str.h"
#include "parse/case_index.h"
#include "parse/collector_state.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* How long silence after a crash may last before nothing more is to be expected: for a dump, and
 * for a test that wanted the crash and goes on. */
#define PATIENCE_FATAL_MS 500
#define PATIENCE_SUSPECT_MS 2000

#define TROUBLE_MAX 256 /* bytes of one */
#define REBOOTS_MAX 3
#define SILENT_BOOTS_MAX 8 /* banners in a row */

static bool is_done(const struct collector *c)
{
    return c->over || (c->ended && !c->more);
}

/* ---- tests come and go --------------------------------------------------------------------- */

static void begin_run(struct collector *c)
{
    c->ended = c->more = c->has_first = false;
    c->seen = (struct tally){0};
    c->printed = (struct tally){.total = -1, .fail = -1};
    restart_new_run(&c->restart);
}

/* Where tests are neither repeated nor interrupted, a second start is the board's. */
static void look_for_restart(struct collector *c, bool first)
{
    if (c->repeats || c->resets_expected)
        return;
    restart_test(&c->restart, first, c->seen.total);
    if (!restart_sure(&c->restart))
        return;
    c->reboots += c->restart.count;
    restart_new_run(&c->restart);
}

bool course_test(struct collector *c, struct text suite, struct text name)
{
    if (c->over)
        return false;
    uint64_t hash = 0;
    if (!c->has_first || c->ended || restart_asks(&c->restart))
        hash = case_hash(suite, name);
    if (c->ended) {
        /* After the last end marker, firmware that runs its tests in a loop shows the first again:
         * that is no new run to wait for. */
        if (!c->more && hash == c->first_test) {
            c->over = true;
            return false;
        }
        begin_run(c);
    }
    if (!c->has_first) {
        if (c->again && hash == c->log_test) { /* all dialects have been through: it loops */
            c->ended = c->over = true;
            return false;
        }
        c->has_first = true;
        c->first_test = hash;
        c->log_test = c->log_test ? c->log_test : hash;
    } else if (restart_asks(&c->restart)) {
        look_for_restart(c, hash == c->first_test);
    }
    c->began = true;
    c->silent_boots = 0;
    c->patience_ms = -1;
    return true;
}

void course_count(struct collector *c, enum case_result result, int by)
{
    c->seen.total += by;
    if (result == CASE_FAIL || result == CASE_ERROR)
        c->seen.fail += by;
}

/* ---- trouble ------------------------------------------------------------------------------- */

static void add_words(struct buf *buf, const char *words)
{
    if (buf->size + strlen(words) + 2 <= buf->ceiling)
        buf_addf(buf, "%s%s", buf->size ? "; " : "", words);
}

__attribute__((format(printf, 2, 3))) static void add_trouble(struct buf *buf, const char *format,
                                                              ...)
{
    char words[TROUBLE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof(words), format, args);
    va_end(args);
    add_words(buf, words);
}

void collector_complain(struct collector *c, const char *format, ...)
{
    char words[TROUBLE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof(words), format, args);
    va_end(args);
    if (!c->over)
        add_words(&c->troubles, words);
}

static const char *last_name(const struct collector *c)
{
    return c->has_last ? c->job->suites[c->last.suite].cases[c->last.number].name : NULL;
}

static void blame_crash(struct collector *c)
{
    if (!c->crash)
        return;
    c->crash = CRASH_NONE;
    c->crashes++;
    const char *last = last_name(c);
    if (c->crashes == 1)
        add_trouble(&c->crash_trouble, "the firmware crashed %s%.60s: %.120s",
                    last ? "after " : "before any test", last ? last : "", c->crash_line.data);
}

static void compare_totals(struct collector *c)
{
    int64_t printed = c->printed.total, seen = c->seen.total;
    bool restarted = c->restart.count > 0 && printed == seen - c->restart.tests_before;
    if (restarted)
        c->reboots += c->restart.count;
    else if (printed > seen)
        collector_complain(c, "%" PRId64 " of %" PRId64 " tests are missing", printed - seen,
                           printed);
    else if (printed >= 0 && printed < seen && !c->repeats)
        collector_complain(c, "%" PRId64 " tests were seen, the firmware counted %" PRId64, seen,
                           printed);
    if (c->printed.fail > c->seen.fail)
        collector_complain(c, "%" PRId64 " of %" PRId64 " failures are missing",
                           c->printed.fail - c->seen.fail, c->printed.fail);
}

/* ---- what formats say ---------------------------------------------------------------------- */

void collector_totals(struct collector *c, int64_t total, int64_t fail)
{
    if (c->ended)
        return;
    if (total >= 0)
        c->printed.total = (c->printed.total < 0 ? 0 : c->printed.total) + total;
    if (fail >= 0)
        c->printed.fail = (c->printed.fail < 0 ? 0 : c->printed.fail) + fail;
}

void collector_run_end(struct collector *c, bool ok, bool more)
{
    if (c->over || c->ended) {
        c->more = c->more && more;
        return;
    }
    collector_close_open(c, "unfinished", text_of("the run ended without its result"));
    blame_crash(c);
    compare_totals(c);
    if (!ok && c->seen.fail == 0 && c->printed.fail <= 0)
        collector_complain(c, "the firmware says that it failed, but no failed test was seen");
    c->ended = true;
    c->more = more;
    c->patience_ms = -1;
}

void collector_abort(struct collector *c, struct text why)
{
    if (c->over)
        return;
    collector_close_open(c, "unfinished", why);
    if (c->aborted.size == 0)
        text_store(why, &c->aborted);
}

void collector_patience(struct collector *c, int64_t ms)
{
    c->patience_ms = ms;
}

/* ---- crashes and reboots ------------------------------------------------------------------- */

static void close_reset(struct collector *c, const char *by)
{
    char words[80];
    snprintf(words, sizeof(words), "the board was reset%s%s while this test was running",
             by ? " by " : "", by ? by : "");
    collector_close_open(c, "reset", text_of(words));
}

/* The banner came first, the line that says who did it now. */
static void name_reset(struct collector *c, const char *by)
{
    struct test_case *last =
        c->has_last ? &c->job->suites[c->last.suite].cases[c->last.number] : NULL;
    if (last && by && str_eq(last->error_type, "reset"))
        last->message = arena_printf(&c->job->arena,
                                     "the board was reset by %s while this test was running", by);
}

static void boot(struct collector *c, const char *by)
{
    if (is_done(c)) {
        c->over_by_boot = c->over_by_boot || !c->over;
        c->over = true;
        return;
    }
    /* A bootloader and the system may both show the banner, so without a sign of life between them
     * only many are a loop. */
    if (!c->began && !c->crash) {
        if (++c->silent_boots > SILENT_BOOTS_MAX)
            c->reboots = REBOOTS_MAX;
        name_reset(c, by);
        return;
    }
    c->silent_boots = 0;
    c->began = false;
    c->last_us = c->patience_ms = -1;
    if (c->ended)
        return;
    if (c->resets_between) {
        if (c->crash)
            collector_close_open(c, "crash", text_of_buf(&c->crash_line));
        return;
    }
    if (c->resets_expected) {
        c->open_restarts = c->open;
        c->crash = CRASH_NONE;
    } else {
        c->reboots++;
        close_reset(c, by);
        blame_crash(c);
    }
    begin_run(c);
}

void collector_run_start(struct collector *c)
{
    if (c->began && !c->ended)
        boot(c, NULL);
}

/* "*** PANIC ***" and, on a line of its own, why. */
static void explain_crash(struct collector *c, struct text line)
{
    struct text words;
    if (c->crash_explained || !crash_words(text_of_buf(&c->crash_line), line, &words))
        return;
    c->crash_explained = true;
    if (c->crash_line.size + words.size + 2 > c->crash_line.ceiling)
        return;
    buf_adds(&c->crash_line, text_ends(text_of_buf(&c->crash_line), ":") ? " " : ": ");
    buf_add(&c->crash_line, words.at, words.size);
}

static void crash(struct collector *c, enum crash_kind kind, struct text line)
{
    if (is_done(c))
        return;
    if (!c->crash) {
        text_store(text_trim(line), &c->crash_line);
        c->crash_explained = false;
        trail_clear(&c->dump);
    } else {
        trail_add(&c->dump, line);
        explain_crash(c, line);
    }
    c->crash = kind > c->crash ? kind : c->crash;
    c->patience_ms = c->crash == CRASH_SUSPECT ? PATIENCE_SUSPECT_MS : PATIENCE_FATAL_MS;
    c->stopped = c->stopped || kind == CRASH_LAST;
}

void collector_other_line(struct collector *c, enum crash_kind kind)
{
    struct text line = {.at = c->line.text, .size = c->line.size};
    if (kind == CRASH_BOOT) {
        boot(c, crash_reset(line));
        return;
    }
    if (kind != CRASH_NONE) {
        crash(c, kind, line);
        return;
    }
    restart_line(&c->restart, line, c->began);
    if (!c->has_context) {
        c->has_context = true;
        c->context_begin = c->line.begin;
    }
    trail_add(c->crash ? &c->dump : &c->context, line);
    if (c->crash)
        explain_crash(c, line);
}

void collector_forget(struct collector *c)
{
    c->crash = CRASH_NONE;
    c->stopped = c->has_context = false;
    c->reboots = c->silent_boots = 0;
    c->patience_ms = -1;
    c->crashes = 0;
    buf_clear(&c->crash_trouble);
    trail_clear(&c->context);
    restart_clear(&c->restart);
}

/* A loop that is over is over in every dialect. */
bool collector_ended(const struct collector *c)
{
    bool last_words = c->patience_ms >= 0 && !c->open && !c->crash;
    return (c->ended || last_words) && (!c->over || c->over_by_boot);
}

static void complain_of_no_end(struct collector *c)
{
    add_trouble(&c->troubles, "the end marker of the run was not seen after %.100s", last_name(c));
}

void collector_another(struct collector *c, bool again)
{
    if (!c->ended) {
        compare_totals(c);
        complain_of_no_end(c);
    }
    collector_flush_detail(c);
    collector_suite(c, (struct text){0});
    trail_clear(&c->context);
    begin_run(c);
    c->again = again;
    c->over = c->over_by_boot = c->began = c->has_context = false;
    c->crash = CRASH_NONE;
    c->last_us = c->patience_ms = -1;
}

/* ---- the end ------------------------------------------------------------------------------- */

enum parse_state collector_state(const struct collector *c)
{
    if (is_done(c) || c->aborted.size > 0)
        return PARSE_DONE;
    if (c->stopped)
        return PARSE_CRASHED;
    if (c->reboots >= REBOOTS_MAX)
        return PARSE_REBOOTS;
    return PARSE_MORE;
}

static void close_at_end(struct collector *c, enum capture_end end)
{
    const char *type = "unfinished";
    const char *message = "the log ends while this test was running";
    if (end == END_IDLE) {
        type = "hang";
        message = "no output for the idle deadline while this test was running";
    } else if (end == END_TOTAL) {
        type = "hang";
        message = "the total deadline passed while this test was running";
    } else if (end == END_GONE) {
        message = "the console vanished while this test was running";
    } else if (end == END_CANCELLED) {
        message = "cancelled while this test was running";
    }
    collector_close_open(c, type, text_of(message));
    collector_flush_detail(c);
}

static void add_part(struct buf *all, const struct buf *part)
{
    if (part->size > 0)
        buf_addf(all, "%s%s", all->size ? "; " : "", part->data);
}

const char *collector_finish(struct collector *c, enum capture_end end)
{
    close_at_end(c, end);
    blame_crash(c);
    if (!c->ended)
        compare_totals(c);
    size_t cases = job_counts(c->job).total;
    c->job->complete = c->ended && cases > 0 && c->aborted.size == 0;

    cleanup_buf struct buf all = BUF_INIT((size_t)4 * 1024);
    add_part(&all, &c->aborted);
    add_part(&all, &c->crash_trouble);
    if (c->crashes > 1)
        buf_addf(&all, " (and %u more)", c->crashes - 1);
    if (c->reboots > 0)
        add_trouble(&all, "the board restarted %u %s during the run", c->reboots,
                    c->reboots == 1 ? "time" : "times");
    add_part(&all, &c->troubles);
    if (cases == 0)
        add_trouble(&all, "no tests were found%s",
                    c->job->format ? "" : ": no known test output was recognized");
    else if (!c->job->complete && c->aborted.size == 0)
        add_trouble(&all, "the end marker of the run was not seen after %.100s", last_name(c));
    return all.size ? arena_strndup(&c->job->arena, all.data, all.size) : NULL;
}
