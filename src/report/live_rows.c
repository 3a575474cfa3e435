/* SPDX-License-Identifier: MIT */
#include "report/live_rows.h"

#include "base/str.h"
#include "report/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#define BAR_CELLS 20
#define NAME_COLUMNS_MAX 24
#define STATE_COLUMNS 7
#define TIME_COLUMNS 9
#define LINES_UNKNOWN 24
#define NAME_BYTES_MAX 256

struct layout {
    size_t lines, columns; /* of the terminal */
    size_t board, test;    /* columns that the names take */
};

/* ---- events ---------------------------------------------------------------------------------- */

struct live_row *live_rows_at(struct live_rows *rows, const char *board)
{
    for (size_t i = 0; i < rows->count; i++)
        if (str_eq(rows->rows[i].board, board))
            return &rows->rows[i];
    rows->rows = xrealloc(rows->rows, rows->count + 1, sizeof *rows->rows);
    rows->rows[rows->count] = (struct live_row){.board = xstrdup(board), .test = xstrdup("")};
    return &rows->rows[rows->count++];
}

static void begin_test(struct live_row *row, const char *test)
{
    free(row->test);
    free(row->last_failed);
    *row = (struct live_row){.board = row->board, .test = xstrdup(test)};
}

void live_row_start(struct live_row *row, const struct event *event)
{
    begin_test(row, event->test ? event->test : "");
    row->active = true;
    row->state_since_us = event->time_us;
}

void live_row_state(struct live_row *row, const struct event *event)
{
    snprintf(row->state, sizeof row->state, "%s", event->text ? event->text : "");
    row->state_since_us = event->time_us;
    row->done = row->total = 0;
}

void live_row_case(struct live_row *row, const char *suite, const struct test_case *test_case)
{
    switch (test_case->result) {
    case CASE_PASS:
        row->passed++;
        break;
    case CASE_SKIP:
        row->skipped++;
        break;
    case CASE_FAIL:
    case CASE_ERROR:
        row->failed++;
        free(row->last_failed);
        row->last_failed =
            xasprintf("%s%s%s", suite ? suite : "", suite && *suite ? "." : "", test_case->name);
    }
}

void live_row_drop(struct live_row *row)
{
    row->passed = row->failed = row->skipped = 0;
    free(row->last_failed);
    row->last_failed = NULL;
}

void live_row_end(struct live_row *row)
{
    begin_test(row, "");
}

/* ---- the terminal ---------------------------------------------------------------------------- */

void live_rows_wipe(struct live_rows *rows, struct buf *frame)
{
    if (rows->painted)
        buf_addf(frame, "\033[%zuA\r\033[J", rows->painted);
    rows->painted = 0;
}

/* `text` of a board or a person, cut and filled up to `columns`. */
static void add_cell(struct buf *frame, const char *text,
                     const char *(*fit)(struct buf *text, size_t columns), size_t columns)
{
    cleanup_buf struct buf cell = BUF_INIT(SIZE_MAX / 4);

    words_screen(&cell, text, strnlen(text, NAME_BYTES_MAX), false);
    fit(&cell, columns);
    buf_addf(frame, "%s%*s  ", cell.data, (int)(columns - term_width_of(cell.data)), "");
}

static void add_bar(struct buf *rest, const struct live_row *row)
{
    uint64_t done = row->done < row->total ? row->done : row->total;
    size_t cells = (size_t)((double)done / (double)row->total * BAR_CELLS);

    for (size_t i = 0; i < BAR_CELLS; i++)
        buf_adds(rest, i < cells ? "#" : "-");
    buf_addf(rest, " %3.0f%%", (double)done / (double)row->total * 100);
}

static void add_cases(struct buf *rest, const struct live_row *row)
{
    cleanup_buf struct buf name = BUF_INIT(SIZE_MAX / 4);

    if (!row->passed && !row->failed && !row->skipped)
        return;
    buf_addf(rest, "%zu ok", row->passed);
    if (row->failed)
        buf_addf(rest, ", %zu failed", row->failed);
    if (row->skipped)
        buf_addf(rest, ", %zu skipped", row->skipped);
    if (row->last_failed)
        buf_addf(rest, " (%s)",
                 words_screen(&name, row->last_failed, strnlen(row->last_failed, NAME_BYTES_MAX),
                              false));
}

/* In tenths of a second: what runs on is not told to the microsecond. */
static void add_elapsed(struct buf *frame, int64_t us)
{
    char words[32];

    if (us < 60000000)
        snprintf(words, sizeof words, "%.1f s", (double)us / 1e6);
    else
        str_from_us(us, words);
    buf_addf(frame, "%*s  ", TIME_COLUMNS, words);
}

static void paint_row(const struct live_row *row, const struct term *term,
                      const struct layout *layout, int64_t time_us, struct buf *frame)
{
    cleanup_buf struct buf rest = BUF_INIT(SIZE_MAX / 4);
    size_t used = layout->board + 2 + layout->test + 2 + STATE_COLUMNS + 2 + TIME_COLUMNS + 2;

    add_cell(frame, row->board, words_fit_board, layout->board);
    add_cell(frame, row->test, words_fit, layout->test);
    buf_adds(frame, term_style(term, TERM_CYAN));
    add_cell(frame, row->state, words_fit, STATE_COLUMNS);
    buf_adds(frame, term_style(term, TERM_PLAIN));
    add_elapsed(frame, time_us - row->state_since_us);
    if (row->total)
        add_bar(&rest, row);
    else
        add_cases(&rest, row);
    /* the last column stays free: a full line would wrap on some terminals */
    if (layout->columns > used + 4)
        buf_adds(frame, words_fit(&rest, layout->columns - used - 1));
    buf_adds(frame, "\n");
}

static void widen(size_t *columns, const char *text, size_t max)
{
    size_t width = term_width_of(text);

    if (width > max)
        width = max;
    if (width > *columns)
        *columns = width;
}

static struct layout lay_out(const struct live_rows *rows, const struct term *term)
{
    struct layout layout = {.lines = LINES_UNKNOWN, .columns = (size_t)term->columns};
    struct winsize size;
    size_t name_max;

    if (ioctl(fileno(term->out), TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col) {
        layout.lines = size.ws_row;
        layout.columns = size.ws_col;
    }
    name_max = layout.columns / 4 < NAME_COLUMNS_MAX ? layout.columns / 4 : NAME_COLUMNS_MAX;
    for (size_t i = 0; i < rows->count; i++) {
        if (!rows->rows[i].active)
            continue;
        widen(&layout.board, rows->rows[i].board, name_max);
        widen(&layout.test, rows->rows[i].test, name_max);
    }
    return layout;
}

void live_rows_paint(struct live_rows *rows, const struct term *term, int64_t time_us,
                     struct buf *frame)
{
    struct layout layout = lay_out(rows, term);
    size_t max = layout.lines > 3 ? layout.lines - 2 : 1;
    size_t hidden = 0;

    for (size_t i = 0; i < rows->count; i++) {
        if (!rows->rows[i].active)
            continue;
        if (rows->painted == max) {
            hidden++;
            continue;
        }
        paint_row(&rows->rows[i], term, &layout, time_us, frame);
        rows->painted++;
    }
    if (hidden) {
        buf_addf(frame, "and %zu more at work\n", hidden);
        rows->painted++;
    }
}

void live_rows_done(struct live_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        free(rows->rows[i].board);
        free(rows->rows[i].test);
        free(rows->rows[i].last_failed);
    }
    free(rows->rows);
    *rows = (struct live_rows){0};
}
