/* SPDX-License-Identifier: MIT */
#include "base/str.h"
#include "serve/watch_state.h"

#include <poll.h>
#include <stdio.h>
#include <sys/epoll.h>

#define AGAIN_MS 30000  /* after the ear was lost */
#define SPACING_MS 1000 /* between two looks, however many deliveries come */
#define STOP_MS 1000

static void listen_to(const struct watch *watch, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    epoll_ctl(watch->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

int watch_hook_open(struct watch *watch, struct err *err)
{
    const struct webhook_conf *conf = &watch->plan.webhook;
    int rc;

    watch_hook_close(watch);
    if (!conf->listen || watch->request->once)
        return 0;
    rc = webhook_open(&watch->hook, conf, watch->stop_fd, err);
    watch->hook_again_ns = ctx_now_ns() + AGAIN_MS * 1000000LL;
    if (rc < 0)
        return rc;
    listen_to(watch, watch->hook.events_fd);
    listen_to(watch, worker_fd(&watch->hook.worker));
    watch_tell(watch, watch_line(JOURNAL_INFO, "webhook"), "listens at %s", watch->hook.address);
    return 0;
}

void watch_hook_close(struct watch *watch)
{
    struct ctx ctx = ctx_cleanup(&watch->ctx, STOP_MS);

    webhook_close(&watch->hook, &ctx);
}

static void wake(struct watch *watch, const struct hook_event *event)
{
    for (size_t i = 0; i < watch->follow_count; i++) {
        struct follow *follow = &watch->follows[i];
        int64_t next_ns = follow->looked_ns + SPACING_MS * 1000000LL, now_ns = ctx_now_ns();
        if (!hook_wakes(event, follow->conf))
            continue;
        if (next_ns < now_ns)
            next_ns = now_ns;
        if (next_ns < follow->next_ns)
            follow->next_ns = next_ns;
    }
}

static bool has_ended(const struct webhook *hook)
{
    struct pollfd fd = {.fd = worker_fd(&hook->worker), .events = POLLIN};

    return poll(&fd, 1, 0) == 1;
}

void watch_hook_take(struct watch *watch)
{
    struct hook_event event;
    struct err err = {0};

    while (watch->hook.events_fd >= 0 && webhook_next(&watch->hook, &event))
        wake(watch, &event);
    if (watch->hook.events_fd >= 0 && has_ended(&watch->hook) && !ctx_cancelled(&watch->ctx)) {
        watch_tell(watch, watch_line(JOURNAL_WARNING, "webhook"),
                   "nobody listens any more; asked for again in a moment");
        watch_hook_close(watch);
    }
    if (watch->hook.events_fd < 0 && watch->plan.webhook.listen && !watch->request->once &&
        ctx_now_ns() >= watch->hook_again_ns && watch_hook_open(watch, &err) < 0)
        watch_tell(watch, watch_line(JOURNAL_ERR, "webhook"), "%s", err.message);
}
