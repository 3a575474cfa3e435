/* SPDX-License-Identifier: MIT
 *
 * web_parts: what the files of web share: the server, its viewers, and how answers are given.
 */
#ifndef HIL_SERVE_PAGE_WEB_PARTS_H
#define HIL_SERVE_PAGE_WEB_PARTS_H

#include "serve/mhd_api.h"
#include "serve/page/web.h"

struct viewer;

struct web_call { /* a request */
    struct web_call *next, **at;
    struct MHD_Connection *connection;
    struct buf body;
    bool too_large;
    /* It waits for the store, suspended; a request is handed to web_get() again after that. */
    bool waited, suspended;
    int64_t due_ns;               /* then it goes on without */
    uint64_t answers;             /* page_store's that it waits for; */
    struct page_history *history; /* or this one; NULL: it has not asked for it */
};

struct web {
    struct page *page;
    struct mhd_api api;
    struct MHD_Daemon *daemon;
    struct viewer *viewers;
    struct web_call *calls;
    struct web_counts counts;
    struct frame *reset, *clear, *missed; /* that a single viewer is told */
    char cookie_name[32];
    bool closing;
};

struct web_answer {
    unsigned status;
    const char *type; /* Content-Type */
    const void *bytes;
    size_t size;
    bool keeps;           /* the bytes outlive the connection: need not be copied */
    const char *location; /* of a redirect, or NULL */
    const char *cookie;   /* Set-Cookie, or NULL */
    const char *etag;     /* or NULL */
};
enum MHD_Result web_answer(struct web *web, struct MHD_Connection *connection,
                           const struct web_answer *answer);
/* A line of text. */
enum MHD_Result web_say(struct web *web, struct MHD_Connection *connection, unsigned status,
                        const char *text);
/* The headers that every answer has; `policy` is its Content-Security-Policy. */
void web_guard(const struct web *web, struct MHD_Response *response, const char *policy);
const char *web_header(const struct web *web, struct MHD_Connection *connection, const char *name);
const char *web_query(const struct web *web, struct MHD_Connection *connection, const char *name);

/* web_wait.c: until the store has answered; true: web_get() returns MHD_YES, to be called again. */
bool web_waits_for_look(struct web *web, struct web_call *call);
bool web_waits_for_history(struct web *web, struct web_call *call);
void web_go_on(struct web *web);                /* those whose answer is here, or late */
int64_t web_next_due_ns(const struct web *web); /* INT64_MAX: nobody waits */
struct web_call *web_call_new(struct web *web, struct MHD_Connection *connection);
void web_call_free(struct web_call *call);

/* web_viewer.c */
enum MHD_Result web_view(struct web *web, struct MHD_Connection *connection);
void web_dismiss(struct web *web); /* all viewers: their streams end */

/* web_get.c, web_post.c: by the target that is known to be allowed */
enum MHD_Result web_get(struct web *web, struct web_call *call, const struct web_target *target);
enum MHD_Result web_post(struct web *web, struct MHD_Connection *connection,
                         const struct web_target *target, const struct buf *body);

#endif
