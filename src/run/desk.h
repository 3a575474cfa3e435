/* SPDX-License-Identifier: MIT
 *
 * desk: one board in hand outside of a run: leased, guarded, with a directory for its logs.
 *
 *     desk_take(&request, &desk, err)
 *     board_reset(desk->board, &desk->ctx, err) ...
 *     desk_return(desk)
 *
 * Starts the guardian, so it must be called before any thread. desk_return() gives the board back
 * as it is: whoever switched it on decides whether it rests. The directory is a temporary one; it
 * goes with the desk unless desk_keep_logs() was called. Blocks for as long as others hold the
 * board, up to the lease timeout.
 */
#ifndef HIL_RUN_DESK_H
#define HIL_RUN_DESK_H

#include "board/inventory.h"
#include "result/event.h"
#include "run/screen.h"
#include "store/claim.h"

struct desk_request {
    const char *lab;   /* what --lab says; NULL: look in the usual places */
    const char *board; /* a name, or labels parted by commas; NULL: the lab's only board */
    int64_t wait_ms;   /* for the lease; -1: as lab.yaml says; 0: ask once */
    const struct holder *holder;
    int cancel_fd;
    void (*waiting)(void *arg, const char *why); /* told once before the first wait; may be NULL */
    void *arg;
    struct screen
        *view; /* while another run has the board, what it reads; NULL: nothing is shown */
};

struct desk {
    struct ctx ctx; /* no deadline; cancelled by the user, or where the board is lost */
    struct fence_pass pass;
    struct guard *guard;
    struct inventory inventory;
    struct board *board;
    struct claims *claims;
    struct claim *claim;
    struct events *events;
    char *work_dir;
    bool keep;
};

/* The names of the boards that the user may have meant; -ERR_USAGE where there are none, or where
 * `selector` is NULL and there are several. */
int desk_choose(const struct lab *lab, const char *selector, struct strv *ret, struct err *err);
/* -ERR_USAGE, -ERR_CONFIG: no such board, or the lab's file is wrong; -ERR_BUSY, -ERR_TIMEOUT:
 * somebody else has it. */
int desk_take(const struct desk_request *request, struct desk **ret, struct err *err);
/* What `rc` was for: -ERR_LOST where it was no user who cancelled. */
int desk_explain(struct desk *desk, int rc, struct err *err);
/* What the tools printed stays; returns where. Borrowed. */
const char *desk_keep_logs(struct desk *desk);
void desk_return(struct desk *desk); /* NULL is fine */

#endif
