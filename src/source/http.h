/* SPDX-License-Identifier: MIT
 *
 * http: requests over HTTP and HTTPS, with the patience and the suspicion that CI needs.
 *
 *     http_open(&http, &options, err)
 *     http_call(http, &(struct http_request){.url = ..., .sink = ...}, ctx, &answer, err)
 *     http_answer_done(&answer); http_close(http)
 *
 * Redirects are followed by hand: the token goes to the scheme, host and port of the first URL, and
 * never again once another was seen. What may pass (resets, truncation, 5xx, rate limits) is tried
 * again, from the first URL on, as often as the options say and the ctx lets; each wait is told to
 * `note`. What was sent to change something is repeated word for word, to the same host only, and
 * where `once` says so only if it cannot have arrived (RFC 9110 section 9.2.2). Proxies come from
 * the usual variables (libcurl-env(3)), certificates from SSL_CERT_FILE, SSL_CERT_DIR and
 * CURL_CA_BUNDLE, else from the system.
 *
 * The token is in no message: where a server repeats it, it becomes "***". One thread at a time for
 * each struct http. Blocks until the answer is complete, the ctx is over or the limits are.
 */
#ifndef HIL_SOURCE_HTTP_H
#define HIL_SOURCE_HTTP_H

#include "base/buf.h"
#include "base/ctx.h"
#include "source/http_field.h"

#include <stdbool.h>

struct http_options {
    const char *version;                       /* of hil, for the User-Agent */
    const char *token;                         /* NULL: none */
    int64_t connect_ms;                        /* name, connection and TLS */
    int64_t stall_ms;                          /* in which less than HTTP_STALL_BYTES come */
    unsigned retries;                          /* after the first attempt */
    void (*note)(void *arg, const char *text); /* NULL: nobody listens */
    void *arg;
};
#define HTTP_STALL_BYTES 1024
#define HTTP_TEXT_MAX ((size_t)64 << 10) /* kept of a body that no sink got */

struct http_answer {
    struct http_fields fields; /* of the last answer; its status is 0 where none came */
    char *url;                 /* that it came from */
    bool redirected;           /* from another host than was asked */
    unsigned tries;            /* that it took */
    bool transient;            /* it failed in a way that may pass */
    bool unsent;               /* there was no connection: the server knows of nothing */
    struct buf text;           /* the body that no sink got, cut at HTTP_TEXT_MAX */
    uint64_t bytes;            /* of the body */
};
void http_answer_done(struct http_answer *answer); /* zeroed is fine */

/* Who gets the body of a GET's 200. A retry begins again; errors end the transfer and are not
 * retried. */
struct http_sink {
    int (*begin)(void *arg, const struct http_answer *answer, struct err *err);
    int (*bytes)(void *arg, const void *bytes, size_t count, const struct ctx *ctx,
                 struct err *err);
    void *arg;
};

enum http_method { HTTP_GET, HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE };

struct http_request {
    const char *url;
    enum http_method method;
    const char *body;          /* JSON; NULL: none. Not with HTTP_GET */
    const char *const *fields; /* more of them, "Name: value", NULL-terminated; NULL: none */
    bool once;                 /* sending it twice would do it twice */
    const char *accept;        /* NULL: anything */
    const char *etag;          /* for If-None-Match; NULL: none */
    bool with_token;           /* to the host of `url` */
    struct http_sink sink;     /* of HTTP_GET */
};

struct http;
int http_open(struct http **ret, const struct http_options *options, struct err *err);
/* 0: a complete answer of any status is in *ret. -ERR_GONE, -ERR_TIMEOUT: no connection, or it
 * broke or stalled; -ERR_REFUSED: certificates, redirects, rate limits that outlast the ctx; the
 * sink's. */
int http_call(struct http *http, const struct http_request *request, const struct ctx *ctx,
              struct http_answer *ret, struct err *err);
void http_close(struct http *http); /* NULL is fine */
/* For how long the API does not want to be asked again, by the rate limit that its answers told of;
 * 0: it may be asked. */
int64_t http_rest_ms(const struct http *http);

void http_note(struct http *http, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Takes the token out of a message, in place: a server may repeat what it was sent. */
void http_mask(const struct http *http, char *text);
/* The same scheme, host and port. */
bool http_same_origin(struct http *http, const char *a, const char *b);

/* How long to wait before asking again, *ret_why saying why; -1: asking again is of no use. `tries`
 * have been made. GitHub's three shapes of a rate limit: retry-after; x-ratelimit-remaining 0 and
 * its reset; neither, for which it wants at least a minute, doubled each time. */
int64_t http_retry_ms(const struct http_answer *answer, unsigned tries, int64_t now_unix,
                      const char **ret_why);

#endif
