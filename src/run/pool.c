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
    int stop_fd; /* eventfd: no job is left for this board, or the run is cancelled */
    char *why;   /* no job could be done; NULL: some could. Read once the thread has ended */
};

struct pool {
    const struct pool_options *options;
    const struct job *jobs;
    enum job_state *states;
    struct job_result **results;
    size_t count;
    struct strv dirs; /* of the jobs' tests */
    struct worker *workers;
    size_t worker_count, running;
    int finished_fd; /* eventfd: a worker has ended */
    bool cancelled;
    pthread_mutex_t lock; /* for states, results, running and cancelled */
};

static bool can_do(const struct worker *worker, const struct job *job)
{
    const struct board_conf *conf = board_conf(worker->board);

    for (size_t i = 0; i < job->board_count; i++)
        if (job->boards[i] == conf)
            return true;
    return false;
}

/* With the lock held, as the next two. */
static bool is_open(const struct worker *worker, size_t i)
{
    return worker->pool->states[i] == JOB_QUEUED && can_do(worker, &worker->pool->jobs[i]);
}

static bool has_open(const struct worker *worker)
{
    for (size_t i = 0; i < worker->pool->count; i++)
        if (is_open(worker, i))
            return true;
    return false;
}

/* The longest queued job that the board can do, NULL: none. Those of unknown length come first: one
 * of them may be the longest of all. */
static const struct job *best_job(const struct worker *worker)
{
    const struct pool *pool = worker->pool;
    const struct job *best = NULL;

    for (size_t i = 0; i < pool->count; i++) {
        const struct job *job = &pool->jobs[i];
        if (!is_open(worker, i))
            continue;
        if (job->estimate_us < 0)
            return job;
        if (!best || job->estimate_us > best->estimate_us)
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
    for (size_t i = 0; i < pool->worker_count; i++)
        if (!has_open(&pool->workers[i]))
            wake(pool->workers[i].stop_fd);
    return job;
}

static bool has_work(const struct worker *worker)
{
    struct pool *pool = worker->pool;
    bool work;

    pthread_mutex_lock(&pool->lock);
    work = !pool->cancelled && has_open(worker);
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

/* Waits for the board's lease; NULL with the reason in worker->why, or where nothing is left to do.
 */
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
    if (lease_take(options->runtime_dir, options->lab, &conf->name, 1, options->holder, wait_ms > 0,
                   &wait, tell_waiting, worker, &lease, &index, &err) < 0 &&
        err.code != ERR_CANCELLED) {
        free(worker->why);
        worker->why = xstrdup(err.message);
    }
    return lease;
}

static void run_job(struct worker *worker, const struct job *job, const struct ctx *ctx)
{
    struct pool *pool = worker->pool;
    const struct pool_options *options = pool->options;
    const struct board_conf *conf = board_conf(worker->board);
    struct job_result *result = job_begin(job, conf);
    cleanup_free char *dir = rundir_job_dir(conf->name, pool->dirs.items[job - pool->jobs]);
    cleanup_free char *path = fs_join(options->out_dir, dir);

    result->dir = arena_strdup(&result->arena, dir);
    event_emit(
        options->events,
        (struct event){.kind = EVENT_JOB_START, .board = result->board, .test = result->name});
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
        worker->started = start_worker(worker, ctx);
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
        if (pool->workers[i].why && can_do(&pool->workers[i], job))
            why = pool->workers[i].why;
    judge_infra(result, pool->cancelled ? "cancelled" : why);
    return result;
}

/* Of a job that needed no board or got none. */
static void finish_result(struct pool *pool, size_t which, struct job_result *result)
{
    const struct pool_options *options = pool->options;
    const struct job *job = &pool->jobs[which];
    cleanup_free char *dir = rundir_job_dir(result->board, pool->dirs.items[which]);
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
    pool->finished_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pool->states = xcalloc(pool->count, sizeof *pool->states);
    rundir_test_dirs(pool->jobs, pool->count, &pool->dirs);
    for (size_t i = 0; i < pool->count; i++) {
        if (pool->jobs[i].build_log) {
            pool->states[i] = JOB_TAKEN;
            finish_result(pool, i, failed_build(&pool->jobs[i]));
        }
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
    strv_done(&pool->dirs);
    free(pool->workers);
    free(pool->states);
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
        if (!results[i])
            finish_result(&pool, i, never_ran(&pool, &jobs[i]));
    pool_done(&pool);
}
