/* SPDX-License-Identifier: MIT */
#include "serve/page/web_parts.h"

#include "base/fs.h"
#include "base/hash.h"
#include "serve/page/place.h"
#include "serve/page/web/assets.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define METRICS_MAX ((size_t)4 << 20)
#define JSON "application/json"

/* ---- the page -------------------------------------------------------------------------------- */

static enum MHD_Result get_asset(struct web *web, struct MHD_Connection *connection,
                                 const char *path)
{
    static const struct {
        const char *path, *type, *bytes;
    } assets[] = {
        {"/", "text/html; charset=utf-8", page_html},
        {"/page.css", "text/css; charset=utf-8", page_css},
        {"/page.js", "text/javascript; charset=utf-8", page_js},
    };
    const char *known = web_header(web, connection, "If-None-Match");
    size_t i = 0;
    char digest[SHA256_HEX_SIZE], etag[32];

    while (!str_eq(assets[i].path, path))
        i++;
    sha256_hex(assets[i].bytes, strlen(assets[i].bytes), digest);
    snprintf(etag, sizeof etag, "\"%.16s\"", digest);
    struct web_answer answer = {.status = 200,
                                .type = assets[i].type,
                                .bytes = assets[i].bytes,
                                .size = strlen(assets[i].bytes),
                                .keeps = true,
                                .etag = etag};
    if (str_eq(known, etag)) {
        answer.status = 304;
        answer.size = 0;
    }
    return web_answer(web, connection, &answer);
}

/* ---- JSON and metrics ------------------------------------------------------------------------ */

static enum MHD_Result give_json(struct web *web, struct MHD_Connection *connection,
                                 struct json_out *out)
{
    enum MHD_Result done;

    json_end(out, NULL);
    done = web_answer(
        web, connection,
        &(struct web_answer){
            .status = 200, .type = JSON, .bytes = out->pending.data, .size = out->pending.size});
    json_done(out);
    return done;
}

static enum MHD_Result get_boards(struct web *web, struct web_call *call)
{
    struct page *page = web->page;
    struct json_out out;

    if (web_waits_for_look(web, call))
        return MHD_YES;
    json_begin(&out, -1, 0);
    json_object(&out);
    json_kv_int(&out, "schema", 1);
    json_kv_string(&out, "lab", page->inventory.lab->name);
    json_kv_string(&out, "store", page->store.why);
    json_key(&out, "boards");
    json_array(&out);
    for (size_t i = 0; i < page->inventory.lab->count; i++)
        page_put_board(page, &page->boards[i], &out);
    for (size_t i = 0; i < page->there.texts.count; i++)
        json_raw(&out, page->there.texts.items[i]);
    json_array_end(&out);
    json_object_end(&out);
    return give_json(web, call->connection, &out);
}

static enum MHD_Result get_history(struct web *web, struct web_call *call)
{
    struct MHD_Connection *connection = call->connection;
    const struct buf *text;
    struct err err = {0};

    if (!call->history &&
        page_history_ask(web->page, web_query(web, connection, "days"),
                         web_query(web, connection, "board"), web_query(web, connection, "test"),
                         &call->history, &err) < 0)
        return web_say(web, connection, 400, err.message);
    if (web_waits_for_history(web, call))
        return MHD_YES;
    if (!page_history_is_here(call->history))
        return web_say(web, connection, 503, "the store has too much to do; try again later");
    if (page_history_text(call->history, &text, &err) < 0)
        return web_say(web, connection, 503, err.message);
    return web_answer(
        web, connection,
        &(struct web_answer){.status = 200, .type = JSON, .bytes = text->data, .size = text->size});
}

static enum MHD_Result get_metrics(struct web *web, struct web_call *call)
{
    cleanup_buf struct buf out = BUF_INIT(METRICS_MAX);

    if (web_waits_for_look(web, call))
        return MHD_YES;
    page_metrics(web->page, &out);
    return web_answer(web, call->connection,
                      &(struct web_answer){.status = 200,
                                           .type = "text/plain; version=0.0.4; charset=utf-8",
                                           .bytes = out.data,
                                           .size = out.size});
}

/* ---- a run's files --------------------------------------------------------------------------- */

static void list_file(const struct run_follow *run, const char *dir, const char *name,
                      struct json_out *out)
{
    cleanup_free char *path = dir ? xasprintf("%s/%s", dir, name) : xstrdup(name);
    cleanup_close int fd = -1;

    if (place_open(run->out, path, &fd, NULL) == 0)
        json_string(out, path);
}

static enum MHD_Result get_run(struct web *web, struct MHD_Connection *connection,
                               const struct run_follow *run)
{
    static const char *const of_run[] = {"report.html", "junit.xml", "summary.md", "report.json",
                                         "events.jsonl"};
    static const char *const of_board[] = {"uart.log", "flash.log", "job.json"};
    struct json_out out;

    json_begin(&out, -1, 0);
    json_object(&out);
    json_kv_string(&out, "out", run->out);
    json_kv_string(&out, "verdict", run->verdict);
    json_key(&out, "files");
    json_array(&out);
    for (size_t i = 0; i < ARRAY_SIZE(of_run); i++)
        list_file(run, NULL, of_run[i], &out);
    for (size_t b = 0; b < run->count; b++)
        for (size_t i = 0; run->boards[b].dir && i < ARRAY_SIZE(of_board); i++)
            list_file(run, run->boards[b].dir, of_board[i], &out);
    json_array_end(&out);
    json_object_end(&out);
    return give_json(web, connection, &out);
}

/* A report runs its own script, by its own policy; in a sandbox, so that it is no page of ours: it
 * can neither read the lab's state nor ask for anything. */
#define FILE_POLICY                                                                           \
    "sandbox allow-scripts allow-popups allow-popups-to-escape-sandbox; default-src 'none'; " \
    "script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; " \
    "form-action 'none'; frame-ancestors 'none'"

static enum MHD_Result get_file(struct web *web, struct MHD_Connection *connection,
                                const struct run_follow *run, const char *name)
{
    const struct place_type *type = place_type(name);
    struct MHD_Response *response;
    struct stat info;
    enum MHD_Result done;
    int fd;

    if (!type || place_open(run->out, name, &fd, NULL) < 0)
        return web_say(web, connection, 404, "the run has no such file, or not any more");
    if (fstat(fd, &info) < 0)
        info.st_size = 0;
    response = web->api.create_response_from_fd((size_t)info.st_size, fd); /* closes it */
    if (!response) {
        close_fd(&fd);
        return MHD_NO;
    }
    web_guard(web, response, FILE_POLICY);
    web->api.add_response_header(response, "Content-Type", type->content_type);
    web->api.add_response_header(response, "Cache-Control", "no-store");
    done = web->api.queue_response(connection, 200, response);
    web->api.destroy_response(response);
    return done;
}

/* ---- which of them --------------------------------------------------------------------------- */

enum MHD_Result web_get(struct web *web, struct web_call *call, const struct web_target *target)
{
    struct MHD_Connection *connection = call->connection;
    const struct run_follow *run =
        target->run ? page_run_by_id(web->page, target->run, target->run_length) : NULL;

    switch (target->route) {
    case WEB_ASSET:
        return get_asset(web, connection, target->file);
    case WEB_HEALTH:
        return web_say(web, connection, 200, "ok");
    case WEB_METRICS:
        return get_metrics(web, call);
    case WEB_EVENTS:
        return web_view(web, connection);
    case WEB_STATE:
        return get_boards(web, call);
    case WEB_HISTORY:
        return get_history(web, call);
    case WEB_RUN:
    case WEB_FILE:
        if (!run)
            return web_say(web, connection, 404, "no such run is known any more");
        return target->route == WEB_RUN ? get_run(web, connection, run)
                                        : get_file(web, connection, run, target->file);
    default:
        return web_say(web, connection, 404, "there is nothing here");
    }
}
