/* SPDX-License-Identifier: MIT
 *
 * What the parts of pool use of each other: the queue (pool_queue.c), boards on servers
 * (pool_there.c), and the boards' threads (pool.c).
 */
#ifndef HIL_RUN_POOL_PARTS_H
#define HIL_RUN_POOL_PARTS_H

#include "run/pool.h"
#include "run/remote_job.h"

#include <pthread.h>

enum job_state { JOB_QUEUED, JOB_TAKEN, JOB_ENDED };

/* Where a job stands among its attempts. */
struct progress {
    enum job_state state;
    struct job_result **earlier; /* attempts so far, none of which passed */
    size_t attempts;
    const struct board_conf *only;  /* the next one must be there: what failed is to be confirmed */
    const struct board_conf *avoid; /* it should not be there: the lab is to blame */
};

struct worker {
    struct pool *pool;
    struct board *board;
    pthread_t thread;
    bool started, running;
    bool gave_up;            /* no lease was to be had, or nothing flashes the board any more */
    int stop_fd;             /* eventfd: no job is left for this board, or the run is cancelled */
    struct remote_line line; /* of a board on a server */
    char *why; /* no job could be done; NULL: some could. Read once the thread has ended */
};

struct pool {
    const struct pool_options *options;
    const struct job *jobs;
    struct progress *progress;
    struct job_result **results;
    size_t count;
    struct strv dirs; /* of the jobs' tests */
    struct worker *workers;
    size_t worker_count, running;
    struct ticker *ticker;
    int finished_fd; /* eventfd: a worker has ended */
    bool cancelled;
    pthread_mutex_t lock; /* for progress, results, running and cancelled */
    pthread_cond_t changed;
};

/* ---- the queue; those marked L are called with the lock held --------------------------------- */

bool pool_can_do(const struct worker *worker, const struct job *job);
bool pool_is_open(const struct worker *worker, size_t i); /* L */
/* The longest queued job that the board can do, NULL: none. L */
const struct job *pool_best_job(const struct worker *worker);
/* Takes the job, and sends home who waits for a lease with nothing left to do. L */
void pool_take_job(const struct worker *worker, const struct job *job);
const struct job *pool_take_best_job(const struct worker *worker);
/* Waits for as long as a job at work may come back. */
bool pool_has_work(struct worker *worker);
void pool_wake(int fd);

/* ---- one attempt ----------------------------------------------------------------------------- */

struct job_result *pool_begin_attempt(const struct worker *worker, const struct job *job,
                                      size_t attempts);
/* Nobody else looks at it while the job is taken. */
void pool_take_earlier(struct progress *progress, struct job_result *result);
void pool_tell_start(const struct pool *pool, const struct job_result *result);
/* What comes of it: the job's result, or one more attempt. */
void pool_settle(struct worker *worker, const struct job *job, struct job_result *result);

/* ---- boards on servers ----------------------------------------------------------------------- */

/* One job, within the server's max-parallel. */
void pool_run_there(struct worker *worker, const struct ctx *ctx);

#endif
