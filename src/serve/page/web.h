/* SPDX-License-Identifier: MIT
 *
 * web: HTTP for the page, inside its loop: libmicrohttpd without a thread of its own.
 *
 *     web_open(page, &web, err)           on page->listen_fd
 *     web_fd(web)                         for epoll; web_timeout_ms(web): or after that
 *     web_turn(web)                       serves whoever wants something; never blocks
 *     web_wake(web)                       viewers get what is news
 *     web_close(web)
 *
 * A viewer that does not read is dropped after WEB_IDLE_S; what it may hold up is one frame and a
 * socket's buffer. Any header, path or body may come.
 */
#ifndef HIL_SERVE_PAGE_WEB_H
#define HIL_SERVE_PAGE_WEB_H

#include "serve/page/page_state.h"

#define WEB_IDLE_S 30U
#define WEB_CONNECTIONS 256U
#define WEB_VIEWERS 128

struct web_counts {
    size_t viewers;
    uint64_t requests, refused, frames, bytes;
};

int web_open(struct page *page, struct web **ret, struct err *err);
int web_fd(const struct web *web);
int64_t web_timeout_ms(const struct web *web); /* -1: none */
bool web_turn(struct web *web);                /* false: it does not serve any more */
void web_wake(struct web *web);
struct web_counts web_counts(const struct web *web);
void web_close(struct web *web);

/* What a path means, before anything is looked at. */
enum web_route {
    WEB_NOTHING,
    WEB_ASSET,   /* the page, its style and its script */
    WEB_HEALTH,  /* /healthz */
    WEB_METRICS, /* /metrics */
    WEB_EVENTS,  /* /events */
    WEB_STATE,   /* /api/boards */
    WEB_HISTORY, /* /api/history */
    WEB_RUN,     /* /run/ID/ */
    WEB_FILE,    /* /run/ID/NAME */
    WEB_LOGIN,
    WEB_LOGOUT,
    WEB_CONTROL,
};
struct web_target {
    enum web_route route;
    bool is_post;
    const char *run; /* the id, run_length characters */
    size_t run_length;
    const char *file; /* in the run's directory */
};
/* `url` is decoded: any bytes. */
struct web_target web_target(const char *url);

#endif
