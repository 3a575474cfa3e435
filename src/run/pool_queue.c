/* SPDX-License-Identifier: MIT */
#include "run/judge.h"
#include "run/pool_parts.h"
#include "run/rundir.h"

#include <stdlib.h>
#include <unistd.h>

bool pool_can_do(const struct worker *worker, const struct job *job)
{
    const struct board_conf *conf = board_conf(worker->board);

    for (size_t i = 0; i < job->board_count; i++)
        if (job->boards[i] == conf)
            return true;
    return false;
}

/* With the lock held, as the next ones. */
static bool has_other(const struct worker *worker, const struct job *job)
{
    const struct pool *pool = worker->pool;

    for (size_t i = 0; i < pool->worker_count; i++)
        if (&pool->workers[i] != worker && pool->workers[i].running &&
            pool_can_do(&pool->workers[i], job))
            return true;
    return false;
}

bool pool_is_open(const struct worker *worker, size_t i)
{
    const struct progress *progress = &worker->pool->progress[i];
    const struct job *job = &worker->pool->jobs[i];
    const struct board_conf *conf = board_conf(worker->board);

    if (progress->state != JOB_QUEUED || !pool_can_do(worker, job))
        return false;
    if (progress->only && progress->only != conf)
        return false;
    return progress->avoid != conf || !has_other(worker, job);
}

/* Some job is at work that may have to be tried again, by us. */
static bool may_open(const struct worker *worker)
{
    const struct pool *pool = worker->pool;

    for (size_t i = 0; i < pool->count; i++) {
        const struct progress *progress = &pool->progress[i];
        if (progress->state != JOB_ENDED && progress->attempts < pool->jobs[i].retries &&
            pool_can_do(worker, &pool->jobs[i]))
            return true;
    }
    return false;
}

static bool has_open(const struct worker *worker)
{
    for (size_t i = 0; i < worker->pool->count; i++)
        if (pool_is_open(worker, i))
            return true;
    return false;
}

/* Those of unknown length come first: one of them may be the longest of all. */
const struct job *pool_best_job(const struct worker *worker)
{
    const struct pool *pool = worker->pool;
    const struct job *best = NULL;

    for (size_t i = 0; i < pool->count; i++) {
        const struct job *job = &pool->jobs[i];
        if (!pool_is_open(worker, i))
            continue;
        if (job->estimate_us < 0)
            return job;
        if (!best || job->estimate_us > best->estimate_us)
            best = job;
    }
    return best;
}

void pool_wake(int fd)
{
    (void)!write(fd, &(uint64_t){1}, sizeof(uint64_t));
}

void pool_take_job(const struct worker *worker, const struct job *job)
{
    struct pool *pool = worker->pool;

    pool->progress[job - pool->jobs].state = JOB_TAKEN;
    for (size_t i = 0; i < pool->worker_count; i++)
        if (!has_open(&pool->workers[i]))
            pool_wake(pool->workers[i].stop_fd);
}

const struct job *pool_take_best_job(const struct worker *worker)
{
    struct pool *pool = worker->pool;
    const struct job *job;

    pthread_mutex_lock(&pool->lock);
    job = pool->cancelled ? NULL : pool_best_job(worker);
    if (job)
        pool_take_job(worker, job);
    pthread_mutex_unlock(&pool->lock);
    return job;
}

/* What woke us from waiting for a lease before is over where there is work. */
bool pool_has_work(struct worker *worker)
{
    struct pool *pool = worker->pool;
    uint64_t woken;
    bool work;

    pthread_mutex_lock(&pool->lock);
    while (!pool->cancelled && !has_open(worker) && may_open(worker))
        pthread_cond_wait(&pool->changed, &pool->lock);
    work = !pool->cancelled && has_open(worker);
    if (work)
        (void)!read(worker->stop_fd, &woken, sizeof woken);
    pthread_mutex_unlock(&pool->lock);
    return work;
}

/* ---- attempts ------------------------------------------------------------------------------ */

/* With the lock held. The job's first attempt is the only one in most runs. */
static bool wants_retry(const struct pool *pool, const struct job *job,
                        const struct job_result *result)
{
    return result->verdict != VERDICT_PASS && result->earlier_count < job->retries &&
           !pool->cancelled && result->end != END_CANCELLED;
}

/* The attempt joins those before it, and the job the queue. */
static void queue_again(struct worker *worker, struct progress *progress, struct job_result *result)
{
    const struct board_conf *conf = board_conf(worker->board);
    bool infra = result->verdict == VERDICT_INFRA;
    size_t count = result->earlier_count;

    progress->earlier = xrealloc(result->earlier, count + 1, sizeof(struct job_result *));
    progress->earlier[count] = result;
    progress->attempts = count + 1;
    progress->only = infra ? NULL : conf;
    progress->avoid = infra ? conf : NULL;
    progress->state = JOB_QUEUED;
    result->earlier = NULL;
    result->earlier_count = 0;
}

static void tell_retry(const struct worker *worker, const struct job *job, size_t attempt,
                       bool elsewhere)
{
    event_emit(worker->pool->options->events,
               (struct event){.kind = EVENT_RETRY,
                              .board = board_conf(worker->board)->name,
                              .test = job->name,
                              .number = attempt,
                              .total = job->retries + 1,
                              .text = elsewhere ? "on another board" : "on the same board"});
}

static bool asks_for_another(struct worker *worker, const struct job *job,
                             const struct job_result *result, bool *ret_elsewhere)
{
    struct pool *pool = worker->pool;
    bool again;

    pthread_mutex_lock(&pool->lock);
    again = !result->detached && wants_retry(pool, job, result);
    *ret_elsewhere = result->verdict == VERDICT_INFRA && has_other(worker, job);
    pthread_mutex_unlock(&pool->lock);
    return again;
}

/* Its result, or the next attempt. */
static void conclude(struct worker *worker, const struct job *job, struct job_result *result,
                     bool again)
{
    struct pool *pool = worker->pool;
    struct progress *progress = &pool->progress[job - pool->jobs];

    pthread_mutex_lock(&pool->lock);
    if (again) {
        queue_again(worker, progress, result);
    } else {
        progress->state = JOB_ENDED;
        pool->results[job - pool->jobs] = result;
    }
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
}

/* The board cannot be flashed. What else is queued is done elsewhere, or tried again here where
 * there is no elsewhere and the job may be retried. */
static void give_up_board(struct worker *worker, bool again_here, const char *reason)
{
    if (again_here)
        return;
    pthread_mutex_lock(&worker->pool->lock);
    worker->gave_up = true;
    worker->running = false;
    pthread_mutex_unlock(&worker->pool->lock);
    free(worker->why);
    worker->why = xasprintf("%s is broken: %s", board_conf(worker->board)->name, reason);
}

void pool_settle(struct worker *worker, const struct job *job, struct job_result *result)
{
    struct pool *pool = worker->pool;
    bool elsewhere, again = asks_for_another(worker, job, result, &elsewhere);

    if (result->gave_up)
        give_up_board(worker, again && !elsewhere, result->reason);
    if (!again)
        judge_attempts(result, job->flaky_fails);
    event_emit(pool->options->events, (struct event){.kind = EVENT_JOB_END,
                                                     .board = result->board,
                                                     .test = result->name,
                                                     .job = result});
    if (again) /* before somebody takes it */
        tell_retry(worker, job, result->earlier_count + 2, elsewhere);
    conclude(worker, job, result, again);
}

void pool_tell_start(const struct pool *pool, const struct job_result *result)
{
    event_emit(pool->options->events, (struct event){.kind = EVENT_JOB_START,
                                                     .board = result->board,
                                                     .test = result->name,
                                                     .text = result->dir});
}

struct job_result *pool_begin_attempt(const struct worker *worker, const struct job *job,
                                      size_t attempts)
{
    const struct pool *pool = worker->pool;
    const struct board_conf *conf = board_conf(worker->board);
    struct job_result *result = job_begin(job, conf);
    const char *test_dir = pool->dirs.items[job - pool->jobs];
    cleanup_free char *dir = rundir_job_dir(conf->name, test_dir, attempts + 1);

    result->dir = arena_strdup(&result->arena, dir);
    return result;
}

void pool_take_earlier(struct progress *progress, struct job_result *result)
{
    result->earlier = progress->earlier;
    result->earlier_count = progress->attempts;
    progress->earlier = NULL;
}
