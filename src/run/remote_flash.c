/* SPDX-License-Identifier: MIT */
#include "run/remote_flash.h"

#include "base/fs.h"
#include "base/json.h"
#include "remote/server.h"
#include "run/remote_args.h"
#include "run/remote_events.h"

#define ANSWER_MAX ((size_t)1 << 20)

static void make_args(const struct remote_flash *how, struct strv *args)
{
    struct timeouts timeouts = timeouts_merge(how->board->timeouts, how->job->timeouts);

    remote_option(args, "--board", how->board->there);
    remote_option(args, "--events", "/dev/stderr");
    strv_add(args, "--quiet");
    strv_add(args, "--json");
    if (how->if_changed)
        strv_add(args, "--if-changed");
    if (how->no_reset)
        strv_add(args, "--no-reset");
    for (size_t i = 0; i < how->job->write.count; i++)
        remote_option(args, "--write", how->job->write.items[i]);
    remote_at(args, how->job->image);
    remote_timeouts(args, &timeouts, how->wait_ms);
}

/* What hil flash --json says of the one board. */
static int read_answer(const struct buf *out, struct flash_result *result, struct err *err)
{
    cJSON *json = NULL;
    const cJSON *board = NULL;
    const char *outcome;
    int rc = json_parse(out->data, out->size, ANSWER_MAX, "hil flash", &json, err);

    if (rc < 0)
        return rc;
    board = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(json, "boards"), 0);
    outcome = json_get_string(board, "outcome", "");
    if (str_eq(outcome, "flashed"))
        result->outcome = FLASH_DONE;
    else if (str_eq(outcome, "unchanged"))
        result->outcome = FLASH_UNCHANGED;
    else
        rc = err_set(err, ERR_TOOL, "%s", json_get_string(board, "reason", "no reason given"));
    cJSON_Delete(json);
    return rc;
}

static int flash_there(const struct remote_flash *how, const struct ctx *ctx,
                       struct flash_result *result, struct err *err)
{
    static const char *const files[] = {"flash.log", NULL};
    cleanup_free char *behalf = holder_for(how->holder);
    struct remote_events told = {.events = how->events,
                                 .board = how->board->name,
                                 .test = how->job->name,
                                 .words = BUF_INIT(1024),
                                 .out = BUF_INIT(ANSWER_MAX)};
    struct server_call call = {.verb = "flash",
                               .image = how->job->image,
                               .behalf = behalf,
                               .out_option = "--out",
                               .dir = how->work_dir,
                               .files = files,
                               .output = remote_events_take,
                               .arg = &told};
    struct server *server = NULL;
    int code = 0, rc = server_open(how->board->server, ctx, &server, err);

    make_args(how, &call.args);
    if (rc == 0)
        rc = server_do(server, &call, ctx, &code, err);
    server_close(server);
    if (rc == 0 && told.out.size)
        rc = read_answer(&told.out, result, err);
    else if (rc == 0)
        rc = err_set(err, ERR_TOOL, "server %s: hil flash ended with %d there%s%s",
                     how->board->server->name, code, told.words.size ? ": " : "", told.words.data);
    strv_done(&call.args);
    remote_events_done(&told);
    return rc;
}

int remote_flash_run(const struct remote_flash *how, const struct ctx *ctx,
                     struct flash_result *result, struct err *err)
{
    int64_t began = ctx_now_ns();
    int rc = fs_mkdirs(how->work_dir, 0777, err);

    if (rc == 0)
        rc = flash_there(how, ctx, result, err);
    if (rc == -ERR_CANCELLED)
        err_set(err, ERR_CANCELLED, "cancelled");
    result->took_us = (ctx_now_ns() - began) / 1000;
    return rc;
}
