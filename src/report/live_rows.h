/* SPDX-License-Identifier: MIT
 *
 * live_rows: the lines at the bottom of a terminal, one for each board at work.
 *
 *     nucleo-3   blinky  flash   1.2 s  ########------------  40%
 *     virtual-1  blinky  test    3.4 s  12 ok, 1 failed (math.test_div)
 *
 * Events go in through the live_row_ functions; live_rows_wipe() and live_rows_paint() append what
 * the terminal must be sent. Never more lines than the terminal has, none wider than it is. One
 * thread at a time; never blocks.
 */
#ifndef HIL_REPORT_LIVE_ROWS_H
#define HIL_REPORT_LIVE_ROWS_H

#include "base/buf.h"
#include "base/term.h"
#include "result/event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct live_row {
    char *board, *test;
    bool active; /* a job is on it */
    char state[16];
    int64_t state_since_us;
    uint64_t done, total; /* the state's bytes */
    size_t passed, failed, skipped;
    char *last_failed; /* NULL: none */
};

struct live_rows {
    struct live_row *rows;
    size_t count;
    size_t painted; /* lines that stand on the terminal now */
};

/* Made where it is missing; the pointer ends at the next call. */
struct live_row *live_rows_at(struct live_rows *rows, const char *board);
void live_row_start(struct live_row *row, const struct event *event);
void live_row_state(struct live_row *row, const struct event *event);
void live_row_case(struct live_row *row, const char *suite, const struct test_case *test_case);
void live_row_drop(struct live_row *row); /* the cases so far */
void live_row_end(struct live_row *row);

void live_rows_wipe(struct live_rows *rows, struct buf *frame);
void live_rows_paint(struct live_rows *rows, const struct term *term, int64_t time_us,
                     struct buf *frame);
void live_rows_done(struct live_rows *rows);

#endif
