/* SPDX-License-Identifier: MIT */
#include "board/fence.h"

#include "base/str.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/epoll.h>

#define WORDS_MS 2000 /* to find out who has the board */

static int add(int epoll_fd, int fd)
{
    struct epoll_event event = {.events = EPOLLIN};

    return fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -1;
}

/* One descriptor that is readable as soon as either of two is: a ctx has room for one. */
static int join(struct fence_pass *pass, int why_fd, struct err *err)
{
    pass->why_fd = why_fd;
    pass->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (pass->epoll_fd < 0 || add(pass->epoll_fd, pass->ctx.cancel_fd) < 0 ||
        add(pass->epoll_fd, why_fd) < 0)
        return err_sys(err, errno, "epoll");
    pass->ctx.cancel_fd = pass->epoll_fd;
    return 0;
}

static void pass_init(struct fence_pass *pass, const struct fence *fence, const struct ctx *ctx)
{
    *pass = (struct fence_pass){.ctx = *ctx, .fence = fence, .epoll_fd = -1, .why_fd = -1};
}

int fence_enter(const struct fence *fence, const struct ctx *ctx, struct fence_pass *ret,
                struct err *err)
{
    int rc;

    pass_init(ret, fence, ctx);
    if (!fence)
        return 0;
    rc = fence->check(fence->arg, ctx, err);
    return rc == 0 ? join(ret, fence->over_fd, err) : rc;
}

int fence_follow(const struct fence *fence, const struct ctx *ctx, struct fence_pass *ret,
                 struct err *err)
{
    pass_init(ret, fence, ctx);
    return fence ? join(ret, fence->lost_fd, err) : 0;
}

int fence_leave(struct fence_pass *pass, int rc, struct err *err)
{
    struct pollfd why = {.fd = pass->why_fd, .events = POLLIN};

    if (rc == -ERR_CANCELLED && pass->why_fd >= 0 && poll(&why, 1, 0) == 1) {
        struct ctx words = ctx_cleanup(&pass->ctx, WORDS_MS);
        rc = pass->fence->check(pass->fence->arg, &words, err);
        if (rc == 0)
            rc =
                err_set(err, ERR_LOST,
                        "this host stood still for longer than its lease of the board lasts, which "
                        "ended what it was doing to it");
    }
    close_fd(&pass->epoll_fd);
    return rc;
}
