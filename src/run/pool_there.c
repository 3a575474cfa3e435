/* SPDX-License-Identifier: MIT */
#include "base/fs.h"
#include "board/turn.h"
#include "run/pool_parts.h"

#include <stdlib.h>

/* The server gives its boards away: a job is wanted there before it is taken here, and taken once
 * the board is had. */
struct claim {
    struct worker *worker;
    const struct job *job;
    struct job_result *result;
    size_t attempts;
    bool taken;
};

static bool claim_job(void *arg)
{
    struct claim *claim = arg;
    struct pool *pool = claim->worker->pool;
    struct progress *progress = &pool->progress[claim->job - pool->jobs];

    pthread_mutex_lock(&pool->lock);
    claim->taken = !pool->cancelled &&
                   pool_is_open(claim->worker, (size_t)(claim->job - pool->jobs)) &&
                   progress->attempts == claim->attempts;
    if (claim->taken) {
        pool_take_job(claim->worker, claim->job);
        pool_take_earlier(progress, claim->result);
    }
    pthread_mutex_unlock(&pool->lock);
    if (claim->taken)
        pool_tell_start(pool, claim->result);
    return claim->taken;
}

static const struct job *wanted_job(const struct worker *worker, size_t *ret_attempts)
{
    struct pool *pool = worker->pool;
    const struct job *job;

    pthread_mutex_lock(&pool->lock);
    job = pool->cancelled ? NULL : pool_best_job(worker);
    *ret_attempts = job ? pool->progress[job - pool->jobs].attempts : 0;
    pthread_mutex_unlock(&pool->lock);
    return job;
}

/* No board, as where a lease was not to be had; or no job any more, and nothing is lost. */
static void drop_claim(struct claim *claim)
{
    struct worker *worker = claim->worker;
    struct pool *pool = worker->pool;
    bool wanted;

    pthread_mutex_lock(&pool->lock);
    wanted = !pool->cancelled && pool_is_open(worker, (size_t)(claim->job - pool->jobs)) &&
             pool->progress[claim->job - pool->jobs].attempts == claim->attempts;
    pthread_mutex_unlock(&pool->lock);
    if (wanted) {
        free(worker->why);
        worker->why = xstrdup(claim->result->reason);
        worker->gave_up = true;
    }
    job_result_free(claim->result);
}

static void run_remote_job(struct worker *worker, const struct ctx *ctx)
{
    const struct pool_options *options = worker->pool->options;
    struct claim claim = {.worker = worker};
    cleanup_free char *path = NULL;

    claim.job = wanted_job(worker, &claim.attempts);
    if (!claim.job)
        return;
    claim.result = pool_begin_attempt(worker, claim.job, claim.attempts);
    path = fs_join(options->out_dir, claim.result->dir);
    claim.result = remote_job_run(&(struct remote_job){.job = claim.job,
                                                       .board = board_conf(worker->board),
                                                       .work_dir = path,
                                                       .line = &worker->line,
                                                       .holder = options->holder,
                                                       .wait_ms = options->wait_ms,
                                                       .detach = options->detach,
                                                       .events = options->events,
                                                       .stop_fd = worker->stop_fd,
                                                       .claim = claim_job,
                                                       .arg = &claim},
                                  ctx, claim.result);
    if (claim.taken)
        pool_settle(worker, claim.job, claim.result);
    else
        drop_claim(&claim);
}

void pool_run_there(struct worker *worker, const struct ctx *ctx)
{
    const struct pool_options *options = worker->pool->options;
    const struct board_conf *conf = board_conf(worker->board);
    struct ctx wait = *ctx;
    struct turn *turn = NULL;
    struct err err = {0};

    wait.cancel_fd = worker->stop_fd;
    if (turn_take_server(options->runtime_dir, options->lab, conf->server, &wait, &turn, &err) == 0)
        run_remote_job(worker, ctx);
    else if (err.code != ERR_CANCELLED)
        worker->gave_up = (worker->why = xstrdup(err.message));
    turn_drop(turn);
}
