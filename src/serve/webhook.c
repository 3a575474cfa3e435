/* SPDX-License-Identifier: MIT */
#include "serve/webhook.h"

#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"
#include "serve/listen.h"
#include "serve/mhd_api.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define SECRET_MAX 4096
#define CONNECTIONS 16U
#define IDLE_S 10U

/* ---- in the process that listens ------------------------------------------------------------- */

struct server {
    struct mhd_api api;
    int listen_fd, events_fd, cancel_fd;
    char *secret;
    size_t secret_size;
    struct hook_memory memory;
};

struct call { /* one request */
    struct buf body;
    bool too_large;
};

struct answer {
    unsigned status;
    const char *text;
};

static const char *field(const struct server *server, struct MHD_Connection *connection,
                         const char *name)
{
    return server->api.lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static bool pass_on(const struct server *server, const struct hook_event *event)
{
    return send(server->events_fd, event, sizeof *event, MSG_DONTWAIT | MSG_NOSIGNAL) ==
           (ssize_t)sizeof *event;
}

/* Nothing of the body is looked at before its signature is good, and no id is remembered. */
static struct answer judge(struct server *server, struct MHD_Connection *connection,
                           const struct call *call)
{
    const char *name = field(server, connection, "X-GitHub-Event");
    const char *id = field(server, connection, "X-GitHub-Delivery");
    struct hook_event event;

    if (call->too_large)
        return (struct answer){413, "the delivery is too large\n"};
    if (!hook_signed(server->secret, server->secret_size, call->body.data, call->body.size,
                     field(server, connection, "X-Hub-Signature-256")))
        return (struct answer){401, "the signature is not by our secret\n"};
    if (!name || !hook_id_ok(id))
        return (struct answer){400, "X-GitHub-Event and X-GitHub-Delivery are needed\n"};
    if (hook_read(name, call->body.data, call->body.size, &event, NULL) < 0)
        return (struct answer){400, "the body is no such event\n"};
    if (!hook_is_new(&server->memory, id))
        return (struct answer){409, "this delivery was taken before\n"};
    if (event.kind == HOOK_NOTHING)
        return (struct answer){202, "nothing to do\n"};
    return pass_on(server, &event) ? (struct answer){202, "looking\n"}
                                   : (struct answer){503, "too many at once\n"};
}

static enum MHD_Result reply(struct server *server, struct MHD_Connection *connection,
                             struct answer answer)
{
    struct MHD_Response *response = server->api.create_response_from_buffer(
        strlen(answer.text), (void *)(uintptr_t)answer.text, MHD_RESPMEM_PERSISTENT);
    enum MHD_Result done;

    if (!response)
        return MHD_NO;
    server->api.add_response_header(response, "Content-Type", "text/plain");
    if (answer.status == 405)
        server->api.add_response_header(response, "Allow", "POST");
    done = server->api.queue_response(connection, answer.status, response);
    server->api.destroy_response(response);
    return done;
}

/* A length that is said to be too large is refused before the body comes. */
static bool says_too_large(const struct server *server, struct MHD_Connection *connection)
{
    const char *length = field(server, connection, "Content-Length");
    uint64_t count = 0;

    return length && str_to_u64(length, HOOK_BODY_MAX, "", &count, NULL) < 0;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *bytes,
                                  size_t *count, void **state)
{
    struct server *server = arg;
    struct call *call = *state;

    (void)url;
    (void)version;
    if (strcmp(method, "POST") != 0)
        return reply(server, connection, (struct answer){405, "deliveries are posted\n"});
    if (!call) {
        *state = call = xcalloc(1, sizeof *call);
        call->body = (struct buf)BUF_INIT(HOOK_BODY_MAX);
        call->too_large = says_too_large(server, connection);
        return call->too_large ? reply(server, connection, judge(server, connection, call))
                               : MHD_YES;
    }
    if (*count) {
        if (!call->too_large && buf_add(&call->body, bytes, *count) < 0)
            call->too_large = true;
        *count = 0;
        return MHD_YES;
    }
    return reply(server, connection, judge(server, connection, call));
}

static void on_end(void *arg, struct MHD_Connection *connection, void **state,
                   enum MHD_RequestTerminationCode why)
{
    struct call *call = *state;

    (void)arg;
    (void)connection;
    (void)why;
    if (call)
        buf_done(&call->body);
    free(call);
    *state = NULL;
}

static void serve(void *arg, struct worker_report *ret)
{
    struct server *server = arg;
    struct ctx ctx = ctx_root(server->cancel_fd, NULL);
    struct MHD_Daemon *daemon;
    struct err err = {0};

    if (mhd_api_load(&server->api, &err) < 0) {
        ret->code = (int)err.code;
        snprintf(ret->text, sizeof ret->text, "%s", err.message);
        return;
    }
    daemon = server->api.start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL, 0, NULL, NULL,
                                      on_request, server, MHD_OPTION_LISTEN_SOCKET,
                                      server->listen_fd, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS,
                                      MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S,
                                      MHD_OPTION_NOTIFY_COMPLETED, on_end, NULL, MHD_OPTION_END);
    if (!daemon) {
        ret->code = ERR_IO;
        snprintf(ret->text, sizeof ret->text, "libmicrohttpd does not start");
        return;
    }
    while (ctx_sleep(&ctx, 3600000, NULL) != -ERR_CANCELLED)
        ;
    server->api.stop_daemon(daemon);
    hook_memory_done(&server->memory);
}

/* ---- in the service -------------------------------------------------------------------------- */

static int read_secret(const char *path, struct buf *ret, struct err *err)
{
    int rc = fs_read(path, ret, err);

    if (rc < 0)
        return err_wrap(err, "webhook: secret-file");
    while (ret->size && strchr("\r\n", ret->data[ret->size - 1]))
        ret->data[--ret->size] = '\0';
    return ret->size ? 0 : err_set(err, ERR_CONFIG, "webhook: secret-file: %s is empty", path);
}

int webhook_open(struct webhook *webhook, const struct webhook_conf *conf, int cancel_fd,
                 struct err *err)
{
    struct buf secret = BUF_INIT(SECRET_MAX);
    int ends[2] = {-1, -1}, listen_fd = -1;
    int rc = read_secret(conf->secret_file, &secret, err);

    *webhook = (struct webhook){.events_fd = -1};
    if (rc == 0)
        rc = listen_at(conf->listen, "webhook", &listen_fd, err);
    if (rc == 0 && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        rc = err_sys(err, errno, "webhook: socketpair");
    if (rc == 0) {
        struct server server = {.listen_fd = listen_fd,
                                .events_fd = ends[1],
                                .cancel_fd = cancel_fd,
                                .secret = secret.data,
                                .secret_size = secret.size};
        listen_name(listen_fd, webhook->address);
        rc = worker_start(&webhook->worker, serve, &server, err);
    }
    explicit_bzero(secret.data, secret.size);
    buf_done(&secret);
    close_fd(&listen_fd);
    close_fd(&ends[1]);
    if (rc < 0)
        close_fd(&ends[0]);
    else
        webhook->events_fd = ends[0];
    return rc;
}

bool webhook_next(struct webhook *webhook, struct hook_event *ret)
{
    if (recv(webhook->events_fd, ret, sizeof *ret, MSG_DONTWAIT) != (ssize_t)sizeof *ret)
        return false;
    ret->repo[HOOK_TEXT_MAX - 1] = ret->branch[HOOK_TEXT_MAX - 1] = '\0';
    return true;
}

void webhook_close(struct webhook *webhook, const struct ctx *ctx)
{
    struct worker_report report;

    if (webhook->events_fd < 0)
        return;
    worker_cancel(&webhook->worker);
    worker_end(&webhook->worker, ctx, &report);
    close_fd(&webhook->events_fd);
}
