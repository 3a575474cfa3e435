/* SPDX-License-Identifier: MIT */
#include "run/remote_job.h"

#include "base/fs.h"
#include "remote/server.h"
#include "run/judge.h"
#include "run/remote_args.h"
#include "run/remote_events.h"
#include "run/replay.h"
#include "run/rundir.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

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

static void make_args(const struct job *job, const struct board_conf *board, int64_t wait_ms,
                      struct strv *args)
{
    struct timeouts timeouts = timeouts_merge(board->timeouts, job->timeouts);

    remote_option(args, "--board", board->there);
    remote_option(args, "--events", "/dev/stderr");
    strv_add(args, "--quiet");
    remote_at(args, job->image);
    remote_timeouts(args, &timeouts, wait_ms);
    add_parse(args, job);
    add_expect(args, &job->expect);
}

/* ---- there ------------------------------------------------------------------------------- */

static int run_there(const struct job *job, const struct board_conf *board, const char *work_dir,
                     int64_t wait_ms, struct events *events, const struct ctx *ctx, struct err *err)
{
    struct remote_events told = {
        .events = events, .board = board->name, .test = job->name, .words = BUF_INIT(1024)};
    struct server_call call = {.verb = "run",
                               .image = job->image,
                               .out_option = "--out",
                               .dir = work_dir,
                               .files = rundir_job_files,
                               .output = remote_events_take,
                               .arg = &told};
    cleanup_free char *marker = fs_join(work_dir, "job.json");
    struct server *server = NULL;
    int code = 0, rc;

    make_args(job, board, wait_ms, &call.args);
    event_emit(events,
               (struct event){
                   .kind = EVENT_STATE, .board = board->name, .test = job->name, .text = "server"});
    rc = server_open(board->server, ctx, &server, err);
    if (rc == 0)
        rc = server_do(server, &call, ctx, &code, err);
    if (rc == 0 && !told.finished)
        rc = err_set(err, ERR_TOOL, "server %s: hil run ended with %d there%s%s",
                     board->server->name, code, told.words.size ? ": " : "", told.words.data);
    server_close(server);
    strv_done(&call.args);
    remote_events_done(&told);
    return rc == 0 && !fs_exists(marker)
               ? err_set(err, ERR_PROTOCOL, "server %s: sent no job.json", board->server->name)
               : rc;
}

/* ---- here again -------------------------------------------------------------------------- */

/* The job as it ran there, under the names that it has here. */
static int adopt(const struct job *job, const char *work_dir, const struct job_result *begun,
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

struct job_result *remote_job_run(const struct job *job, const struct board_conf *board,
                                  const char *work_dir, int64_t wait_ms, struct events *events,
                                  const struct ctx *ctx, struct job_result *begun)
{
    struct job here = job_on_board(job, board);
    struct job_result *result = NULL;
    int64_t began = ctx_now_ns();
    struct err err = {0};
    int rc = fs_mkdirs(work_dir, 0777, &err);

    if (rc == 0)
        rc = run_there(job, board, work_dir, wait_ms, events, ctx, &err);
    if (rc == 0)
        rc = adopt(job, work_dir, begun, &err);
    if (rc == 0)
        rc = read_back(work_dir, &result, &err);
    if (rc == 0)
        return inherit(result, begun);
    begun->took_us = (ctx_now_ns() - began) / 1000;
    if (rc == -ERR_CANCELLED)
        begun->end = END_NONE;
    judge_infra(begun, rc == -ERR_CANCELLED ? "cancelled" : err.message);
    if (rundir_write_job(work_dir, begun, &here, &err) < 0)
        event_emit(events, (struct event){.kind = EVENT_WARNING, .text = err.message});
    return begun;
}
