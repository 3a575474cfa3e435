/* SPDX-License-Identifier: MIT */
#include "remote/link.h"

#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#define READ_SIZE ((size_t)64 << 10)
#define IN_MAX (FRAME_SIZES + FRAME_HEAD_MAX + FRAME_BODY_MAX + READ_SIZE)
#define MS_NS INT64_C(1000000)

static void no_waiting(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

void link_init(struct link *link, int in_fd, int out_fd)
{
    int64_t now = ctx_now_ns();

    *link = (struct link){.in_fd = in_fd,
                          .out_fd = out_fd,
                          .in = BUF_INIT(IN_MAX),
                          .out = BUF_INIT(LINK_QUEUE_MAX),
                          .heard_ns = now,
                          .said_ns = now};
    no_waiting(in_fd);
    no_waiting(out_fd);
}

void link_done(struct link *link)
{
    buf_done(&link->in);
    buf_done(&link->out);
}

int link_end(struct link *link, struct json_out *head, const void *body, size_t size,
             struct err *err)
{
    int rc = frame_end(head, &link->out, body, size);

    return rc < 0 ? err_set(err, ERR_LIMIT, "more is to be sent than the other side takes") : 0;
}

int link_say(struct link *link, const char *type, const void *body, size_t size, struct err *err)
{
    struct json_out head;

    frame_begin(&head, type);
    return link_end(link, &head, body, size, err);
}

/* ---- one turn ---------------------------------------------------------------------------- */

static int take_bytes(struct link *link)
{
    size_t room = link->in.ceiling - link->in.size;
    char *space = buf_space(&link->in, room < READ_SIZE ? room : READ_SIZE);
    ssize_t n;

    if (!space || !room)
        return 0;
    n = read(link->in_fd, space, room < READ_SIZE ? room : READ_SIZE);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n <= 0) {
        link->ended = true;
        return 0;
    }
    buf_grew(&link->in, (size_t)n);
    link->heard_ns = ctx_now_ns();
    return 0;
}

static void give_bytes(struct link *link)
{
    ssize_t n = write(link->out_fd, link->out.data, link->out.size);

    if (n < 0 && errno != EAGAIN && errno != EINTR)
        link->ended = true;
    if (n > 0)
        buf_drop_front(&link->out, (size_t)n);
}

/* A ping only where nothing else is on its way, so that a link that stands still gets no longer
 * queue. */
static void ping(struct link *link, int64_t now)
{
    if (now - link->said_ns < LINK_PING_MS * MS_NS)
        return;
    link->said_ns = now;
    if (!link->out.size)
        link_say(link, "ping", NULL, 0, NULL);
}

static int wait_ms(const struct link *link, const struct ctx *ctx, int64_t now)
{
    int64_t ms = LINK_PING_MS - (now - link->said_ns) / MS_NS;
    int64_t left = ctx_left_ms(ctx);

    if (left < ms)
        ms = left;
    return ms < 0 ? 0 : (int)ms;
}

int link_turn(struct link *link, struct pollfd *fds, size_t count, const struct ctx *ctx,
              struct err *err)
{
    struct pollfd all[LINK_FDS_MAX + 3];
    int64_t now = ctx_now_ns();
    int rc = ctx_check(ctx, err);

    if (rc < 0)
        return rc;
    if (link->ended)
        return err_set(err, ERR_GONE, "the connection has broken");
    if (now - link->heard_ns > LINK_DEAD_MS * MS_NS)
        return err_set(err, ERR_TIMEOUT, "nothing was heard for %d s", LINK_DEAD_MS / 1000);
    ping(link, now);
    all[0] = (struct pollfd){.fd = link->in_fd, .events = POLLIN};
    all[1] = (struct pollfd){.fd = link->out.size ? link->out_fd : -1, .events = POLLOUT};
    all[2] = (struct pollfd){.fd = ctx->cancel_fd, .events = POLLIN};
    for (size_t i = 0; i < count; i++) {
        fds[i].revents = 0;
        all[3 + i] = fds[i];
    }
    if (poll(all, 3 + count, wait_ms(link, ctx, now)) <= 0)
        return 0;
    if (all[0].revents)
        take_bytes(link);
    if (all[1].revents)
        give_bytes(link);
    for (size_t i = 0; i < count; i++)
        fds[i].revents = all[3 + i].revents;
    return 0;
}

int link_next(struct link *link, struct frame *ret, struct err *err)
{
    for (;;) {
        ssize_t size;
        buf_drop_front(&link->in, link->taken);
        link->taken = 0;
        size = frame_read(link->in.data, link->in.size, ret, err);
        if (size <= 0)
            return (int)size;
        link->taken = (size_t)size;
        if (!str_eq(ret->type, "ping"))
            return 1;
        frame_done(ret);
    }
}
