/* SPDX-License-Identifier: MIT */
/* What a person sees while a run goes on. On a terminal the boards at work have a line each at the
 * bottom, repainted in place (live_rows.c); what is said for good scrolls by above them. Elsewhere
 * there is only what is said for good, each line with the board's name before it. */
#include "base/hash.h"
#include "base/str.h"
#include "report/live_rows.h"
#include "report/report.h"
#include "report/words.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAINT_EVERY_US 50000
#define FAILURES_MAX 20 /* told of one job; the reports have them all */
#define LINE_BYTES_MAX 4096
#define NAME_COLUMNS_MAX 100
#define MESSAGE_COLUMNS_MAX 400
#define TROUBLE_COLUMNS_MAX 600 /* as at the end of a run (terminal.c), which may leave it out */
#define TOKEN_BYTES 16

enum verbosity { QUIET = -1, NORMAL, CASES, COMMANDS, LINES };

struct live {
    struct event_sink sink;
    struct term term;
    int verbosity;
    bool in_actions;
    char token[2 * TOKEN_BYTES + 1]; /* ends the fence; "": there is none */
    struct live_rows rows;
    int64_t painted_us;
    struct buf said; /* whole lines, to be printed above the rows */
    struct buf text, line;
};

/* ---- what is said for good ------------------------------------------------------------------- */

static const char *style(const struct live *live, enum term_style which)
{
    return term_style(&live->term, which);
}

static const char *screen(struct live *live, const char *text, size_t size)
{
    return words_screen(&live->text, text, size < LINE_BYTES_MAX ? size : LINE_BYTES_MAX,
                        live->in_actions);
}

static void add_screen(struct live *live, const char *text, size_t columns)
{
    screen(live, text, strlen(text));
    buf_adds(&live->line, words_fit(&live->text, columns));
}

/* "virtual-1: " and what live->line holds, which is empty then. */
static void say(struct live *live, const char *board)
{
    buf_adds(&live->said, style(live, TERM_DIM));
    buf_adds(&live->said, board ? screen(live, board, strlen(board)) : "hil");
    buf_addf(&live->said, ":%s ", style(live, TERM_PLAIN));
    buf_add(&live->said, live->line.data, live->line.size);
    buf_adds(&live->said, "\n");
    buf_clear(&live->line);
}

static void say_piece(struct live *live, const struct event *event, enum term_style colour,
                      const char *mark, const char *text, size_t size)
{
    buf_addf(&live->line, "%s%s%s", style(live, colour), mark, style(live, TERM_PLAIN));
    buf_adds(&live->line, screen(live, text, size));
    say(live, event->board);
}

/* A text from outside: a line of ours for each of its lines that is not empty. The runner ends a
 * line at CR, too. */
static void say_text(struct live *live, const struct event *event, enum term_style colour,
                     const char *mark)
{
    const char *text = event->text ? event->text : "";
    size_t size = event->text_size ? event->text_size : strlen(text);

    if (!size)
        say_piece(live, event, colour, mark, "", 0);
    while (size) {
        size_t length = 0;
        while (length < size && text[length] != '\r' && text[length] != '\n')
            length++;
        if (length)
            say_piece(live, event, colour, mark, text, length);
        length += length < size;
        text += length;
        size -= length;
    }
}

static void say_case(struct live *live, const struct event *event)
{
    static const char *const words[] = {[CASE_PASS] = "ok   ",
                                        [CASE_FAIL] = "FAIL ",
                                        [CASE_ERROR] = "ERROR",
                                        [CASE_SKIP] = "skip "};
    static const enum term_style styles[] = {[CASE_PASS] = TERM_GREEN,
                                             [CASE_FAIL] = TERM_RED,
                                             [CASE_ERROR] = TERM_RED,
                                             [CASE_SKIP] = TERM_DIM};
    const struct test_case *test_case = event->test_case;
    const char *message = words_message(test_case);

    buf_addf(&live->line, "%s%s%s ", style(live, styles[test_case->result]),
             words[test_case->result], style(live, TERM_PLAIN));
    if (event->suite && *event->suite) {
        add_screen(live, event->suite, NAME_COLUMNS_MAX);
        buf_adds(&live->line, ".");
    }
    add_screen(live, test_case->name, NAME_COLUMNS_MAX);
    if (test_case->file && test_case->line) {
        buf_adds(&live->line, ": ");
        add_screen(live, test_case->file, NAME_COLUMNS_MAX);
        buf_addf(&live->line, ":%" PRIu32, test_case->line);
    }
    if (message) {
        buf_adds(&live->line, ": ");
        add_screen(live, message, MESSAGE_COLUMNS_MAX);
    }
    say(live, event->board);
}

/* "flash: 64.0 KiB in 12 ms" once the next step begins. */
static void say_step(struct live *live, const struct live_row *row, int64_t time_us)
{
    char took[32];

    if (!*row->state || live->verbosity < CASES)
        return;
    buf_addf(&live->line, "%s: ", row->state);
    if (row->done)
        buf_addf(&live->line, "%.1f KiB in ", (double)row->done / 1024);
    buf_adds(&live->line, str_from_us(time_us - row->state_since_us, took));
    say(live, row->board);
}

/* "PASS blinky, 36 tests, 4 skipped in 1.2 s" */
static void say_job_end(struct live *live, const struct event *event)
{
    static const char *const words[] = {"PASS", "FAIL", "INFRA"};
    static const enum term_style styles[] = {TERM_GREEN, TERM_RED, TERM_YELLOW};
    const struct job_result *job = event->job;
    const char *trouble = words_trouble(job);
    struct test_counts counts = job_counts(job);
    char took[32];

    buf_addf(&live->line, "%s%s%s%s ", style(live, TERM_BOLD), style(live, styles[job->verdict]),
             words[job->verdict], style(live, TERM_PLAIN));
    add_screen(live, job->name, NAME_COLUMNS_MAX);
    buf_addf(&live->line, ", %s in %s", words_counts(&live->text, &counts),
             str_from_us(job->took_us, took));
    if (trouble) {
        buf_adds(&live->line, ": ");
        add_screen(live, trouble, TROUBLE_COLUMNS_MAX);
    }
    say(live, event->board);
}

/* "again: blinky, attempt 2 of 3, on the same board" */
static void say_retry(struct live *live, const struct event *event)
{
    buf_addf(&live->line, "%sagain:%s ", style(live, TERM_YELLOW), style(live, TERM_PLAIN));
    add_screen(live, event->test, NAME_COLUMNS_MAX);
    buf_addf(&live->line, ", attempt %" PRIu64 " of %" PRIu64 ", %s", event->number, event->total,
             event->text);
    say(live, event->board);
}

/* ---- events ---------------------------------------------------------------------------------- */

static void take_case(struct live *live, struct live_row *row, const struct event *event)
{
    enum case_result result = event->test_case->result;
    bool bad = result == CASE_FAIL || result == CASE_ERROR;

    live_row_case(row, event->suite, event->test_case);
    if (live->verbosity >= CASES || (bad && !live->term.live && row->failed <= FAILURES_MAX)) {
        say_case(live, event);
    } else if (bad && !live->term.live && row->failed == FAILURES_MAX + 1) {
        buf_adds(&live->line, "more failures: see the report");
        say(live, event->board);
    }
}

static void take_board(struct live *live, const struct event *event)
{
    struct live_row *row = live_rows_at(&live->rows, event->board);

    switch (event->kind) {
    case EVENT_JOB_START:
        live_row_start(row, event);
        if (!live->term.live || live->verbosity >= CASES) {
            add_screen(live, row->test, NAME_COLUMNS_MAX);
            buf_adds(&live->line, " started");
            say(live, event->board);
        }
        break;
    case EVENT_STATE:
        say_step(live, row, event->time_us);
        live_row_state(row, event);
        break;
    case EVENT_PROGRESS:
        row->done = event->number;
        row->total = event->total;
        break;
    case EVENT_CASE_END:
        take_case(live, row, event);
        break;
    case EVENT_DROPPED:
        live_row_drop(row);
        break;
    case EVENT_JOB_END:
        say_step(live, row, event->time_us);
        live_row_end(row);
        if (event->job)
            say_job_end(live, event);
        else
            say_text(live, event, event->number ? TERM_RED : TERM_GREEN,
                     event->number ? "FAILED " : "ok ");
        break;
    default:
        break;
    }
}

static void take_text(struct live *live, const struct event *event)
{
    if (event->kind == EVENT_RETRY)
        say_retry(live, event);
    else if (event->kind == EVENT_WARNING)
        say_text(live, event, TERM_YELLOW, "warning: ");
    else if (event->kind == EVENT_DROPPED || /* some may have been shown as failed */
             (event->kind == EVENT_NOTE && live->verbosity >= CASES))
        say_text(live, event, TERM_DIM, "note: ");
    else if (event->kind == EVENT_COMMAND && live->verbosity >= COMMANDS)
        say_text(live, event, TERM_DIM, "$ ");
    else if (event->kind == EVENT_LINE && live->verbosity >= LINES)
        say_text(live, event, TERM_DIM, "| ");
}

/* Steps are few and may last: they show at once. Progress and cases can wait for the next event. */
static bool can_wait(const struct live *live, const struct event *event)
{
    if (live->said.size)
        return false;
    return !live->term.live ||
           (event->kind != EVENT_STATE && event->kind != EVENT_JOB_START &&
            event->kind != EVENT_RUN_END && event->time_us - live->painted_us < PAINT_EVERY_US);
}

static void show(struct live *live, const struct event *event)
{
    cleanup_buf struct buf frame = BUF_INIT(SIZE_MAX / 4);

    if (can_wait(live, event))
        return;
    if (live->term.live)
        live_rows_wipe(&live->rows, &frame);
    buf_add(&frame, live->said.data, live->said.size);
    if (live->term.live)
        live_rows_paint(&live->rows, &live->term, event->time_us, &frame);
    buf_clear(&live->said);
    live->painted_us = event->time_us;
    fwrite(frame.data, 1, frame.size, live->term.out);
    fflush(live->term.out);
}

static void take(struct event_sink *sink, const struct event *event)
{
    struct live *live = (struct live *)sink;

    if (live->verbosity <= QUIET || (event->kind == EVENT_LINE && live->verbosity < LINES))
        return;
    take_text(live, event);
    if (event->board)
        take_board(live, event);
    show(live, event);
}

struct event_sink *live_open(const struct term *term, int verbosity, bool in_actions)
{
    struct live *live = xcalloc(1, sizeof *live);
    unsigned char token[TOKEN_BYTES];

    live->sink.take = take;
    live->term = *term;
    live->verbosity = verbosity;
    live->in_actions = in_actions;
    live->painted_us = -PAINT_EVERY_US;
    live->said = live->text = live->line = (struct buf)BUF_INIT(SIZE_MAX / 4);
    if (in_actions && verbosity > QUIET) {
        randombytes_buf(token, sizeof token);
        hex_encode(token, sizeof token, live->token);
        fprintf(term->out, "::group::Boards at work\n::stop-commands::%s\n", live->token);
        fflush(term->out);
    }
    return &live->sink;
}

void live_close(struct event_sink *sink)
{
    struct live *live = (struct live *)sink;
    cleanup_buf struct buf frame = BUF_INIT(SIZE_MAX / 4);

    if (!live)
        return;
    if (live->term.live)
        live_rows_wipe(&live->rows, &frame);
    if (*live->token)
        buf_addf(&frame, "::%s::\n::endgroup::\n", live->token);
    fwrite(frame.data, 1, frame.size, live->term.out);
    fflush(live->term.out);
    live_rows_done(&live->rows);
    buf_done(&live->said);
    buf_done(&live->text);
    buf_done(&live->line);
    free(live);
}
