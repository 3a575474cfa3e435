/* SPDX-License-Identifier: MIT
 *
 * worker: a process of ours that does one thing for a service and reports once.
 *
 *     worker_start(&worker, work, arg, err)     the child runs work(arg, &report) and is gone
 *     worker_fd(&worker)                        readable once it has ended
 *     worker_withdraw(&worker)                  true: it had not begun, and never will
 *     worker_end(&worker, ctx, &report)         reaps it
 *
 * A service runs for months: what one flash leaks or breaks must not stay in it, a run wants to be
 * the process's first thread (it forks its guardian), and a board that is waited for must not hold
 * up the others. The child is cancelled by SIGTERM, also when the service dies. Called from a
 * process that has no other thread.
 */
#ifndef HIL_SERVE_WORKER_H
#define HIL_SERVE_WORKER_H

#include "base/ctx.h"
#include "result/verdict.h"

#include <sys/types.h>

struct worker_gate; /* shared by both: whether it has begun */

struct worker_report { /* what goes through the pipe, in one piece */
    int code;          /* an err_code; 0: it did what it was to do */
    enum verdict verdict;
    bool wrote, skipped; /* skipped: nothing was tried; `text` says why */
    bool lost;           /* it ended without a report; `text` says how */
    int64_t took_us;
    char text[1024];          /* why it failed, or where the file is */
    struct worker_gate *gate; /* of use in the child only */
};

struct worker {
    pid_t pid; /* 0: none */
    int pidfd, report_fd;
    struct worker_gate *gate;
};

int worker_start(struct worker *worker, void (*work)(void *arg, struct worker_report *ret),
                 void *arg, struct err *err);
int worker_fd(const struct worker *worker);
void worker_cancel(const struct worker *worker);
/* In the child, before what must not be undone. False: it was withdrawn. */
bool worker_begin(struct worker_report *report);
/* Cancels a worker that has not begun; one that has goes on, and false is returned. */
bool worker_withdraw(const struct worker *worker);
/* Waits for it (its end is near where worker_fd() is readable, or it was cancelled), until the ctx
 * is over; then it is killed. */
void worker_end(struct worker *worker, const struct ctx *ctx, struct worker_report *ret);

#endif
