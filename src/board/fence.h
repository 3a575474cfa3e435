/* SPDX-License-Identifier: MIT
 *
 * fence: what is asked before a board is touched: is it still ours?
 *
 *     rc = fence_enter(fence, ctx, &pass, err);
 *     if (rc == 0)
 *         rc = flash(..., &pass.ctx, err);
 *     return fence_leave(&pass, rc, err);
 *
 * A lease that hosts share runs out where its holder is cut off from the others, or stands still.
 * `over_fd` is readable from that moment on, whoever sleeps: the kernel sees to it (a timer of
 * CLOCK_BOOTTIME), so that also what has begun ends then, as if it had been cancelled. It is
 * -ERR_LOST then, with who has the board, or why nobody knows. Thread-safe.
 */
#ifndef HIL_BOARD_FENCE_H
#define HIL_BOARD_FENCE_H

#include "base/ctx.h"

struct fence {
    /* 0, or -ERR_LOST. May ask a server, as long as the ctx lets, where the time is over. */
    int (*check)(void *arg, const struct ctx *ctx, struct err *err);
    int over_fd; /* readable: hands off */
    int lost_fd; /* readable: somebody else has it for certain, and nothing of it means anything */
    void *arg;
};

struct fence_pass {
    struct ctx ctx; /* for what is done behind the fence */
    const struct fence *fence;
    int epoll_fd, why_fd;
};

/* `fence` NULL: the board is nobody else's business, and ctx is as it was. */
int fence_enter(const struct fence *fence, const struct ctx *ctx, struct fence_pass *ret,
                struct err *err);
/* For work that only listens: it ends where the board is lost, and goes on where nobody knows. */
int fence_follow(const struct fence *fence, const struct ctx *ctx, struct fence_pass *ret,
                 struct err *err);
/* Also after an error of the two above. `rc` as it is, unless the fence has cancelled the work. */
int fence_leave(struct fence_pass *pass, int rc, struct err *err);

#endif
