/* SPDX-License-Identifier: MIT
 *
 * link: two descriptors that frames go through, both ways, and the watch over them.
 *
 * What is said is queued and written as the other side takes it, so saying never blocks. Each side
 * says something every LINK_PING_MS, if only "ping"; who has not heard anything for LINK_DEAD_MS
 * holds the other for gone, also where its machine is frozen or a cable is out and no connection
 * has broken. The queue holds more than a board can print in that time.
 *
 *     link_turn(&link, fds, count, ctx, err)     one wait: reads, writes, pings; fds are the caller's
 *     while (link_next(&link, &frame, err) > 0)
 *         ...
 *         frame_done(&frame)
 *
 * One thread. Descriptors are made non-blocking and stay the caller's to close.
 */
#ifndef HIL_REMOTE_LINK_H
#define HIL_REMOTE_LINK_H

#include "base/ctx.h"
#include "remote/frame.h"

#include <poll.h>

#define LINK_PING_MS 2000
#define LINK_DEAD_MS 10000
#define LINK_FDS_MAX 4
#define LINK_QUEUE_MAX ((size_t)64 << 20)

struct link {
    int in_fd, out_fd;
    struct buf in, out;
    size_t taken; /* bytes at the front of `in` that the last frame lies in */
    bool ended;   /* the other side has closed */
    int64_t heard_ns, said_ns;
};

void link_init(struct link *link, int in_fd, int out_fd);
void link_done(struct link *link);

/* A frame into the queue. */
int link_say(struct link *link, const char *type, const void *body, size_t size, struct err *err);
int link_end(struct link *link, struct json_out *head, const void *body, size_t size,
             struct err *err);
/* Until something has happened on the link or on one of `fds` (with poll's revents), or a ping was
 * due. -ERR_GONE: the link is at its end, and everything that came before is to be had by
 * link_next(); -ERR_TIMEOUT with a message: nothing was heard for too long, or the ctx's time is
 * over; -ERR_CANCELLED. */
int link_turn(struct link *link, struct pollfd *fds, size_t count, const struct ctx *ctx,
              struct err *err);
/* 1: a frame, valid until the next call; 0: none is there; negative: what came is no frame. Pings
 * are kept back. */
int link_next(struct link *link, struct frame *ret, struct err *err);

#endif
