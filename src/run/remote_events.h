/* SPDX-License-Identifier: MIT
 *
 * remote_events: what a server's hil prints while it works, told to our own viewers.
 *
 * Its stderr is lines: events (report/event_read.h), which become events of the board's and test's
 * names here, and whatever else it says, which is kept for an error, as is why its job did not
 * pass. What begins and ends a run there is not told: that is ours to say. One thread.
 */
#ifndef HIL_RUN_REMOTE_EVENTS_H
#define HIL_RUN_REMOTE_EVENTS_H

#include "base/buf.h"
#include "result/event.h"

#include <stdbool.h>

struct remote_events {
    struct events *events; /* may be NULL */
    const char *board, *test;
    struct buf line;      /* that comes just now */
    struct buf words;     /* for an error, and fit: BUF_INIT(limit) is the caller's */
    struct buf out;       /* stdout, where `out.ceiling` is not 0 */
    bool leased;          /* the board is had there */
    bool finished;        /* the run there has told its end */
    bool tested;          /* the board was reset, and its test began; then, and else 0: */
    uint64_t reset_bytes; /* that the console had said before, */
    int64_t reset_us;     /* since it was opened */
};

/* As server_call.output; `arg` is a struct remote_events. */
void remote_events_take(void *arg, bool errors, const char *bytes, size_t count);
/* What was told is void: another run there takes the place of the one that told it. */
void remote_events_forget(struct remote_events *told);
void remote_events_done(struct remote_events *told);

#endif
