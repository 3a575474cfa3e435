/* SPDX-License-Identifier: MIT
 *
 * pool: a queue of jobs over a set of boards, a thread a board, every board kept busy.
 *
 * A board that is free takes the longest job (by earlier runs) that it can do; a board that another
 * process holds is waited for, in order of arrival, for as long as the lease deadline lets and
 * there is a job left for it. A job none of whose boards became free is `infra`. Returns when all
 * jobs have a result or, cancelled, when every board is at rest.
 */
#ifndef HIL_RUN_POOL_H
#define HIL_RUN_POOL_H

#include "base/ctx.h"
#include "board/board.h"
#include "run/job.h"
#include "store/claim.h"

struct pool_options {
    const char *lab; /* its name */
    const char *runtime_dir;
    struct claims *claims;
    const char *out_dir; /* the run directory */
    const struct holder *holder;
    struct events *events; /* may be NULL */
    /* Once a board is taken, a byte from there lets its job begin, and the end means that nobody
     * wants it any more; 0: nobody is asked. */
    int confirm_fd;
    bool detach;           /* jobs on servers outlive the link (detached.h) */
    int64_t wait_ms;       /* for a lease; -1: as each board's timeouts say */
    int64_t tick_ms;       /* an EVENT_TICK this often; 0: none */
    struct board **boards; /* every candidate of any job, opened; borrowed */
    size_t board_count;
};

/* results[i] belongs to jobs[i] and to the caller; each is filled, also when cancelled. */
void pool_run(const struct pool_options *options, const struct job *jobs, size_t count,
              const struct ctx *ctx, struct job_result **results);

#endif
