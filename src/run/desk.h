/* SPDX-License-Identifier: MIT
 *
 * desk: one board in hand outside of a run: leased, guarded, with a directory for its logs.
 *
 *     desk_take(&request, &desk, err)
 *     board_reset(desk->board, &desk->ctx, err) ...
 *     desk_return(desk)
 *
 * Starts the guardian, so it must be called before any thread. desk_return() gives the board back as
 * it is: whoever switched it on decides whether it rests. The directory is a temporary one; it goes
 * with the desk unless desk_keep_logs() was called. Blocks for as long as others hold the board, up
 * to the lease timeout.
 */
#ifndef HIL_RUN_DESK_H
#define HIL_RUN_DESK_H

#include "board/inventory.h"
#include "board/lease.h"
#include "result/event.h"

struct desk_request {
    const char *lab;   /* what --lab says; NULL: look in the usual places */
    const char *board; /* a name, or labels parted by commas; NULL: the lab's only board */
    int64_t wait_ms;   /* for the lease; -1: as lab.yaml says; 0: ask once */
    const struct holder *holder;
    int cancel_fd;
    void (*waiting)(void *arg, const char *why); /* told once before the first wait; may be NULL */
    void *arg;
};

struct desk {
    struct ctx ctx; /* no deadline; cancelled by the user */
    struct guard *guard;
    struct inventory inventory;
    struct board *board;
    struct lease *lease;
    struct events *events;
    char *work_dir;
    bool keep;
};

/* -ERR_USAGE, -ERR_CONFIG: no such board, or the lab's file is wrong; -ERR_BUSY, -ERR_TIMEOUT:
 * somebody else has it. */
int desk_take(const struct desk_request *request, struct desk **ret, struct err *err);
/* What the tools printed stays; returns where. Borrowed. */
const char *desk_keep_logs(struct desk *desk);
void desk_return(struct desk *desk); /* NULL is fine */

#endif
