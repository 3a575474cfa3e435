/* SPDX-License-Identifier: MIT */
#include "run/remote_job.h"

#include "base/ctx.h"
#include "base/fs.h"
#include "remote/server.h"
#include "run/detached.h"
#include "run/judge.h"
#include "run/remote_args.h"
#include "run/remote_events.h"
#include "run/replay.h"
#include "run/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_IDLE_MS 5000 /* less than LINK_DEAD_MS */

/* ---- the command line there -------------------------------------------------------------- */

static void add_parse(struct strv *args, const struct job *job)
{
    const struct parse_options *parse = &job->parse;
    bool regex = str_eq(parse->format, "regex");

    remote_option(args, "--format", regex ? NULL : parse->format);
    remote_option(args, "--pass", parse->pass);
    remote_option(args, "--fail", parse->fail);
    remote_option(args, "--skip", parse->skip);
    remote_option(args, "--end", parse->end);
    if (parse->resets_expected)
        strv_add(args, "--expect-resets");
    remote_option(args, "--build-id", parse->identity.build_id);
    if (parse->identity.required)
        strv_add(args, "--require-build-id");
    if (parse->identity.ask_nonce)
        strv_add(args, "--nonce");
}

static void add_expect(struct strv *args, const struct expect *expect)
{
    if (expect->tests) {
        strv_add(args, "--expect-tests");
        strv_addf(args, "%" PRIu64, expect->tests);
    }
    for (size_t i = 0; i < expect->require.count; i++)
        remote_option(args, "--require", expect->require.items[i]);
}

/* `waited_ms`: of the time for the board. */
static void make_args(const struct remote_job *how, int64_t waited_ms, struct strv *args)
{
    const struct job *job = how->job;
    struct timeouts timeouts = timeouts_merge(how->board->timeouts, job->timeouts);
    int64_t wait_ms = how->wait_ms < 0 ? timeouts.lease : how->wait_ms;

    if (wait_ms > 0)
        wait_ms = wait_ms > waited_ms ? wait_ms - waited_ms : 0;
    remote_option(args, "--board", how->board->there);
    strv_add(args, "--confirm");
    remote_option(args, "--events", "/dev/stderr");
    strv_add(args, "--quiet");
    for (size_t i = 0; i < job->write.count; i++)
        remote_option(args, "--write", job->write.items[i]);
    remote_at(args, job->image);
    remote_timeouts(args, &timeouts, wait_ms);
    add_parse(args, job);
    add_expect(args, &job->expect);
}

/* ---- there ------------------------------------------------------------------------------- */

/* What goes on there, as far as it is ours to decide. */
struct watch {
    struct remote_events told; /* first: its events come through here */
    const struct remote_job *how;
    struct ctx ctx;      /* of the wait for the board, then of the job */
    int cancel_fd;       /* of the job */
    int64_t had_unix_us; /* when the board was ours, by this host's clock; 0: never */
    struct job_result *begun;
    bool opened;             /* a connection was there */
    bool heard;              /* hil there has begun to tell */
    bool ended;              /* and has ended with the link there */
    char key[KEPT_KEY_SIZE]; /* "": it does not outlive the link */
    int go_fd;               /* a byte lets it begin, the end lets the board go; -1: said */
};

/* Before it may begin, so that it is found whatever becomes of us. False: it must not. */
static bool note(struct watch *watch)
{
    const struct remote_job *how = watch->how;
    struct job here = job_on_board(how->job, how->board);
    struct err err = {0};

    if (rundir_write_job(how->work_dir, watch->begun, &here, &err) == 0 &&
        detached_write(how->work_dir, how->board->server->name, watch->key, false, &err) == 0)
        watch->begun->detached = true;
    else
        event_emit(how->events, (struct event){.kind = EVENT_WARNING, .text = err.message});
    return watch->begun->detached;
}

static bool leave(void *arg)
{
    const struct watch *watch = arg;

    return watch->begun->detached;
}

static void answer(struct watch *watch)
{
    if (watch->go_fd < 0)
        return;
    if (watch->how->claim(watch->how->arg)) {
        watch->ctx.cancel_fd = watch->cancel_fd;
        watch->had_unix_us = ctx_unix_us();
        watch->begun->started_unix_us = watch->had_unix_us;
        if (!watch->key[0] || note(watch))
            (void)!write(watch->go_fd, "\n", 1);
    }
    close_fd(&watch->go_fd);
}

static void take_output(void *arg, bool errors, const char *bytes, size_t count)
{
    struct watch *watch = arg;

    watch->heard = true;
    remote_events_take(&watch->told, errors, bytes, count);
    if (watch->told.leased)
        answer(watch);
}

/* ---- the connection ---------------------------------------------------------------------- */

void remote_line_close(struct remote_line *line)
{
    server_close(line->server);
    *line = (struct remote_line){.server = NULL};
}

/* One that has rested for longer than this is not kept: nobody pings meanwhile. */
static bool is_fresh(const struct remote_line *line)
{
    return line->server && ctx_now_ns() - line->used_ns < LINE_IDLE_MS * INT64_C(1000000);
}

static void warn(const struct watch *watch, const char *why, const char *then)
{
    cleanup_free char *text = xasprintf("%s; %s", why, then);

    event_emit(watch->how->events, (struct event){.kind = EVENT_WARNING, .text = text});
}

static int open_line(struct watch *watch, struct err *err)
{
    struct remote_line *line = watch->how->line;
    const struct server_conf *conf = watch->how->board->server;
    int rc;

    remote_line_close(line);
    rc = server_open(conf, &watch->ctx, &line->server, err);
    if (rc == 0 && server_trouble(line->server)) {
        cleanup_free char *why =
            xasprintf("server %s: %s", conf->name, server_trouble(line->server));
        warn(watch, why, "the next login went well");
    }
    return rc;
}

static int do_once(struct watch *watch, struct server_call *call, int64_t began_ns, int *ret_code,
                   struct err *err)
{
    struct remote_line *line = watch->how->line;
    int rc = is_fresh(line) ? 0 : open_line(watch, err);

    watch->opened = rc == 0;
    if (rc == 0) {
        strv_done(&call->args);
        make_args(watch->how, (ctx_now_ns() - began_ns) / 1000000, &call->args);
        rc = server_do(line->server, call, &watch->ctx, ret_code, err);
    }
    line->used_ns = ctx_now_ns();
    return rc;
}

/* Before the board is had, nothing was begun: those there give up what they hear nothing more of. A
 * host that is not to be reached at all is not asked again. */
static bool may_begin_anew(const struct watch *watch, int rc)
{
    bool silent = rc == -ERR_TIMEOUT && ctx_left_ms(&watch->ctx) > 0;

    return !watch->told.leased && (silent || (rc == -ERR_GONE && watch->opened));
}

/* A connection that breaks is made anew once. The run there that was asked for on it may not have
 * noticed yet, so that the next one is another one, of another key. One that broke while it rested
 * between two jobs is nobody's to hear of. */
static int do_on_line(struct watch *watch, struct server_call *call, int *ret_code, struct err *err)
{
    int64_t began_ns = ctx_now_ns();

    for (bool again = true;;) {
        bool rested = is_fresh(watch->how->line);
        int rc = do_once(watch, call, began_ns, ret_code, err);
        bool unseen = rested && !watch->heard && rc == -ERR_GONE;
        if (!may_begin_anew(watch, rc) || (!again && !unseen))
            return rc;
        if (!unseen) {
            warn(watch, err->message, "nothing had begun there, so it is tried once more");
            again = false;
        }
        remote_line_close(watch->how->line);
        remote_events_forget(&watch->told);
        if (watch->key[0] && kept_key_make(watch->key, err) < 0)
            return -(int)err->code;
    }
}

static int do_there(struct watch *watch, struct server_call *call, struct err *err)
{
    const struct server_conf *conf = watch->how->board->server;
    const struct remote_events *told = &watch->told;
    cleanup_free char *marker = fs_join(call->dir, "job.json");
    int code = 0, rc = do_on_line(watch, call, &code, err);

    watch->ended = rc == 0;
    if (rc == 0 && !told->finished)
        return err_set(err, ERR_TOOL, "server %s: hil run ended with %d there%s%s", conf->name,
                       code, told->words.size ? ": " : "", told->words.data);
    return rc == 0 && !fs_exists(marker)
               ? err_set(err, ERR_PROTOCOL, "server %s: sent no job.json%s%s", conf->name,
                         told->words.size ? ": " : "", told->words.data)
               : rc;
}

/* What of the log had come when the link broke can be read as one whose console vanished. */
static void mark_broken_off(const struct remote_job *how, const struct remote_events *told, int rc,
                            struct job_result *begun)
{
    cleanup_free char *log = fs_join(how->work_dir, "uart.log");
    struct stat info;

    if (stat(log, &info) < 0)
        return;
    begun->end = rc == -ERR_CANCELLED ? END_CANCELLED : END_GONE;
    begun->capture.bytes = (uint64_t)info.st_size;
    begun->capture.before_reset = told->reset_bytes;
    begun->capture.reset_us = told->reset_us;
}

/* What came is broken, and hil collect would find the same there. */
static bool is_broken_there(int rc)
{
    return rc == -ERR_PROTOCOL || rc == -ERR_DATA || rc == -ERR_LIMIT || rc == -ERR_NOT_FOUND ||
           rc == -ERR_TOOL;
}

/* The server may forget it once its files are here for good: from then on it is `home`, and stays
 * so until the history has it (session_remember), for hil may be killed at any of these lines. */
static void settle(struct watch *watch, int rc)
{
    const struct remote_job *how = watch->how;
    struct err err = {0};

    if (rc < 0 && !is_broken_there(rc))
        return; /* as with a disk that is full here: there it is whole */
    watch->begun->detached = false;
    if (rc < 0)
        detached_remove(how->work_dir);
    else if (detached_write(how->work_dir, how->board->server->name, watch->key, true, &err) < 0) {
        event_emit(how->events, (struct event){.kind = EVENT_WARNING, .text = err.message});
        return;
    }
    server_forget(how->line->server, watch->key, &watch->ctx, NULL);
}

/* `rc`: what became of it there. */
static int bring_home(struct watch *watch, int rc, struct err *err)
{
    const struct remote_job *how = watch->how;
    struct job_result *begun = watch->begun;

    if (watch->had_unix_us)
        begun->started_unix_us = watch->had_unix_us;
    if (rc < 0 && watch->told.tested)
        mark_broken_off(how, &watch->told, rc, begun);
    if (rc == 0)
        rc = remote_job_adopt(how->job, how->work_dir, begun, err);
    if (watch->ended && begun->detached)
        settle(watch, rc);
    if (!watch->ended || ctx_cancelled(&watch->ctx))
        remote_line_close(how->line);
    return rc;
}

/* `begun` begins when the board is had. */
static int run_there(const struct remote_job *how, const struct ctx *ctx, struct job_result *begun,
                     struct err *err)
{
    cleanup_free char *behalf = holder_for(how->holder);
    struct watch watch = {.told = {.events = how->events,
                                   .board = how->board->name,
                                   .test = how->job->name,
                                   .words = BUF_INIT(1024)},
                          .how = how,
                          .begun = begun,
                          .ctx = *ctx,
                          .cancel_fd = ctx->cancel_fd,
                          .go_fd = -1};
    struct server_call call = {.verb = "run",
                               .image = how->job->image,
                               .behalf = behalf,
                               .out_option = "--out",
                               .dir = how->work_dir,
                               .files = rundir_job_files,
                               .follow = rundir_growing_files,
                               .output = take_output,
                               .leave = leave,
                               .arg = &watch};
    int go[2], rc;

    if (how->detach) {
        if (kept_key_make(watch.key, err) < 0)
            return -(int)err->code;
        call.keep = watch.key;
    }
    if (pipe2(go, O_CLOEXEC) < 0)
        return err_sys(err, errno, "pipe");
    call.in_fd = go[0];
    watch.go_fd = go[1];
    watch.ctx.cancel_fd = how->stop_fd;
    event_emit(how->events, (struct event){.kind = EVENT_STATE,
                                           .board = how->board->name,
                                           .test = how->job->name,
                                           .text = "server"});
    rc = bring_home(&watch, do_there(&watch, &call, err), err);
    close_fd(&call.in_fd);
    close_fd(&watch.go_fd);
    strv_done(&call.args);
    remote_events_done(&watch.told);
    return rc;
}

/* ---- here again -------------------------------------------------------------------------- */

/* A path that the lab's fault begins with is one of that host. */
static void name_server(struct job_result *there)
{
    int length = (int)strcspn(there->board, "/");

    if (there->verdict == VERDICT_INFRA && there->reason[0] == '/')
        there->reason =
            arena_printf(&there->arena, "server %.*s: %s", length, there->board, there->reason);
}

int remote_job_adopt(const struct job *job, const char *work_dir, const struct job_result *begun,
                     struct err *err)
{
    struct job_result *there = job_result_new();
    struct job ran = {0};
    int rc = rundir_read_job(work_dir, there, &ran, err);

    if (rc == 0 && !str_eq(there->image.sha256, begun->image.sha256))
        rc = err_set(err, ERR_PROTOCOL, "another image was run there");
    if (rc == 0) {
        there->name = begun->name;
        there->board = begun->board;
        there->labels = begun->labels;
        there->image = begun->image;
        name_server(there);
        there->started_unix_us = begun->started_unix_us;
        ran.retries = job->retries;
        ran.flaky_fails = job->flaky_fails;
        job_drop_earlier(there);
        there->earlier = begun->earlier; /* lent */
        there->earlier_count = begun->earlier_count;
        rc = rundir_write_job(work_dir, there, &ran, err);
        there->earlier = NULL;
        there->earlier_count = 0;
    }
    job_done(&ran);
    job_result_free(there);
    return rc;
}

/* As hil replay would. */
static int read_back(const char *work_dir, struct job_result **ret, struct err *err)
{
    const struct replay_options options = {.image = NULL};
    struct run_result run = {0};
    int rc = replay_path(work_dir, &options, &run, err);

    if (rc == 0) {
        *ret = run.jobs[0];
        run.count = 0;
    }
    run_result_done(&run);
    return rc;
}

/* The result takes over what the pool knows of the attempt. */
static struct job_result *inherit(struct job_result *result, struct job_result *begun)
{
    job_drop_earlier(result);
    result->earlier = begun->earlier;
    result->earlier_count = begun->earlier_count;
    result->dir = arena_strdup(&result->arena, begun->dir);
    begun->earlier = NULL;
    begun->earlier_count = 0;
    job_result_free(begun);
    return result;
}

/* The server gave none: infra, with what of the log is here. */
static struct job_result *broken_off(const struct remote_job *how, struct job_result *begun, int rc,
                                     struct err *err)
{
    struct job here = job_on_board(how->job, how->board);
    struct job_result *result = NULL;

    if (begun->detached)
        err_wrap(err, "goes on there, and hil collect has its result");
    judge_infra(begun, rc == -ERR_CANCELLED && begun->detached
                           ? "left at work there: hil collect has its result"
                       : rc == -ERR_CANCELLED ? "cancelled"
                                              : err->message);
    rc = rundir_write_job(how->work_dir, begun, &here, err);
    if (rc < 0)
        event_emit(how->events, (struct event){.kind = EVENT_WARNING, .text = err->message});
    if (rc == 0 && begun->end != END_NONE && !begun->detached &&
        read_back(how->work_dir, &result, NULL) == 0)
        return inherit(result, begun);
    return begun;
}

struct job_result *remote_job_run(const struct remote_job *how, const struct ctx *ctx,
                                  struct job_result *begun)
{
    struct job_result *result = NULL;
    int64_t began = ctx_now_ns();
    struct err err = {0};
    int rc = fs_mkdirs(how->work_dir, 0777, &err);

    if (rc == 0)
        rc = run_there(how, ctx, begun, &err);
    if (rc == 0)
        rc = read_back(how->work_dir, &result, &err);
    if (rc == 0)
        return inherit(result, begun);
    begun->took_us = (ctx_now_ns() - began) / 1000;
    return broken_off(how, begun, rc, &err);
}
