/* SPDX-License-Identifier: MIT */
#include "base/ctx.h"

#include <errno.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

int64_t ctx_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t ctx_unix_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

struct ctx ctx_root(int cancel_fd, struct guard *guard)
{
    return (struct ctx){.deadline_ns = CTX_NEVER, .cancel_fd = cancel_fd, .guard = guard};
}

static int64_t deadline_in(int64_t timeout_ms)
{
    int64_t now = ctx_now_ns();

    if (timeout_ms > (CTX_NEVER - now) / 1000000)
        return CTX_NEVER;
    return timeout_ms > 0 ? now + timeout_ms * 1000000 : now;
}

struct ctx ctx_narrow(const struct ctx *ctx, int64_t timeout_ms)
{
    struct ctx narrow = *ctx;
    int64_t deadline = deadline_in(timeout_ms);

    if (deadline < narrow.deadline_ns)
        narrow.deadline_ns = deadline;
    return narrow;
}

struct ctx ctx_cleanup(const struct ctx *ctx, int64_t timeout_ms)
{
    return (struct ctx){
        .deadline_ns = deadline_in(timeout_ms), .cancel_fd = -1, .guard = ctx->guard};
}

static int64_t left_ns(const struct ctx *ctx)
{
    int64_t left;

    if (ctx->deadline_ns == CTX_NEVER)
        return CTX_NEVER;
    left = ctx->deadline_ns - ctx_now_ns();
    return left > 0 ? left : 0;
}

int64_t ctx_left_ms(const struct ctx *ctx)
{
    int64_t left = left_ns(ctx);

    return left == CTX_NEVER ? CTX_NEVER : (left + 999999) / 1000000;
}

/* Returns revents of `fd`, 0 on timeout, or a negative error. */
static int wait_for(const struct ctx *ctx, int64_t timeout_ns, int fd, short events,
                    struct err *err)
{
    struct pollfd fds[2] = {{.fd = fd, .events = events}, {.fd = ctx->cancel_fd, .events = POLLIN}};
    int64_t until = timeout_ns == CTX_NEVER ? CTX_NEVER : ctx_now_ns() + timeout_ns;

    for (;;) {
        struct timespec time = {timeout_ns / 1000000000, timeout_ns % 1000000000};
        int n = ppoll(fds, 2, timeout_ns == CTX_NEVER ? NULL : &time, NULL);
        if (n < 0 && errno != EINTR)
            return err_sys(err, errno, "poll");
        if (n > 0 && fds[1].revents)
            return err_set(err, ERR_CANCELLED, "cancelled");
        if (n > 0 && fds[0].revents)
            return fds[0].revents;
        if (n == 0)
            return 0;
        if (until != CTX_NEVER) {
            timeout_ns = until - ctx_now_ns();
            if (timeout_ns < 0)
                timeout_ns = 0;
        }
    }
}

bool ctx_cancelled(const struct ctx *ctx)
{
    return ctx->cancel_fd >= 0 && wait_for(ctx, 0, -1, 0, NULL) == -ERR_CANCELLED;
}

int ctx_check(const struct ctx *ctx, struct err *err)
{
    if (ctx_cancelled(ctx))
        return err_set(err, ERR_CANCELLED, "cancelled");
    if (left_ns(ctx) == 0)
        return err_set(err, ERR_TIMEOUT, "timed out");
    return 0;
}

int ctx_wait(const struct ctx *ctx, int fd, short events, struct err *err)
{
    int64_t left = left_ns(ctx);
    int rc = wait_for(ctx, left, fd, events, err);

    /* a peer that never falls silent must not hold us past the deadline */
    if (rc == 0 || (rc > 0 && !left))
        return err_set(err, ERR_TIMEOUT, "timed out");
    return rc;
}

int ctx_sleep(const struct ctx *ctx, int64_t ms, struct err *err)
{
    struct ctx nap = ctx_narrow(ctx, ms);
    int rc = wait_for(ctx, left_ns(&nap), -1, 0, err);

    if (rc == 0 && nap.deadline_ns == ctx->deadline_ns)
        return err_set(err, ERR_TIMEOUT, "timed out");
    return rc;
}

ssize_t ctx_read(const struct ctx *ctx, int fd, void *bytes, size_t room, struct err *err)
{
    for (;;) {
        int rc = ctx_wait(ctx, fd, POLLIN, err);
        if (rc < 0)
            return rc;
        ssize_t n = read(fd, bytes, room);
        if (n >= 0)
            return n;
        if (errno != EINTR && errno != EAGAIN)
            return err_sys(err, errno, "read");
    }
}

int ctx_write(const struct ctx *ctx, int fd, const void *bytes, size_t count, struct err *err)
{
    const char *at = bytes;

    while (count) {
        int rc = ctx_wait(ctx, fd, POLLOUT, err);
        if (rc < 0)
            return rc;
        ssize_t n = write(fd, at, count);
        if (n < 0 && errno != EINTR && errno != EAGAIN)
            return err_sys(err, errno, "write");
        if (n > 0) {
            at += n;
            count -= (size_t)n;
        }
    }
    return 0;
}
