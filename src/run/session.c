/* SPDX-License-Identifier: MIT */
#include "run/session.h"

#include "base/ctx.h"
#include "base/fs.h"
#include "base/guard.h"
#include "base/str.h"
#include "board/inventory.h"
#include "notify/notifier.h"
#include "remote/servers.h"
#include "run/blame.h"
#include "run/judge.h"
#include "run/origin.h"
#include "run/pool.h"
#include "run/quarantine.h"
#include "run/rundir.h"
#include "store/prune.h"
#include "store/spool.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS 200 /* of the elapsed times on a terminal */

struct session {
    struct session_request *request;
    struct ctx ctx;
    struct guard *guard;
    struct inventory inventory;
    struct testplan *tests;
    struct plan plan;
    struct board **boards; /* that some job may run on */
    size_t board_count;
    struct claims *claims;
    struct store *store;       /* NULL: history is not to be had, which stops no run */
    bool scratch;              /* it is in memory: the database is away, the spool gets it */
    struct notifier *notifier; /* NULL: nobody is told */
    struct events *events;
    struct event_sink *live, *log, *stream;
    struct servers servers;
    struct run_result run;
    struct strv released; /* boards that a health check took out of quarantine */
    int lock_fd;          /* of the run directory; -1: not ours yet */
};

static void warn(struct session *session, const char *text)
{
    event_emit(session->events, (struct event){.kind = EVENT_WARNING, .text = text});
}

/* ---- before: all that can be wrong with the request -------------------------------------- */

static int check_write(const struct session *session, const struct test_conf *test, struct err *err)
{
    int rc = inventory_check_memory(&session->inventory, &test->write, err);

    return rc < 0 ? err_wrap(err, "%s:%d: test '%s': write", session->tests->file, test->node->line,
                             test->name)
                  : 0;
}

static int load_tests(struct session *session, struct err *err)
{
    struct diags diags = {0};
    int rc = testplan_load(session->request->plan_path, &session->tests, &diags, err);

    if (diags.messages.count)
        rc = diags_check(&diags, err);
    diags_done(&diags);
    if (rc == -ERR_NOT_FOUND) {
        err->code = ERR_USAGE;
        rc = -ERR_USAGE;
    }
    for (size_t i = 0; rc == 0 && i < session->tests->count; i++)
        rc = check_write(session, &session->tests->tests[i], err);
    return rc;
}

static struct board *opened(const struct session *session, const struct board_conf *conf)
{
    return inventory_board(&session->inventory, conf);
}

static int check_parse(const struct job *job, const struct board_conf *board, struct err *err)
{
    struct job here = job_on_board(job, board);
    struct job_result *scratch = job_result_new();
    struct parser *parser = NULL;
    int rc = parser_new(&here.parse, NULL, scratch, &parser, err);

    parser_free(parser);
    job_result_free(scratch);
    return rc;
}

static int check_image(const struct job *job, struct board *board, struct err *err)
{
    board_allow(board, &job->write);
    return board_accepts(board, job->image, err);
}

/* True where `job` only repeats the one before it. */
static bool is_repeat(const struct job *job, const struct job *before)
{
    return job->image == before->image && job->board_count == before->board_count &&
           strv_equal(&job->write, &before->write) &&
           !memcmp(job->boards, before->boards, job->board_count * sizeof *job->boards);
}

/* Nobody but a server's hil can go on without this one. */
static int check_detach(const struct session *session, struct err *err)
{
    const struct plan *plan = &session->plan;

    for (size_t j = 0; session->request->detach && j < plan->count; j++)
        for (size_t b = 0; b < plan->jobs[j].board_count; b++)
            if (!plan->jobs[j].boards[b]->server)
                return err_set(err, ERR_USAGE,
                               "--detach is for boards of servers that have hil, and %s is none",
                               plan->jobs[j].boards[b]->name);
    return 0;
}

/* Images must fit the boards they may land on, and formats must exist. */
static int check_jobs(const struct session *session, struct err *err)
{
    const struct plan *plan = &session->plan;
    int rc = check_detach(session, err);

    for (size_t j = 0; j < plan->count && rc == 0; j++) {
        const struct job *job = &plan->jobs[j];
        if (j && is_repeat(job, job - 1))
            continue;
        for (size_t b = 0; b < job->board_count && rc == 0; b++) {
            rc = check_parse(job, job->boards[b], err);
            if (rc == 0 && job->image)
                rc = check_image(job, opened(session, job->boards[b]), err);
        }
    }
    return rc;
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

static void open_store(struct session *session)
{
    cleanup_free char *dir = fs_state_dir();
    struct err err = {0};

    if (session->store ||
        store_open(&session->inventory.lab->store, dir, true, &session->store, &err) == 0)
        return;
    session->scratch =
        session->inventory.lab->store.url && store_scratch(&session->store, NULL) == 0;
    err_wrap(&err, session->scratch ? "what this run has to remember waits on this host"
                                    : "no history is kept");
    warn(session, err.message);
}

static void estimate(struct session *session)
{
    for (size_t i = 0; session->store && i < session->plan.count; i++) {
        struct job *job = &session->plan.jobs[i];
        cleanup_strv struct strv boards = {0};
        for (size_t b = 0; b < job->board_count; b++)
            strv_add(&boards, job->boards[b]->name);
        job->estimate_us =
            store_duration(session->store, session->inventory.lab->name, job->name, &boards);
    }
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

    if (session->request->health == HEALTH_ALL || !session->store)
        return true;
    if (store_quarantined(session->store, lab, board->name, &quarantine))
        return true;
    return every_us &&
           ctx_unix_us() - store_last_start_us(session->store, lab, board->name, PLAN_HEALTH) >=
               every_us;
}

static int plan_jobs(struct session *session, struct err *err)
{
    struct session_request *request = session->request;

    request->plan.lab = session->inventory.lab;
    request->plan.reads = true;
    if (request->health) {
        open_store(session);
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
        rc = load_tests(session, err);
    /* Images are looked at before the last run's results make room; builds need the directory, and
     * downloads the log. */
    if (rc == 0 && !later)
        rc = plan_jobs(session, err);
    if (rc == 0 && !later)
        rc = check_jobs(session, err);
    if (rc == 0 && request->health && !session->plan.count)
        return 0;
    if (rc == 0)
        rc = rundir_prepare(request->out_dir, &session->lock_fd, err);
    if (rc == 0)
        rc = open_sinks(session, err);
    if (rc == 0 && later)
        rc = plan_jobs(session, err);
    if (rc == 0 && later)
        rc = check_jobs(session, err);
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
            quarantine_add(session->store, run->lab, board, newest->reason, session->events,
                           session->notifier);
    }
}

/* A board that was not to be had, or a run that was cancelled, says nothing of it. */
static void settle_health(struct session *session, const struct job_result *job)
{
    const char *lab = session->run.lab;
    cleanup_free char *reason = xasprintf("health check: %s", job->reason);
    bool was = false;

    if (job->verdict == VERDICT_PASS && session->store &&
        store_release(session->store, lab, job->board, &was, NULL) == 0 && was) {
        strv_add(&session->released, job->board);
        notifier_board(session->notifier, NOTICE_RELEASE, job->board,
                       "passes its health check, and is out of quarantine");
    }
    if (job->verdict != VERDICT_PASS && job->took_us && job->end != END_CANCELLED &&
        !ctx_cancelled(&session->ctx) && !job->gave_up && !job->lost)
        quarantine_add(session->store, lab, job->board, reason, session->events, session->notifier);
}

static void tell_away(struct session *session)
{
    for (size_t i = 0; i < session->servers.count; i++)
        if (session->servers.looks[i].away)
            warn(session, session->servers.looks[i].away);
}

/* Beside the boards' work. */
static void *prepare_reports(void *arg)
{
    (void)arg;
    report_prepare();
    return NULL;
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

    options.claims = session->claims =
        claims_open(session->inventory.lab, session->inventory.runtime_dir);
    holder.out = NULL;
    holder_set_out(&holder, request->out_dir);
    tell_away(session);
    if (!request->health)
        quarantine_leave_out(session->store, session->inventory.lab, session->plan.jobs,
                             session->plan.count, session->events);
    collect_boards(session);
    options.boards = session->boards;
    options.board_count = session->board_count;
    run->lab = session->inventory.lab->name;
    run->version = request->version;
    run->started_unix_us = ctx_unix_us();
    if (request->detach) /* what hil collect knows of it, should nobody end it here */
        rundir_write_run(request->out_dir, run, NULL);
    run->jobs = xcalloc(session->plan.count, sizeof *run->jobs);
    event_emit(session->events,
               (struct event){.kind = EVENT_RUN_START, .number = session->plan.count});
    look = origin_look_begin(request->plan_path);
    preparing = pthread_create(&preparer, NULL, prepare_reports, NULL) == 0;
    pool_run(&options, session->plan.jobs, session->plan.count, &session->ctx, run->jobs);
    run->count = session->plan.count;
    if (!request->no_quarantine)
        find_broken_boards(session);
    if (request->blame)
        blame_run(&options, &request->plan, session->plan.jobs, run->jobs, run->count,
                  &session->ctx);
    for (size_t i = 0; request->health && i < run->count; i++)
        settle_health(session, run->jobs[i]);
    name_logs(session);
    free(holder.out);
    run->took_us = (ctx_now_ns() - began) / 1000;
    find_origin(session, look);
    judge_run(run);
    if (preparing)
        pthread_join(preparer, NULL);
    return rundir_write_run(request->out_dir, run, err);
}

/* ---- after: tell everybody --------------------------------------------------------------- */

/* Into the spool; `with`: what was written meanwhile goes with it. */
static int keep(struct session *session, struct store *with, const char *state_dir, struct err *err)
{
    struct store *scratch = with;
    int rc = with ? 0 : store_scratch(&scratch, err);

    if (rc == 0)
        rc = store_record(scratch, &session->run, err);
    if (rc == 0)
        rc = spool_keep(state_dir, session->run.lab, scratch, err);
    if (!with)
        store_close(scratch);
    return rc;
}

/* Who finds that others wait stands behind them, so that runs are remembered in their order. A run
 * that the server has though nobody heard of it is known by the import. */
static void remember(struct session *session)
{
    cleanup_free char *dir = fs_state_dir();
    bool may_wait = session->inventory.lab->store.url;
    struct spool_waiting waiting = {0};
    struct err err = {0};
    int rc;

    if (!session->store)
        return;
    if (may_wait)
        spool_look(dir, session->run.lab, &waiting);
    if (session->scratch || waiting.files)
        rc = keep(session, session->scratch ? session->store : NULL, dir, &err);
    else
        rc = store_record(session->store, &session->run, &err);
    if (rc < 0 && may_wait && !session->scratch && !waiting.files) {
        err_wrap(&err, "what this run has to remember waits on this host");
        warn(session, err.message);
        rc = keep(session, NULL, dir, &err);
    }
    if (rc < 0)
        warn(session, err.message);
}

/* After the verdict is told, and for a bounded time: what waits from when the database was away. */
static void send_waiting(struct session *session)
{
    cleanup_free char *dir = fs_state_dir();
    size_t sent;

    if (session->store && !session->scratch && session->inventory.lab->store.url)
        spool_send(dir, session->run.lab, session->store, SPOOL_SEND_MS, &sent, NULL);
}

/* After the verdict is told: what is old is nobody's hurry. */
static void forget(struct session *session)
{
    if (session->store && !session->scratch)
        store_prune(session->store, session->run.lab, &session->inventory.lab->store, ctx_unix_us(),
                    false, NULL, NULL);
}

/* News must not be in the way of what they are about: what is wrong with them is a warning. */
static void open_notifier(struct session *session)
{
    cleanup_free char *dir = fs_state_dir();
    struct err err = {0};

    session->notifier = notifier_open(session->inventory.lab, dir, &err);
    if (err.code)
        warn(session, err.message);
}

/* hil watch tells of its tries itself, and who has cancelled a run knows of it. */
static void notify_of_run(struct session *session)
{
    if (!session->request->no_quarantine && !ctx_cancelled(&session->ctx))
        notifier_run(session->notifier, &session->run);
    if (*notifier_trouble(session->notifier))
        warn(session, notifier_trouble(session->notifier));
}

/* A run whose report cannot be written is never green. */
static void report_failed(struct session *session, const struct err *err)
{
    session->run.verdict = verdict_worse(session->run.verdict, VERDICT_INFRA);
    warn(session, err->message);
}

/* All that can be written, whatever becomes of the others. */
static void write_reports(struct session *session)
{
    const struct session_request *request = session->request;
    struct err err = {0};

    for (size_t i = 0; report_formats[i]; i++) {
        cleanup_free char *path = fs_join(request->out_dir, report_formats[i]->file);
        if (report_write(report_formats[i], &session->run, path, &err) < 0)
            report_failed(session, &err);
    }
    if (report_orders_write(&request->reports, &session->run, &err) < 0)
        report_failed(session, &err);
    if (report_step_summary(&session->run, origin_step_summary(), &err) < 0)
        report_failed(session, &err);
}

/* The same once the sinks have gone. */
static void report_failed_late(struct session *session, const struct err *err)
{
    session->run.verdict = verdict_worse(session->run.verdict, VERDICT_INFRA);
    fprintf(session->request->term.out, "hil: warning: %s\n", err->message);
}

static void tell(struct session *session)
{
    struct err err = {0};

    write_reports(session);
    remember(session);
    notify_of_run(session);
    event_emit(session->events, (struct event){.kind = EVENT_RUN_END, .run = &session->run});
    live_close(session->live);
    session->live = NULL;
    if (event_log_close(session->log, &err) < 0)
        report_failed_late(session, &err);
    session->log = NULL;
    if (report_step_outputs(&session->run, session->request->out_dir, origin_step_outputs(), &err) <
        0)
        report_failed_late(session, &err);
    if (session->request->annotations)
        report_annotations(&session->run, session->request->term.out);
    if (session->request->verbosity < 0)
        fprintf(session->request->term.out, "%s\n", verdict_name(session->run.verdict));
    else
        report_terminal(&session->run, session->request->out_dir, &session->request->term);
    for (size_t i = 0; session->request->verbosity >= 0 && i < session->released.count; i++)
        fprintf(session->request->term.out, "%s: is well again: out of quarantine\n",
                session->released.items[i]);
}

static void session_done(struct session *session)
{
    live_close(session->live);
    event_log_close(session->log, NULL);
    event_log_close(session->stream, NULL);
    events_free(session->events);
    store_close(session->store);
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

int session_run(struct session_request *request, enum verdict *ret, struct err *err)
{
    struct session session = {.request = request, .lock_fd = -1};
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
        open_store(&session);
        open_notifier(&session);
        estimate(&session);
        if (run_jobs(&session, &run_err) < 0)
            report_failed(&session, &run_err);
        tell(&session);
        send_waiting(&session);
        forget(&session);
        *ret = session.run.verdict;
    }
    session_done(&session);
    return rc;
}
