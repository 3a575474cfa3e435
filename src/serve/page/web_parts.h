/* SPDX-License-Identifier: MIT
 *
 * web_parts: what the files of web share: the server, its viewers, and how answers are given.
 */
#ifndef HIL_SERVE_PAGE_WEB_PARTS_H
#define HIL_SERVE_PAGE_WEB_PARTS_H

#include "serve/mhd_api.h"
#include "serve/page/web.h"

struct viewer;
struct web {
    struct page *page;
    struct mhd_api api;
    struct MHD_Daemon *daemon;
    struct viewer *viewers;
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

/* web_viewer.c */
enum MHD_Result web_view(struct web *web, struct MHD_Connection *connection);
void web_dismiss(struct web *web); /* all viewers: their streams end */

/* web_get.c, web_post.c: by the target that is known to be allowed */
enum MHD_Result web_get(struct web *web, struct MHD_Connection *connection,
                        const struct web_target *target);
enum MHD_Result web_post(struct web *web, struct MHD_Connection *connection,
                         const struct web_target *target, const struct buf *body);

#endif
