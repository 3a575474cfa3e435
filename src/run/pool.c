/* SPDX-License-Identifier: MIT */
#include "run/pool_parts.h"

#include "base/fs.h"
#include "run/judge.h"
#include "run/pipeline.h"
#include "run/rundir.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define BEAT_MS 4 /* of consoles that never pause: a verdict is late by at most that much */

static void tell_waiting(void *arg, const char *why)
{
    struct worker *worker = arg;

    event_emit(worker->pool->options->events,
               (struct event){.kind = EVENT_STATE,
                              .board = board_conf(worker->board)->name,
                              .text = "waiting",
                              .suite = why});
}

/* Waits for the board's lease; NULL with the reason in worker->why, or where nothing is left to do.
 */
static struct claim *take_board(struct worker *worker, const struct ctx *ctx)
{
    const struct pool_options *options = worker->pool->options;
    const struct board_conf *conf = board_conf(worker->board);
    int64_t wait_ms = options->wait_ms >= 0 ? options->wait_ms : conf->timeouts.lease;
    struct ctx wait = wait_ms > 0 ? ctx_narrow(ctx, wait_ms) : *ctx; /* 0: ask once */
    const struct keeper_wish wish = {.boards = &conf->name,
                                     .count = 1,
                                     .self = options->holder,
                                     .wait = wait_ms > 0,
                                     .waiting = tell_waiting,
                                     .arg = worker};
    cleanup_free char *warning = NULL;
    struct claim *claim = NULL;
    struct err err = {0};
    size_t index;

    wait.cancel_fd = worker->stop_fd;
    if (claim_take(options->claims, &wish, &wait, &claim, &index, &warning, &err) < 0 &&
        err.code != ERR_CANCELLED) {
        free(worker->why);
        worker->why = xstrdup(err.message);
        worker->gave_up = true;
    }
    if (warning)
        event_emit(options->events, (struct event){.kind = EVENT_WARNING, .text = warning});
    return claim;
}

/* Whoever started us may have found another board meanwhile. */
static bool is_confirmed(struct worker *worker, const struct ctx *ctx)
{
    const struct pool_options *options = worker->pool->options;
    char byte;

    if (!options->confirm_fd)
        return true;
    event_emit(options->events, (struct event){.kind = EVENT_STATE,
                                               .board = board_conf(worker->board)->name,
                                               .text = "leased"});
    if (ctx_read(ctx, options->confirm_fd, &byte, 1, NULL) == 1)
        return true;
    worker->why = xstrdup("nobody wants the board any more");
    worker->gave_up = true;
    return false;
}

static void run_job(struct worker *worker, const struct job *job, const struct ctx *ctx)
{
    struct pool *pool = worker->pool;
    struct progress *progress = &pool->progress[job - pool->jobs];
    struct job_result *result = pool_begin_attempt(worker, job, progress->attempts);
    cleanup_free char *path = fs_join(pool->options->out_dir, result->dir);

    pool_take_earlier(progress, result);
    pool_tell_start(pool, result);
    pipeline_run(job, worker->board, path, pool->ticker, pool->options->events, ctx, result);
    pool_settle(worker, job, result);
}

static void take_board_and_job(struct worker *worker, const struct ctx *ctx)
{
    struct claim *claim = take_board(worker, ctx);
    const struct job *job = claim && is_confirmed(worker, ctx) ? pool_take_best_job(worker) : NULL;

    if (job) {
        board_set_fence(worker->board, claim_fence(claim));
        run_job(worker, job, ctx);
        board_set_fence(worker->board, NULL);
    }
    claim_drop(claim);
}

struct worker_start {
    struct worker *worker;
    struct ctx ctx;
};

/* A board's thread: lease, job, release, again. Giving the lease back between two jobs lets another
 * process that has waited longer have its turn. */
static void *work(void *arg)
{
    struct worker_start *start = arg;
    struct worker *worker = start->worker;
    struct pool *pool = worker->pool;

    while (!worker->gave_up && pool_has_work(worker)) {
        if (board_conf(worker->board)->server)
            pool_run_there(worker, &start->ctx);
        else
            take_board_and_job(worker, &start->ctx);
    }
    remote_line_close(&worker->line);
    pthread_mutex_lock(&pool->lock);
    pool->running--;
    worker->running = false;
    pthread_cond_broadcast(&pool->changed); /* one less that others may wait for */
    pthread_mutex_unlock(&pool->lock);
    pool_wake(pool->finished_fd);
    free(start);
    return NULL;
}

static bool start_worker(struct worker *worker, const struct ctx *ctx)
{
    struct worker_start *start = xmalloc(sizeof *start);

    *start = (struct worker_start){worker, *ctx};
    if (worker->pool->finished_fd >= 0 && worker->stop_fd >= 0 &&
        pthread_create(&worker->thread, NULL, work, start) == 0)
        return true;
    free(start);
    worker->why = xstrdup("no more threads or descriptors can be had; try: ulimit -n 4096");
    return false;
}

static void start_workers(struct pool *pool, const struct ctx *ctx)
{
    pthread_mutex_lock(&pool->lock);
    for (size_t i = 0; i < pool->worker_count; i++) {
        struct worker *worker = &pool->workers[i];
        worker->started = worker->running = start_worker(worker, ctx);
        pool->running += worker->started;
    }
    pthread_mutex_unlock(&pool->lock);
}

static size_t still_running(struct pool *pool)
{
    size_t running;

    pthread_mutex_lock(&pool->lock);
    running = pool->running;
    pthread_mutex_unlock(&pool->lock);
    return running;
}

/* Until every worker has ended; passes a cancel on to those that wait for a lease. */
static void wait_for_workers(struct pool *pool, const struct ctx *ctx)
{
    struct ctx wait = {.deadline_ns = CTX_NEVER, .cancel_fd = ctx->cancel_fd};

    while (still_running(pool)) {
        int64_t tick_ms = pool->options->tick_ms;
        struct ctx moment = tick_ms ? ctx_narrow(&wait, tick_ms) : wait;
        int rc = ctx_wait(&moment, pool->finished_fd, POLLIN, NULL);
        uint64_t ended;

        if (rc == -ERR_TIMEOUT) {
            event_emit(pool->options->events, (struct event){.kind = EVENT_TICK});
        } else if (rc == -ERR_CANCELLED) {
            pthread_mutex_lock(&pool->lock);
            pool->cancelled = true;
            pthread_cond_broadcast(&pool->changed);
            pthread_mutex_unlock(&pool->lock);
            for (size_t i = 0; i < pool->worker_count; i++)
                pool_wake(pool->workers[i].stop_fd);
            wait.cancel_fd = -1;
        } else {
            (void)!read(pool->finished_fd, &ended, sizeof ended);
        }
    }
    for (size_t i = 0; i < pool->worker_count; i++)
        if (pool->workers[i].started)
            pthread_join(pool->workers[i].thread, NULL);
}

/* A failed build is the firmware's fault, with the end of its log as the reason. No board was
 * needed. */
static struct job_result *failed_build(const struct job *job)
{
    struct job_result *result = job_begin(job, job->boards[0]);

    result->verdict = VERDICT_FAIL;
    result->reason = arena_strdup(&result->arena, job->build_log);
    return result;
}

static struct job_result *barred(const struct job *job)
{
    struct job_result *result = job_begin(job, job->boards[0]);

    judge_infra(result, job->barred);
    return result;
}

/* What no board came free for, or what was cancelled in the queue. */
static struct job_result *never_ran(const struct pool *pool, const struct job *job)
{
    struct job_result *result = job_begin(job, job->boards[0]);
    const char *why = "no board became free";

    for (size_t i = 0; i < pool->worker_count; i++)
        if (pool->workers[i].why && pool_can_do(&pool->workers[i], job))
            why = pool->workers[i].why;
    judge_infra(result, pool->cancelled ? "cancelled" : why);
    return result;
}

/* What no board became free for once more: the last attempt stands. */
static struct job_result *last_attempt(struct progress *progress, const struct job *job)
{
    struct job_result *result = progress->earlier[progress->attempts - 1];

    result->earlier = progress->earlier;
    result->earlier_count = progress->attempts - 1;
    progress->earlier = NULL;
    judge_attempts(result, job->flaky_fails);
    return result;
}

/* Of a job that needed no board or got none. */
static void finish_result(struct pool *pool, size_t which, struct job_result *result)
{
    const struct pool_options *options = pool->options;
    const struct job *job = &pool->jobs[which];
    cleanup_free char *dir = rundir_job_dir(result->board, pool->dirs.items[which], 1);
    cleanup_free char *path = fs_join(options->out_dir, dir);
    struct job here = job_on_board(job, job->boards[0]);
    struct err err = {0};

    pool->results[which] = result;
    result->dir = arena_strdup(&result->arena, dir);
    if (fs_mkdirs(path, 0777, &err) < 0 || rundir_write_job(path, result, &here, &err) < 0)
        event_emit(options->events, (struct event){.kind = EVENT_WARNING, .text = err.message});
    event_emit(options->events, (struct event){.kind = EVENT_JOB_END,
                                               .board = result->board,
                                               .test = result->name,
                                               .job = result});
}

static void pool_init(struct pool *pool)
{
    const struct pool_options *options = pool->options;

    pthread_mutex_init(&pool->lock, NULL);
    pool->ticker = ticker_new(BEAT_MS);
    pool->finished_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_cond_init(&pool->changed, NULL);
    pool->progress = xcalloc(pool->count, sizeof *pool->progress);
    rundir_test_dirs(pool->jobs, pool->count, &pool->dirs);
    for (size_t i = 0; i < pool->count; i++) {
        if (!pool->jobs[i].build_log && !pool->jobs[i].barred)
            continue;
        pool->progress[i].state = JOB_ENDED;
        finish_result(pool, i,
                      pool->jobs[i].build_log ? failed_build(&pool->jobs[i])
                                              : barred(&pool->jobs[i]));
    }
    pool->worker_count = options->board_count;
    pool->workers = xcalloc(pool->worker_count, sizeof *pool->workers);
    for (size_t i = 0; i < pool->worker_count; i++)
        pool->workers[i] = (struct worker){.pool = pool,
                                           .board = options->boards[i],
                                           .stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
}

static void pool_done(struct pool *pool)
{
    for (size_t i = 0; i < pool->worker_count; i++) {
        close_fd(&pool->workers[i].stop_fd);
        free(pool->workers[i].why);
    }
    close_fd(&pool->finished_fd);
    ticker_free(pool->ticker);
    strv_done(&pool->dirs);
    free(pool->workers);
    free(pool->progress);
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->lock);
}

void pool_run(const struct pool_options *options, const struct job *jobs, size_t count,
              const struct ctx *ctx, struct job_result **results)
{
    struct pool pool = {.options = options, .jobs = jobs, .count = count, .results = results};

    memset(results, 0, count * sizeof *results);
    pool_init(&pool);
    start_workers(&pool, ctx);
    wait_for_workers(&pool, ctx);
    for (size_t i = 0; i < count; i++)
        if (!results[i] && pool.progress[i].attempts)
            results[i] = last_attempt(&pool.progress[i], &jobs[i]);
        else if (!results[i])
            finish_result(&pool, i, never_ran(&pool, &jobs[i]));
    pool_done(&pool);
}
