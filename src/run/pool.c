/* SPDX-License-Identifier: MIT */
#include "run/pool.h"

#include "base/fs.h"
#include "run/judge.h"
#include "run/pipeline.h"
#include "run/rundir.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum job_state { JOB_QUEUED, JOB_TAKEN };

struct worker {
    struct pool *pool;
    struct board *board;
    pthread_t thread;
    bool started;
    int stop_fd;        /* eventfd: no job is left for this board, or the run is cancelled */
    char *busy;         /* why its lease could not be had; NULL: it could */
};

struct pool {
    const struct pool_options *options;
    const struct job *jobs;
    enum job_state *states;
    struct job_result **results;
    size_t count, queued;
    bool several_tests;
    struct worker *workers;
    size_t worker_count, running;
    int finished_fd;    /* eventfd: a worker has ended */
    bool cancelled;
    pthread_mutex_t lock; /* all of the above but what is set before the threads start */
};

static bool can_do(const struct worker *worker, const struct job *job)
{
    const struct board_conf *conf = board_conf(worker->board);

    for (size_t i = 0; i < job->board_count; i++)
        if (job->boards[i] == conf)
            return true;
    return false;
}

/* The longest queued job that the board can do, NULL: none. Those of unknown length come first: one
 * of them may be the longest of all. With the lock held. */
static const struct job *best_job(const struct worker *worker)
{
    const struct pool *pool = worker->pool;
    const struct job *best = NULL;

    for (size_t i = 0; i < pool->count; i++) {
        const struct job *job = &pool->jobs[i];
        if (pool->states[i] != JOB_QUEUED || !can_do(worker, job))
            continue;
        if (!best || (best->estimate_us >= 0 &&
                      (job->estimate_us < 0 || job->estimate_us > best->estimate_us)))
            best = job;
    }
    return best;
}

static void wake(int fd)
{
    (void)!write(fd, &(uint64_t){1}, sizeof(uint64_t));
}

/* Takes the best job, and sends home who waits for a lease with nothing left to do. Lock held. */
static const struct job *take_job(struct worker *worker)
{
    struct pool *pool = worker->pool;
    const struct job *job = pool->cancelled ? NULL : best_job(worker);

    if (!job)
        return NULL;
    pool->states[job - pool->jobs] = JOB_TAKEN;
    pool->queued--;
    for (size_t i = 0; i < pool->worker_count; i++)
        if (!best_job(&pool->workers[i]))
            wake(pool->workers[i].stop_fd);
    return job;
}

static bool has_work(struct worker *worker)
{
    struct pool *pool = worker->pool;
    bool work;

    pthread_mutex_lock(&pool->lock);
    work = !pool->cancelled && best_job(worker);
    pthread_mutex_unlock(&pool->lock);
    return work;
}

static void tell_waiting(void *arg, const char *why)
{
    struct worker *worker = arg;

    event_emit(worker->pool->options->events,
               (struct event){.kind = EVENT_STATE,
                              .board = board_conf(worker->board)->name,
                              .text = "waiting",
                              .suite = why});
}

/* Waits for the board's lease; NULL with the reason in worker->busy, or where nothing is left to do.*/
static struct lease *take_lease(struct worker *worker, const struct ctx *ctx)
{
    const struct pool_options *options = worker->pool->options;
    const struct board_conf *conf = board_conf(worker->board);
    int64_t wait_ms = options->wait_ms >= 0 ? options->wait_ms : conf->timeouts.lease;
    struct ctx wait = wait_ms > 0 ? ctx_narrow(ctx, wait_ms) : *ctx; /* 0: ask once */
    struct lease *lease = NULL;
    struct err err = {0};
    size_t index;

    wait.cancel_fd = worker->stop_fd;
    if (lease_take(options->runtime_dir, options->lab, &conf->name, 1, options->holder,
                   wait_ms > 0, &wait, tell_waiting, worker, &lease, &index,
                   &err) < 0 &&
        err.code != ERR_CANCELLED) {
        free(worker->busy);
        worker->busy = xstrdup(err.message);
    }
    return lease;
}

static void run_job(struct worker *worker, const struct job *job, const struct ctx *ctx)
{
    struct pool *pool = worker->pool;
    const struct pool_options *options = pool->options;
    const struct board_conf *conf = board_conf(worker->board);
    struct job_result *result = job_begin(job, conf);
    cleanup_free char *dir = rundir_job_dir(conf->name, job->name, pool->several_tests);
    cleanup_free char *path = fs_join(options->out_dir, dir);

    result->dir = arena_strdup(&result->arena, dir);
    event_emit(options->events, (struct event){.kind = EVENT_JOB_START,
                                               .board = result->board,
                                               .test = result->name});
    pipeline_run(job, worker->board, path, options->events, ctx, result);
    event_emit(options->events, (struct event){.kind = EVENT_JOB_END,
                                               .board = result->board,
                                               .test = result->name,
                                               .job = result});
    pthread_mutex_lock(&pool->lock);
    pool->results[job - pool->jobs] = result;
    pthread_mutex_unlock(&pool->lock);
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

    while (has_work(worker)) {
        struct lease *lease = take_lease(worker, &start->ctx);
        const struct job *job = NULL;
        if (lease) {
            pthread_mutex_lock(&pool->lock);
            job = take_job(worker);
            pthread_mutex_unlock(&pool->lock);
        }
        if (job)
            run_job(worker, job, &start->ctx);
        lease_drop(lease);
        if (!job)
            break;
    }
    pthread_mutex_lock(&pool->lock);
    pool->running--;
    pthread_mutex_unlock(&pool->lock);
    wake(pool->finished_fd);
    free(start);
    return NULL;
}

static void start_workers(struct pool *pool, const struct ctx *ctx)
{
    pthread_mutex_lock(&pool->lock);
    for (size_t i = 0; i < pool->worker_count; i++) {
        struct worker *worker = &pool->workers[i];
        struct worker_start *start = xmalloc(sizeof *start);
        *start = (struct worker_start){worker, *ctx};
        worker->started = pthread_create(&worker->thread, NULL, work, start) == 0;
        pool->running += worker->started;
        if (!worker->started)
            free(start);
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
        uint64_t ended;
        if (ctx_wait(&wait, pool->finished_fd, POLLIN, NULL) == -ERR_CANCELLED) {
            pthread_mutex_lock(&pool->lock);
            pool->cancelled = true;
            pthread_mutex_unlock(&pool->lock);
            for (size_t i = 0; i < pool->worker_count; i++)
                wake(pool->workers[i].stop_fd);
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

/* What no board came free for, or what was cancelled in the queue. */
static struct job_result *never_ran(const struct pool *pool, const struct job *job)
{
    struct job_result *result = job_begin(job, job->boards[0]);
    const char *why = "no board became free";

    for (size_t i = 0; i < pool->worker_count; i++)
        if (pool->workers[i].busy && can_do(&pool->workers[i], job))
            why = pool->workers[i].busy;
    judge_infra(result, pool->cancelled ? "cancelled" : why);
    return result;
}

static void finish_result(const struct pool *pool, const struct job *job, struct job_result *result)
{
    const struct pool_options *options = pool->options;
    cleanup_free char *dir = rundir_job_dir(result->board, job->name, pool->several_tests);
    cleanup_free char *path = fs_join(options->out_dir, dir);
    struct job here = job_on_board(job, job->boards[0]);
    struct err err = {0};

    result->dir = arena_strdup(&result->arena, dir);
    if (fs_mkdirs(path, 0777, &err) < 0 ||
        rundir_write_job(path, result, &here, &err) < 0)
        event_emit(options->events, (struct event){.kind = EVENT_WARNING, .text = err.message});
    event_emit(options->events, (struct event){.kind = EVENT_JOB_END,
                                               .board = result->board,
                                               .test = result->name,
                                               .job = result});
}

static bool has_several_tests(const struct job *jobs, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (strcmp(jobs[i].name, jobs[0].name))
            return true;
    return false;
}

static void pool_init(struct pool *pool)
{
    const struct pool_options *options = pool->options;

    pthread_mutex_init(&pool->lock, NULL);
    pool->finished_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pool->states = xcalloc(pool->count, sizeof *pool->states);
    pool->several_tests = has_several_tests(pool->jobs, pool->count);
    for (size_t i = 0; i < pool->count; i++) {
        if (pool->jobs[i].build_log) {
            pool->states[i] = JOB_TAKEN;
            pool->results[i] = failed_build(&pool->jobs[i]);
            finish_result(pool, &pool->jobs[i], pool->results[i]);
        } else {
            pool->queued++;
        }
    }
    pool->worker_count = options->board_count;
    pool->workers = xcalloc(pool->worker_count, sizeof *pool->workers);
    for (size_t i = 0; i < pool->worker_count; i++)
        pool->workers[i] = (struct worker){.pool = pool,
                                           .board = options->boards[i],
                                           .stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
}

void pool_run(const struct pool_options *options, const struct job *jobs, size_t count,
              const struct ctx *ctx, struct job_result **results)
{
    struct pool pool = {.options = options, .jobs = jobs, .count = count, .results = results};

    memset(results, 0, count * sizeof *results);
    pool_init(&pool);
    if (pool.queued) {
        start_workers(&pool, ctx);
        wait_for_workers(&pool, ctx);
    }
    for (size_t i = 0; i < count; i++) {
        if (results[i])
            continue;
        results[i] = never_ran(&pool, &jobs[i]);
        finish_result(&pool, &jobs[i], results[i]);
    }
    for (size_t i = 0; i < pool.worker_count; i++) {
        close(pool.workers[i].stop_fd);
        free(pool.workers[i].busy);
    }
    close(pool.finished_fd);
    free(pool.workers);
    free(pool.states);
    pthread_mutex_destroy(&pool.lock);
}
