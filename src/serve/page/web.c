/* SPDX-License-Identifier: MIT */
#include "serve/page/web_parts.h"

#include "base/fs.h"

#include <sodium/utils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define SEND_BYTES (128 << 10) /* of a viewer's socket: the kernel would let it grow to megabytes */
#define PEM_MAX ((size_t)256 << 10)
#define LAST_TURNS 20

/* ---- answers --------------------------------------------------------------------------------- */

const char *web_header(const struct web *web, struct MHD_Connection *connection, const char *name)
{
    return web->api.lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

const char *web_query(const struct web *web, struct MHD_Connection *connection, const char *name)
{
    return web->api.lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, name);
}

void web_guard(const struct web *web, struct MHD_Response *response, const char *policy)
{
    const struct mhd_api *api = &web->api;

    api->add_response_header(response, "Content-Security-Policy", policy);
    api->add_response_header(response, "X-Content-Type-Options", "nosniff");
    api->add_response_header(response, "X-Frame-Options", "DENY");
    api->add_response_header(response, "Referrer-Policy", "no-referrer");
    api->add_response_header(response, "Cross-Origin-Resource-Policy", "same-origin");
    api->add_response_header(response, "Cross-Origin-Opener-Policy", "same-origin");
}

/* Only our own style and script, no inline ones; the icon is a data: address. */
#define PAGE_POLICY                                                                                \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; " \
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

enum MHD_Result web_answer(struct web *web, struct MHD_Connection *connection,
                           const struct web_answer *answer)
{
    struct MHD_Response *response = web->api.create_response_from_buffer(
        answer->size, (void *)(uintptr_t)answer->bytes,
        answer->keeps ? MHD_RESPMEM_PERSISTENT : MHD_RESPMEM_MUST_COPY);
    enum MHD_Result done;

    if (!response)
        return MHD_NO;
    web_guard(web, response, PAGE_POLICY);
    if (answer->type)
        web->api.add_response_header(response, "Content-Type", answer->type);
    web->api.add_response_header(response, "Cache-Control", answer->etag ? "no-cache" : "no-store");
    if (answer->etag)
        web->api.add_response_header(response, "ETag", answer->etag);
    if (answer->location)
        web->api.add_response_header(response, "Location", answer->location);
    if (answer->cookie)
        web->api.add_response_header(response, "Set-Cookie", answer->cookie);
    if (answer->status == 405)
        web->api.add_response_header(response, "Allow", "GET, HEAD, POST");
    if (answer->status == 401)
        web->api.add_response_header(response, "WWW-Authenticate", "Bearer realm=\"hil\"");
    done = web->api.queue_response(connection, answer->status, response);
    web->api.destroy_response(response);
    return done;
}

enum MHD_Result web_say(struct web *web, struct MHD_Connection *connection, unsigned status,
                        const char *text)
{
    cleanup_free char *line = xasprintf("%s\n", text);

    return web_answer(web, connection,
                      &(struct web_answer){.status = status,
                                           .type = "text/plain; charset=utf-8",
                                           .bytes = line,
                                           .size = strlen(line)});
}

/* ---- paths ----------------------------------------------------------------------------------- */

static struct web_target run_target(const char *rest)
{
    const char *slash = strchr(rest, '/');
    struct web_target target = {.run = rest};

    if (!slash)
        return (struct web_target){.route = WEB_NOTHING};
    target.run_length = (size_t)(slash - rest);
    target.file = slash + 1;
    target.route = *target.file ? WEB_FILE : WEB_RUN;
    return target;
}

struct web_target web_target(const char *url)
{
    static const struct {
        const char *path;
        enum web_route route;
        bool is_post;
    } paths[] = {
        {"/", WEB_ASSET, false},           {"/page.css", WEB_ASSET, false},
        {"/page.js", WEB_ASSET, false},    {"/healthz", WEB_HEALTH, false},
        {"/metrics", WEB_METRICS, false},  {"/events", WEB_EVENTS, false},
        {"/api/boards", WEB_STATE, false}, {"/api/history", WEB_HISTORY, false},
        {"/login", WEB_LOGIN, true},       {"/logout", WEB_LOGOUT, true},
        {"/control", WEB_CONTROL, true},
    };

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
        if (str_eq(url, paths[i].path))
            return (struct web_target){
                .route = paths[i].route, .is_post = paths[i].is_post, .file = paths[i].path};
    if (str_starts(url, "/run/"))
        return run_target(url + strlen("/run/"));
    return (struct web_target){.route = WEB_NOTHING};
}

/* ---- requests -------------------------------------------------------------------------------- */

/* What anybody may have: it holds nothing of the lab. */
static bool is_open(enum web_route route)
{
    return route == WEB_ASSET || route == WEB_HEALTH || route == WEB_LOGIN;
}

static const char *cookie_of(const struct web *web, struct MHD_Connection *connection)
{
    return web->api.lookup_connection_value(connection, MHD_COOKIE_KIND, web->cookie_name);
}

static enum MHD_Result refuse(struct web *web, struct MHD_Connection *connection, unsigned status,
                              const char *text)
{
    web->counts.refused++;
    return web_say(web, connection, status, text);
}

static enum MHD_Result dispatch(struct web *web, struct web_call *call, const char *url,
                                const char *method)
{
    struct MHD_Connection *connection = call->connection;
    const struct access *access = &web->page->access;
    const char *host = web_header(web, connection, "Host");
    struct web_target target = web_target(url);
    bool is_get = str_eq(method, "GET") || str_eq(method, "HEAD");

    web->counts.requests += !call->waited;
    if (!access_host_ok(access, host))
        return refuse(web, connection, 421,
                      "this is not the host that you asked for; hil serve --host NAME lets it be");
    if (target.route == WEB_NOTHING)
        return web_say(web, connection, 404, "there is nothing here");
    if (target.is_post ? !str_eq(method, "POST") : !is_get)
        return web_say(web, connection, 405, "not that way");
    if (!is_open(target.route) &&
        !access_is_known(access, web_header(web, connection, "Authorization"),
                         cookie_of(web, connection)))
        return refuse(web, connection, 401, "a token is needed");
    if (!target.is_post)
        return web_get(web, call, &target);
    if (!access_origin_ok(access, web_header(web, connection, "Origin"), host,
                          web_header(web, connection, "Sec-Fetch-Site")))
        return refuse(web, connection, 403, "that was asked for by another site");
    if (call->too_large)
        return refuse(web, connection, 413, "that is too much");
    return web_post(web, connection, &target, &call->body);
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *bytes,
                                  size_t *count, void **state)
{
    struct web_call *call = *state;

    (void)version;
    if (!call) { /* the headers are there */
        *state = web_call_new(arg, connection);
        return MHD_YES;
    }
    if (*count) {
        if (!call->too_large && buf_add(&call->body, bytes, *count) < 0)
            call->too_large = true;
        *count = 0;
        return MHD_YES;
    }
    return dispatch(arg, call, url, method);
}

static void on_end(void *arg, struct MHD_Connection *connection, void **state,
                   enum MHD_RequestTerminationCode why)
{
    (void)arg;
    (void)connection;
    (void)why;
    web_call_free(*state);
    *state = NULL;
}

/* ---- the server ------------------------------------------------------------------------------ */

static int read_pem(const char *path, const char *option, struct buf *ret, struct err *err)
{
    if (!path || fs_read(path, ret, err) == 0)
        return 0;
    if (err)
        err->code = ERR_CONFIG;
    return err_wrap(err, "%s", option);
}

static void say_nothing(void *arg, const char *format, va_list args)
{
    (void)arg; /* what a client did wrong is the client's affair */
    (void)format;
    (void)args;
}

static int start(struct web *web, const struct buf *cert, const struct buf *key, struct err *err)
{
    struct page *page = web->page;
    bool tls = page->access.tls;
    unsigned flags =
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | (tls ? MHD_USE_TLS : 0U);
    struct MHD_OptionItem secure[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, cert->data},
                                      {MHD_OPTION_HTTPS_MEM_KEY, 0, key->data},
                                      {MHD_OPTION_END, 0, NULL}};

    if (tls && web->api.is_feature_supported(MHD_FEATURE_TLS) != MHD_YES)
        return err_set(err, ERR_TOOL, "this host's libmicrohttpd has no TLS");
    web->daemon = web->api.start_daemon(
        flags, 0, NULL, NULL, on_request, web, MHD_OPTION_EXTERNAL_LOGGER, say_nothing, NULL,
        MHD_OPTION_LISTEN_SOCKET, page->listen_fd, MHD_OPTION_CONNECTION_LIMIT, WEB_CONNECTIONS,
        MHD_OPTION_CONNECTION_TIMEOUT, WEB_IDLE_S, MHD_OPTION_NOTIFY_COMPLETED, on_end, NULL,
        MHD_OPTION_ARRAY, tls ? secure : secure + 2, MHD_OPTION_END);
    if (!web->daemon)
        return err_set(err, tls ? ERR_CONFIG : ERR_IO, "the web server does not start%s",
                       tls ? "; do --tls-cert and --tls-key belong together?" : "");
    page->listen_fd = -1; /* it closes it */
    return 0;
}

static struct frame *word(const char *event)
{
    return frame_new(event, "{}", 2, 0);
}

int web_open(struct page *page, struct web **ret, struct err *err)
{
    cleanup_buf struct buf cert = BUF_INIT(PEM_MAX), key = BUF_INIT(PEM_MAX);
    struct web *web = xcalloc(1, sizeof *web);
    int rc = mhd_api_load(&web->api, err), bytes = SEND_BYTES;

    web->page = page;
    web->reset = word("reset");
    web->clear = word("clear");
    web->missed = word("missed");
    if (rc == 0)
        rc = read_pem(page->request->tls_cert, "--tls-cert", &cert, err);
    if (rc == 0)
        rc = read_pem(page->request->tls_key, "--tls-key", &key, err);
    /* Each accepted socket has it from the one that listens. */
    setsockopt(page->listen_fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    /* Browsers do not tell ports apart in cookies. */
    snprintf(web->cookie_name, sizeof web->cookie_name, "hil_%s", strrchr(page->address, ':') + 1);
    if (rc == 0)
        rc = start(web, &cert, &key, err);
    sodium_memzero(key.data, key.size);
    *ret = web;
    return rc;
}

int web_fd(const struct web *web)
{
    return web->api.get_daemon_info(web->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

int64_t web_timeout_ms(const struct web *web)
{
    MHD_UNSIGNED_LONG_LONG ms = 0;

    int64_t due_ns = web_next_due_ns(web), left_ms = -1;

    if (due_ns != INT64_MAX)
        left_ms = due_ns > ctx_now_ns() ? (due_ns - ctx_now_ns() + 999999) / 1000000 : 0;
    if (web->api.get_timeout(web->daemon, &ms) == MHD_YES && (left_ms < 0 || (int64_t)ms < left_ms))
        left_ms = (int64_t)ms;
    return left_ms;
}

bool web_turn(struct web *web)
{
    return web->api.run(web->daemon) == MHD_YES;
}

struct web_counts web_counts(const struct web *web)
{
    return web->counts;
}

void web_close(struct web *web)
{
    if (!web)
        return;
    if (web->daemon) {
        web_dismiss(web);
        for (int i = 0; i < LAST_TURNS && (web->counts.viewers || web->calls); i++)
            web_turn(web);
        web->api.stop_daemon(web->daemon);
    }
    frame_drop(web->reset);
    frame_drop(web->clear);
    frame_drop(web->missed);
    free(web);
}
