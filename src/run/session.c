/* SPDX-License-Identifier: MIT */
#include "run/session_parts.h"

#include "base/ctx.h"
#include "base/fs.h"
#include "base/guard.h"
#include "base/str.h"
#include "run/blame.h"
#include "run/judge.h"
#include "run/origin.h"
#include "run/quarantine.h"
#include "run/rundir.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS 200 /* of the elapsed times on a terminal */

void session_warn(struct session *session, const char *text)
{
    event_emit(session->events, (struct event){.kind = EVENT_WARNING, .text = text});
}

/* ---- before: the lab, the plan, its checks -------------------------------------------------- */

static struct board *opened(const struct session *session, const struct board_conf *conf)
{
    return inventory_board(&session->inventory, conf);
}

static void collect_boards(struct session *session)
{
    const struct board_conf **confs;

    session->board_count = plan_boards(&session->plan, session->inventory.lab, &confs);
    session->boards = xcalloc(session->board_count, sizeof *session->boards);
    for (size_t i = 0; i < session->board_count; i++)
        session->boards[i] = opened(session, confs[i]);
    free(confs);
}

static int open_sinks(struct session *session, struct err *err)
{
    const struct session_request *request = session->request;
    cleanup_free char *path = fs_join(request->out_dir, "events.jsonl");

    session->log = event_log_open(path, err);
    if (!session->log)
        return -(int)err->code;
    session->live = live_open(&request->term, request->verbosity, origin_in_actions());
    events_add(session->events, session->log);
    events_add(session->events, session->live);
    session->stream = request->events_path ? event_stream_open(request->events_path, err) : NULL;
    if (session->stream)
        events_add(session->events, session->stream);
    return request->events_path && !session->stream ? -(int)err->code : 0;
}

static void note(const struct session *session, const char *text)
{
    event_emit(session->events, (struct event){.kind = EVENT_NOTE, .text = text});
}

static void note_download(void *arg, const char *text)
{
    note(arg, text);
}

static bool health_is_due(void *arg, const struct board_conf *board)
{
    struct session *session = arg;
    const char *lab = session->inventory.lab->name;
    struct store_quarantine quarantine;
    int64_t every_us = board->health.every_ms * 1000;

    if (session->request->health == HEALTH_ALL || !session->memory.store)
        return true;
    if (store_quarantined(session->memory.store, lab, board->name, &quarantine))
        return true;
    return every_us && ctx_unix_us() - store_last_start_us(session->memory.store, lab, board->name,
                                                           PLAN_HEALTH) >=
                           every_us;
}

static int plan_jobs(struct session *session, struct err *err)
{
    struct session_request *request = session->request;

    request->plan.lab = session->inventory.lab;
    request->plan.reads = true;
    if (request->health) {
        session_open_store(session);
        return plan_add_health(&session->plan, &request->plan, health_is_due, session,
                               &session->ctx, err);
    }
    request->download.note = note_download;
    request->download.arg = session;
    request->plan.download = download_wanted(&request->download) ? &request->download : NULL;
    if (!request->plan_path)
        return plan_add_images(&session->plan, &request->plan,
                               (const char *const *)request->images.items, request->images.count,
                               &session->ctx, err);
    return plan_add_tests(&session->plan, &request->plan, session->tests, request->out_dir,
                          session->events, &session->ctx, err);
}

static int prepare(struct session *session, struct err *err)
{
    const struct session_request *request = session->request;
    bool later = request->plan_path || download_wanted(&request->download);
    const struct servers_wanted wanted = {.lab_option = request->lab_path,
                                          .selectors = &request->plan.selectors};
    int rc = servers_inventory(&wanted, &session->ctx, &session->inventory, &session->servers, err);

    if (rc == 0)
        rc = inventory_check_memory(&session->inventory, &request->plan.write, err) < 0
                 ? err_wrap(err, "--write")
                 : 0;
    if (rc == 0 && request->plan_path)
        rc = session_load_tests(session, err);
    /* Images are looked at before the last run's results make room; builds need the directory, and
     * downloads the log. */
    if (rc == 0 && !later)
        rc = plan_jobs(session, err);
    if (rc == 0 && !later)
        rc = session_check_jobs(session, err);
    if (rc == 0 && request->health && !session->plan.count)
        return 0;
    if (rc == 0)
        rc = rundir_prepare(request->out_dir, &session->lock_fd, err);
    if (rc == 0)
        rc = open_sinks(session, err);
    if (rc == 0 && later)
        rc = plan_jobs(session, err);
    if (rc == 0 && later)
        rc = session_check_jobs(session, err);
    if (rc == -ERR_CONFIG) {
        servers_blame(&session->servers, err);
        rc = -(int)err->code;
    }
    return rc;
}

/* ---- the run ----------------------------------------------------------------------------- */

/* For the reports that quote them. */
static void name_logs(struct session *session)
{
    for (size_t i = 0; i < session->run.count; i++) {
        struct job_result *job = session->run.jobs[i];
        if (job->dir)
            job->log =
                arena_printf(&job->arena, "%s/%s/uart.log", session->request->out_dir, job->dir);
    }
}

/* Which commit that was, and which files the cases name. */
static void find_origin(struct session *session, struct origin_look *look)
{
    struct err err = {0};

    session->run.origin = origin_find(&session->run.arena);
    if (origin_look_end(look, &session->run, &err) < 0)
        note(session, err.message);
}

/* The newest attempt on the board among those of `job`, if it is newer than `newest`. */
static const struct job_result *newest_on(const char *board, const struct job_result *job,
                                          const struct job_result *newest)
{
    for (size_t i = 0; i < job->earlier_count; i++)
        newest = newest_on(board, job->earlier[i], newest);
    if (str_eq(job->board, board) && job->took_us &&
        (!newest || job->started_unix_us >= newest->started_unix_us))
        newest = job;
    return newest;
}

/* A board that nothing could flash, and that was not flashed later either. */
static void find_broken_boards(struct session *session)
{
    const struct run_result *run = &session->run;

    for (size_t b = 0; b < session->board_count; b++) {
        const char *board = board_conf(session->boards[b])->name;
        const struct job_result *newest = NULL;
        for (size_t i = 0; i < run->count; i++)
            newest = newest_on(board, run->jobs[i], newest);
        if (newest && newest->gave_up && !board_conf(session->boards[b])->server)
            quarantine_add(session->memory.store, run->lab, board, newest->reason, session->events,
                           session->notifier);
    }
}

/* A board that was not to be had, or a run that was cancelled, says nothing of it. */
static void settle_health(struct session *session, const struct job_result *job)
{
    const char *lab = session->run.lab;
    cleanup_free char *reason = xasprintf("health check: %s", job->reason);
    bool was = false;

    if (job->verdict == VERDICT_PASS && session->memory.store &&
        store_release(session->memory.store, lab, job->board, &was, NULL) == 0 && was) {
        strv_add(&session->released, job->board);
        notifier_board(session->notifier, NOTICE_RELEASE, job->board,
                       "passes its health check, and is out of quarantine");
    }
    if (job->verdict != VERDICT_PASS && job->took_us && job->end != END_CANCELLED &&
        !ctx_cancelled(&session->ctx) && !job->gave_up && !job->lost)
        quarantine_add(session->memory.store, lab, job->board, reason, session->events,
                       session->notifier);
}

static void tell_away(struct session *session)
{
    for (size_t i = 0; i < session->servers.count; i++)
        if (session->servers.looks[i].away)
            session_warn(session, session->servers.looks[i].away);
}

/* Beside the boards' work. */
static void *prepare_reports(void *arg)
{
    (void)arg;
    report_prepare();
    return NULL;
}

/* Those that may be tested at all, and who else wants them. */
static void prepare_boards(struct session *session, struct pool_options *options)
{
    options->claims = session->claims =
        claims_open(session->inventory.lab, session->inventory.runtime_dir);
    tell_away(session);
    if (!session->request->health)
        quarantine_leave_out(session->memory.store, session->inventory.lab, session->plan.jobs,
                             session->plan.count, session->events);
    collect_boards(session);
    options->boards = session->boards;
    options->board_count = session->board_count;
}

static struct origin_look *begin_run(struct session *session)
{
    const struct session_request *request = session->request;
    struct run_result *run = &session->run;
    struct origin_look *look;

    run->lab = session->inventory.lab->name;
    run->version = request->version;
    run->started_unix_us = ctx_unix_us();
    run->jobs = xcalloc(session->plan.count, sizeof *run->jobs);
    event_emit(session->events,
               (struct event){.kind = EVENT_RUN_START, .number = session->plan.count});
    look = origin_look_begin(request->plan_path);
    if (request->detach) { /* what hil collect knows of it, should nobody end it here */
        run->origin = origin_find(&run->arena);
        origin_look_commit(look, run);
        rundir_write_begun(request->out_dir, run, session->plan.jobs, session->plan.count, NULL);
    }
    return look;
}

static void test_boards(struct session *session, const struct pool_options *options)
{
    const struct session_request *request = session->request;
    struct run_result *run = &session->run;

    store_rest(session->memory.store); /* which nobody asks while boards work */
    pool_run(options, session->plan.jobs, session->plan.count, &session->ctx, run->jobs);
    run->count = session->plan.count;
    remember_within(session->memory.store, &session->ctx);
    if (!request->no_quarantine)
        find_broken_boards(session);
    if (request->blame)
        blame_run(options, &request->plan, session->plan.jobs, run->jobs, run->count,
                  &session->ctx);
    for (size_t i = 0; request->health && i < run->count; i++)
        settle_health(session, run->jobs[i]);
}

static int run_jobs(struct session *session, struct err *err)
{
    const struct session_request *request = session->request;
    struct run_result *run = &session->run;
    struct holder holder = request->holder; /* but for `out`, the caller's */
    struct pool_options options = {.lab = session->inventory.lab->name,
                                   .runtime_dir = session->inventory.runtime_dir,
                                   .out_dir = request->out_dir,
                                   .holder = &holder,
                                   .events = session->events,
                                   .confirm_fd = request->confirm_fd,
                                   .detach = request->detach,
                                   .wait_ms = request->wait_ms,
                                   .tick_ms = request->term.live ? TICK_MS : 0};
    struct origin_look *look;
    pthread_t preparer;
    bool preparing;
    int64_t began = ctx_now_ns();

    holder.out = NULL;
    holder_set_out(&holder, request->out_dir);
    prepare_boards(session, &options);
    look = begin_run(session);
    preparing = pthread_create(&preparer, NULL, prepare_reports, NULL) == 0;
    test_boards(session, &options);
    name_logs(session);
    free(holder.out);
    claims_close(session->claims);
    session->claims = NULL;
    run->took_us = (ctx_now_ns() - began) / 1000;
    find_origin(session, look);
    judge_run(run);
    if (preparing)
        pthread_join(preparer, NULL);
    return rundir_write_run(request->out_dir, run, err);
}

static void session_done(struct session *session)
{
    live_close(session->live);
    event_log_close(session->log, NULL);
    event_log_close(session->stream, NULL);
    events_free(session->events);
    remember_close(&session->memory);
    notifier_close(session->notifier);
    run_result_done(&session->run);
    claims_close(session->claims);
    free(session->boards);
    plan_done(&session->plan);
    testplan_free(session->tests);
    inventory_close(&session->inventory);
    servers_forget(&session->servers);
    strv_done(&session->released);
    close_fd(&session->lock_fd);
    guard_stop(session->guard);
}

static int run_session(struct session_request *request, struct outlet *outlet, enum verdict *ret,
                       struct err *err)
{
    struct session session = {.request = request, .outlet = outlet, .lock_fd = -1};
    int rc = guard_start(&session.guard, err);

    session.ctx = ctx_root(request->cancel_fd, session.guard);
    session.events = events_new();
    if (rc == 0)
        rc = prepare(&session, err);
    if (rc == 0 && session.lock_fd < 0) {
        *ret = VERDICT_PASS;
        if (request->verbosity >= 0)
            fprintf(request->term.out, "nothing is due\n");
    } else if (rc == 0) {
        struct err run_err = {0};
        session_open_store(&session);
        session_open_notifier(&session);
        session_estimate(&session);
        if (run_jobs(&session, &run_err) < 0)
            session_report_failed(&session, &run_err);
        session_tell(&session);
        remember_send(&session.memory);
        session_forget(&session);
        *ret = session.run.verdict;
    }
    session_done(&session);
    return rc;
}

int session_run(struct session_request *request, enum verdict *ret, struct err *err)
{
    struct term term = request->term;
    struct outlet *outlet;
    int rc = outlet_open(term.out, request->cancel_fd, &outlet, err);

    if (rc < 0)
        return rc;
    request->term.out = outlet_stream(outlet);
    rc = run_session(request, outlet, ret, err);
    outlet_close(outlet);
    request->term = term;
    return rc;
}
