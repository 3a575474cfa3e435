/* SPDX-License-Identifier: MIT */
#include "run/pool.h"

#include "base/fs.h"
#include "board/turn.h"
#include "run/judge.h"
#include "run/pipeline.h"
#include "run/remote_job.h"
#include "run/rundir.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define BEAT_MS 4 /* of consoles that never pause: a verdict is late by at most that much */

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
    bool gave_up; /* no lease was to be had, or nothing flashes the board any more */
    int stop_fd;  /* eventfd: no job is left for this board, or the run is cancelled */
    char *why;    /* no job could be done; NULL: some could. Read once the thread has ended */
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

static bool can_do(const struct worker *worker, const struct job *job)
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
            can_do(&pool->workers[i], job))
            return true;
    return false;
}

static bool is_open(const struct worker *worker, size_t i)
{
    const struct progress *progress = &worker->pool->progress[i];
    const struct job *job = &worker->pool->jobs[i];
    const struct board_conf *conf = board_conf(worker->board);

    if (progress->state != JOB_QUEUED || !can_do(worker, job))
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
            can_do(worker, &pool->jobs[i]))
            return true;
    }
    return false;
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

/* Takes the job, and sends home who waits for a lease with nothing left to do. Lock held. */
static void take_job(const struct worker *worker, const struct job *job)
{
    struct pool *pool = worker->pool;

    pool->progress[job - pool->jobs].state = JOB_TAKEN;
    for (size_t i = 0; i < pool->worker_count; i++)
        if (!has_open(&pool->workers[i]))
            wake(pool->workers[i].stop_fd);
}

static const struct job *take_best_job(const struct worker *worker)
{
    struct pool *pool = worker->pool;
    const struct job *job;

    pthread_mutex_lock(&pool->lock);
    job = pool->cancelled ? NULL : best_job(worker);
    if (job)
        take_job(worker, job);
    pthread_mutex_unlock(&pool->lock);
    return job;
}

/* Waits for as long as a job at work may come back. What woke us from waiting for a lease before is
 * over where there is work. */
static bool has_work(struct worker *worker)
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
        worker->gave_up = true;
    }
    return lease;
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
    again = wants_retry(pool, job, result);
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

/* The board cannot be flashed. What else is queued is done elsewhere, or tried again here where there
 * is no elsewhere and the job may be retried. */
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

/* What comes of an attempt: the job's result, or one more attempt. */
static void settle(struct worker *worker, const struct job *job, struct job_result *result)
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

static void tell_start(const struct pool *pool, const char *board, const char *test)
{
    event_emit(pool->options->events,
               (struct event){.kind = EVENT_JOB_START, .board = board, .test = test});
}

static struct job_result *begin_attempt(const struct worker *worker, const struct job *job,
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

/* Nobody else looks at it while the job is taken. */
static void take_earlier(struct progress *progress, struct job_result *result)
{
    result->earlier = progress->earlier;
    result->earlier_count = progress->attempts;
    progress->earlier = NULL;
}

static void run_job(struct worker *worker, const struct job *job, const struct ctx *ctx)
{
    struct pool *pool = worker->pool;
    struct progress *progress = &pool->progress[job - pool->jobs];
    struct job_result *result = begin_attempt(worker, job, progress->attempts);
    cleanup_free char *path = fs_join(pool->options->out_dir, result->dir);

    take_earlier(progress, result);
    tell_start(pool, result->board, result->name);
    pipeline_run(job, worker->board, path, pool->ticker, pool->options->events, ctx, result);
    settle(worker, job, result);
}

/* ---- boards on servers --------------------------------------------------------------------- */

/* The server gives its boards away: a job is wanted there before it is taken here, and taken once the
 * board is had. */
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
    claim->taken = !pool->cancelled && is_open(claim->worker, (size_t)(claim->job - pool->jobs)) &&
                   progress->attempts == claim->attempts;
    if (claim->taken) {
        take_job(claim->worker, claim->job);
        take_earlier(progress, claim->result);
    }
    pthread_mutex_unlock(&pool->lock);
    if (claim->taken)
        tell_start(pool, claim->result->board, claim->result->name);
    return claim->taken;
}

static const struct job *wanted_job(const struct worker *worker, size_t *ret_attempts)
{
    struct pool *pool = worker->pool;
    const struct job *job;

    pthread_mutex_lock(&pool->lock);
    job = pool->cancelled ? NULL : best_job(worker);
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
    wanted = !pool->cancelled && is_open(worker, (size_t)(claim->job - pool->jobs)) &&
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
    claim.result = begin_attempt(worker, claim.job, claim.attempts);
    path = fs_join(options->out_dir, claim.result->dir);
    claim.result = remote_job_run(&(struct remote_job){.job = claim.job,
                                                       .board = board_conf(worker->board),
                                                       .work_dir = path,
                                                       .wait_ms = options->wait_ms,
                                                       .events = options->events,
                                                       .stop_fd = worker->stop_fd,
                                                       .claim = claim_job,
                                                       .arg = &claim},
                                  ctx, claim.result);
    if (claim.taken)
        settle(worker, claim.job, claim.result);
    else
        drop_claim(&claim);
}

/* Within the server's max-parallel. */
static void take_turn(struct worker *worker, const struct ctx *ctx)
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

static void take_lease_and_job(struct worker *worker, const struct ctx *ctx)
{
    struct lease *lease = take_lease(worker, ctx);
    const struct job *job = lease && is_confirmed(worker, ctx) ? take_best_job(worker) : NULL;

    if (job)
        run_job(worker, job, ctx);
    lease_drop(lease);
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

    while (!worker->gave_up && has_work(worker)) {
        if (board_conf(worker->board)->server)
            take_turn(worker, &start->ctx);
        else
            take_lease_and_job(worker, &start->ctx);
    }
    pthread_mutex_lock(&pool->lock);
    pool->running--;
    worker->running = false;
    pthread_cond_broadcast(&pool->changed); /* one less that others may wait for */
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
        if (pool->workers[i].why && can_do(&pool->workers[i], job))
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
