/* SPDX-License-Identifier: MIT
 *
 * child: another hil, run by the page for one thing: what may block or break is done apart.
 *
 *     child_start(&child, argv, DEADLINE_MS, ctx, err)       argv without the program
 *     child_fd(&child)                                       readable once it has ended
 *     child_end(&child, &output)                             its exit code; frees
 *
 * Its output goes into memory, both streams, and is read when it has ended. One that is not over at
 * its deadline (child_is_late()) is ended by child_end(), which takes up to half a second then. One
 * thread.
 */
#ifndef HIL_SERVE_PAGE_CHILD_H
#define HIL_SERVE_PAGE_CHILD_H

#include "base/json.h"
#include "base/proc.h"

struct child { /* zeroed: none */
    struct proc *proc;
    int out_fd;
    int64_t deadline_ns;
};
/* `program` is our own file. */
int child_start(struct child *child, const char *program, const char *const *argv,
                int64_t deadline_ms, const struct ctx *ctx, struct err *err);
int child_fd(const struct child *child);
bool child_is_late(const struct child *child);
/* -1: a signal ended it. Of the output as much is appended as fits. */
int child_end(struct child *child, struct buf *output);
/* The object that it printed; `what` names it. NULL: it failed, or printed none. Caller frees. */
cJSON *child_end_json(struct child *child, const char *what);
/* This program's own file, so that an update while it runs is not half of each. Caller frees. */
char *child_program(void);

#endif
