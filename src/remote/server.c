/* SPDX-License-Identifier: MIT */
#include "remote/server.h"

#include "base/fs.h"
#include "remote/link.h"
#include "remote/server_files.h"
#include "ssh/ssh.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK ((size_t)64 << 10)
#define QUEUE ((size_t)1 << 20) /* more of an image waits until the link has taken that */
#define GREETING_MAX ((size_t)64 << 10)

struct server {
    const struct server_conf *conf;
    char *host, *trouble;
    struct ssh ssh;
    struct link link;
    bool greeted;
};

/* What goes on while a verb runs there. */
struct doing {
    struct server *server;
    const struct server_call *call;
    int in_fd; /* -1: at its end */
    struct server_files files;
    int code;
    bool ended;
    bool have, answered; /* of the image */
    bool asked;          /* the request is on its way */
};

const char *server_host(const struct server *server)
{
    return server->host;
}

const char *server_trouble(const struct server *server)
{
    return server->trouble;
}

/* ---- hello ------------------------------------------------------------------------------- */

/* Drops what stands before the agent's first bytes. */
static int find_magic(struct server *server, struct err *err)
{
    struct buf *in = &server->link.in;
    char *magic = memmem(in->data, in->size, FRAME_MAGIC, FRAME_MAGIC_SIZE);

    if (magic) {
        buf_drop_front(in, (size_t)(magic - in->data) + FRAME_MAGIC_SIZE);
        server->greeted = true;
        return 0;
    }
    return in->size > GREETING_MAX
               ? err_set(err, ERR_PROTOCOL, "its shell prints too much before hil agent does")
               : 0;
}

static int check_hello(const struct frame *frame, struct err *err)
{
    int64_t protocol = json_get_int(frame->head, "protocol", -1);
    const char *version = json_get_string(frame->head, "version", "?");

    if (str_eq(frame->type, "error"))
        return err_set(err, ERR_PROTOCOL, "hil agent: %s",
                       json_get_string(frame->head, "message", "?"));
    if (!str_eq(frame->type, "hello") || protocol < 1)
        return err_set(err, ERR_PROTOCOL, "no hello came from hil agent");
    if (protocol != FRAME_PROTOCOL)
        return err_set(
            err, ERR_PROTOCOL,
            "hil %.40s there speaks protocol %" PRId64 ", and this one %d: the one %s is "
            "older; install the same version on both",
            version, protocol, FRAME_PROTOCOL, protocol < FRAME_PROTOCOL ? "there" : "here");
    return 0;
}

/* 1: it was good; 0: not all of it is there yet. */
static int read_hello(struct server *server, struct err *err)
{
    struct frame frame;
    int rc = server->greeted ? 0 : find_magic(server, err);

    if (rc < 0 || !server->greeted)
        return rc;
    rc = link_next(&server->link, &frame, err);
    if (rc > 0) {
        rc = check_hello(&frame, err);
        frame_done(&frame);
        return rc < 0 ? rc : 1;
    }
    return rc;
}

/* ssh has ended, or said nothing that helps in time. */
static int explain(struct server *server, int rc, struct err *err)
{
    struct ctx moment = ctx_root(-1, NULL);
    int code = -1;

    moment = ctx_narrow(&moment, 1000);
    if (rc == -ERR_GONE && ctx_wait(&moment, proc_pidfd(server->ssh.proc), POLLIN, NULL) > 0)
        code = proc_exit_code(server->ssh.proc);
    for (int i = 0; i < 8; i++)
        ssh_listen(&server->ssh);
    return ssh_explain(server->conf, server->host, code, server->ssh.words.data, err);
}

static int await_hello(struct server *server, const struct ctx *open, const struct ctx *ctx,
                       struct err *err)
{
    int rc;

    do {
        struct pollfd fds = {.fd = server->ssh.err_fd, .events = POLLIN};
        server->link.heard_ns = ctx_now_ns(); /* `open` is the watch here */
        rc = link_turn(&server->link, &fds, 1, open, err);
        if (rc == 0 && fds.revents)
            ssh_listen(&server->ssh);
        if (rc == 0)
            rc = read_hello(server, err);
    } while (rc == 0);
    if (rc == -ERR_GONE || (rc == -ERR_TIMEOUT && ctx_left_ms(ctx) > 0))
        return explain(server, rc, err);
    if (rc == -ERR_PROTOCOL || rc == -ERR_DATA)
        err_wrap(err, "%s", server->host);
    return rc < 0 ? rc : 0;
}

/* Quoted such that every login shell reads it alike. */
static const char agent_line[] = "exec sh -c 'PATH=\"$PATH:$HOME/.local/bin\" exec hil agent'";

struct opening {
    const struct server_conf *conf;
    const struct ctx *ctx;
    struct server **ret;
    char *trouble;
};

static int open_host(void *arg, const char *host, const struct ctx *open, struct err *err)
{
    struct opening *opening = arg;
    struct server *server = xcalloc(1, sizeof *server);
    int rc = ssh_start(opening->conf, host, agent_line, open, &server->ssh, err);

    server->conf = opening->conf;
    server->host = xstrdup(host);
    if (rc == 0) {
        link_init(&server->link, server->ssh.out_fd, server->ssh.in_fd);
        rc = await_hello(server, open, opening->ctx, err);
    }
    if (rc < 0) {
        server_close(server);
        free(opening->trouble);
        opening->trouble = rc == -ERR_BUSY && err ? xstrdup(err->message) : NULL;
        return rc;
    }
    server->trouble = opening->trouble;
    *opening->ret = server;
    return 0;
}

int server_open(const struct server_conf *conf, const struct ctx *ctx, struct server **ret,
                struct err *err)
{
    struct opening opening = {conf, ctx, ret, NULL};
    int rc;

    *ret = NULL;
    rc = ssh_try_hosts(conf, open_host, &opening, ctx, err);
    if (rc < 0)
        free(opening.trouble);
    return rc;
}

void server_close(struct server *server)
{
    if (!server)
        return;
    if (server->link.in.ceiling)
        link_done(&server->link);
    ssh_stop(&server->ssh);
    free(server->host);
    free(server->trouble);
    free(server);
}

/* ---- what comes back --------------------------------------------------------------------- */

static void begin(struct doing *doing)
{
    server_files_begin(&doing->files, doing->call->dir, doing->call->files);
    doing->server->link.heard_ns = ctx_now_ns(); /* nobody listened between two calls */
}

static int take_end(struct doing *doing, const struct frame *frame)
{
    const char *why = json_get_string(frame->head, "why", NULL);

    doing->ended = true;
    doing->code = (int)json_get_int(frame->head, "code", -1);
    if (why && doing->call->output)
        doing->call->output(doing->call->arg, true, why, strlen(why));
    return 0;
}

static int take_frame(struct doing *doing, const struct frame *frame, struct err *err)
{
    const struct server_call *call = doing->call;
    bool errors = str_eq(frame->type, "err");

    if (errors || str_eq(frame->type, "out")) {
        if (call->output)
            call->output(call->arg, errors, frame->body, frame->size);
        return 0;
    }
    if (str_eq(frame->type, "file"))
        return server_files_take(&doing->files, frame, err);
    if (str_eq(frame->type, "end"))
        return take_end(doing, frame);
    if (str_eq(frame->type, "have")) {
        doing->have = json_get_bool(frame->head, "have", false);
        doing->answered = true;
        return 0;
    }
    if (str_eq(frame->type, "error"))
        return err_set(err, ERR_PROTOCOL, "%s: hil agent: %s", doing->server->host,
                       json_get_string(frame->head, "message", "?"));
    return err_set(err, ERR_PROTOCOL, "%s: hil agent sent '%.40s'", doing->server->host,
                   frame->type);
}

static int take_frames(struct doing *doing, struct err *err)
{
    struct frame frame;
    int rc;

    while ((rc = link_next(&doing->server->link, &frame, err)) > 0) {
        rc = take_frame(doing, &frame, err);
        frame_done(&frame);
        if (rc < 0)
            break;
    }
    return rc;
}

static int give_input(struct doing *doing, struct err *err)
{
    char chunk[4096];
    ssize_t n = read(doing->in_fd, chunk, sizeof chunk);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n <= 0)
        doing->in_fd = -1;
    return link_say(&doing->server->link, "in", chunk, n > 0 ? (size_t)n : 0, err);
}

static int turn(struct doing *doing, const struct ctx *ctx, struct err *err)
{
    struct server *server = doing->server;
    struct pollfd fds[] = {{.fd = server->ssh.err_fd, .events = POLLIN},
                           {.fd = doing->in_fd, .events = POLLIN}};
    int rc = link_turn(&server->link, fds, ARRAY_SIZE(fds), ctx, err);

    if (fds[0].revents)
        ssh_listen(&server->ssh);
    if (rc == 0 && doing->in_fd >= 0 && fds[1].revents)
        rc = give_input(doing, err);
    if (rc == 0)
        rc = take_frames(doing, err);
    return rc;
}

/* ---- what goes there --------------------------------------------------------------------- */

static int await_answer(struct doing *doing, const struct ctx *ctx, struct err *err)
{
    int rc = 0;

    doing->answered = false;
    while (rc == 0 && !doing->answered)
        rc = turn(doing, ctx, err);
    return rc;
}

static int send_image(struct doing *doing, const struct ctx *ctx, struct err *err)
{
    const struct image *image = doing->call->image;
    struct link *link = &doing->server->link;
    struct json_out head;
    int rc;

    frame_begin(&head, "image");
    json_kv_string(&head, "sha256", image->sha256);
    json_kv_int(&head, "size", (int64_t)image->file_size);
    rc = link_end(link, &head, NULL, 0, err);
    if (rc == 0)
        rc = await_answer(doing, ctx, err);
    if (rc < 0 || doing->have)
        return rc;
    for (size_t sent = 0, piece; rc == 0 && sent < image->file_size; sent += piece) {
        piece = image->file_size - sent < CHUNK ? image->file_size - sent : CHUNK;
        while (rc == 0 && link->out.size > QUEUE)
            rc = turn(doing, ctx, err);
        if (rc == 0)
            rc = link_say(link, "data", image->file_bytes + sent, piece, err);
    }
    if (rc == 0)
        rc = link_say(link, "data", NULL, 0, err);
    return rc == 0 ? await_answer(doing, ctx, err) : rc;
}

static int send_request(struct doing *doing, struct err *err)
{
    const struct server_call *call = doing->call;
    const struct server_conf *conf = doing->server->conf;
    struct json_out head;

    frame_begin(&head, "do");
    json_kv_string(&head, "verb", call->verb);
    json_kv_string(&head, "for", call->behalf);
    if (call->keep)
        json_kv_string(&head, "keep", call->keep);
    if (call->follow)
        json_kv_strings(&head, "follow", call->follow);
    json_key(&head, "args");
    json_array(&head);
    if (conf->lab) {
        json_string(&head, "--lab");
        json_string(&head, conf->lab);
    }
    if (call->out_option) {
        json_string(&head, call->out_option);
        json_object(&head);
        json_kv_bool(&head, "out", true);
        json_object_end(&head);
    }
    for (size_t i = 0; i < call->args.count; i++)
        json_string(&head, call->args.items[i]);
    if (call->image) {
        json_string(&head, "--");
        json_object(&head);
        json_kv_string(&head, "image", call->image->sha256);
        json_kv_string(&head, "name", fs_basename(call->image->name));
        json_object_end(&head);
    }
    json_array_end(&head);
    return link_end(&doing->server->link, &head, NULL, 0, err);
}

/* Somebody wants it to end: it does so there, where the board is, and says how. */
static int cancel(struct doing *doing, const struct ctx *ctx)
{
    struct ctx wait = ctx_cleanup(ctx, SERVER_END_MS);
    int rc = link_say(&doing->server->link, "cancel", NULL, 0, NULL);

    while (rc == 0 && !doing->ended)
        rc = turn(doing, &wait, NULL);
    return rc;
}

static int do_it(struct doing *doing, const struct ctx *ctx, struct err *err)
{
    const struct server_call *call = doing->call;
    int rc = doing->call->image ? send_image(doing, ctx, err) : 0;

    if (rc == 0)
        rc = send_request(doing, err);
    doing->asked = rc == 0;
    while (rc == 0 && !doing->ended)
        rc = turn(doing, ctx, err);
    if (call->leave && call->leave(call->arg))
        return doing->ended ? 0 : rc;
    if (rc == -ERR_CANCELLED || (rc == -ERR_TIMEOUT && ctx_left_ms(ctx) == 0))
        cancel(doing, ctx);
    return doing->ended ? 0 : rc;
}

int server_do(struct server *server, const struct server_call *call, const struct ctx *ctx,
              int *ret_code, struct err *err)
{
    struct doing doing = {.server = server, .call = call, .in_fd = call->in_fd ? call->in_fd : -1};
    int rc;

    begin(&doing);
    rc = do_it(&doing, ctx, err);
    server_files_end(&doing.files);
    *ret_code = doing.code;
    if (rc == -ERR_GONE)
        err_set(err, ERR_GONE, "%s: the connection has broken while %s%s%s", server->host,
                doing.asked ? "hil " : "", doing.asked ? call->verb : "firmware was on its way",
                doing.asked ? " was at work" : "");
    else if (rc == -ERR_TIMEOUT)
        err_wrap(err, "%s", server->host);
    return rc < 0 ? err_wrap(err, "server %s", server->conf->name) : 0;
}

/* ---- what went on without a link --------------------------------------------------------- */

static int ask_kept(struct doing *doing, bool forget, const struct ctx *ctx, struct err *err)
{
    struct json_out head;
    int rc;

    begin(doing);
    frame_begin(&head, "kept");
    json_kv_string(&head, "key", doing->call->keep);
    json_kv_bool(&head, "forget", forget);
    rc = link_end(&doing->server->link, &head, NULL, 0, err);
    while (rc == 0 && !doing->ended)
        rc = turn(doing, ctx, err);
    server_files_end(&doing->files);
    if (rc == -ERR_GONE)
        err_set(err, ERR_GONE, "%s: the connection has broken", doing->server->host);
    return rc < 0 ? err_wrap(err, "server %s", doing->server->conf->name) : 0;
}

int server_collect(struct server *server, const struct server_call *call, const struct ctx *ctx,
                   int *ret_code, struct err *err)
{
    struct doing doing = {.server = server, .call = call, .in_fd = -1};
    int rc = ask_kept(&doing, false, ctx, err);

    *ret_code = doing.code;
    return rc;
}

int server_forget(struct server *server, const char *key, const struct ctx *ctx, struct err *err)
{
    const struct server_call call = {.keep = key};
    struct doing doing = {.server = server, .call = &call, .in_fd = -1};

    return ask_kept(&doing, true, ctx, err);
}
