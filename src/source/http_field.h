/* SPDX-License-Identifier: MIT
 *
 * http_field: the header fields of an answer that hil looks at (RFC 9110, RFC 8288, RFC 6266).
 *
 *     for each header line: http_fields_take(&fields, line, count, err)
 *
 * A status line begins anew, so that those of a proxy and of 1xx answers are forgotten. All text is
 * hostile; together it is bounded by HTTP_FIELDS_MAX. Nothing blocks. The owner calls _done().
 */
#ifndef HIL_SOURCE_HTTP_FIELD_H
#define HIL_SOURCE_HTTP_FIELD_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

#define HTTP_FIELDS_MAX ((size_t)64 << 10)

struct http_fields {
    long status;              /* 0: none yet */
    char *type;               /* Content-Type, lower case, without its parameters; NULL: none */
    char *etag;               /* as sent, with its quotes */
    char *link, *location;    /* as sent */
    char *disposition;        /* as sent */
    char *scopes;             /* x-oauth-scopes: what GitHub lets a classic token do; as sent */
    int64_t length;           /* Content-Length; -1: not said, as all below */
    int64_t retry_after_s;    /* from now */
    int64_t limit_remaining;  /* x-ratelimit-remaining */
    int64_t limit_reset_unix; /* x-ratelimit-reset */
    int64_t date_unix;        /* the server's clock */
    size_t bytes;             /* of all header lines */
};
void http_fields_init(struct http_fields *fields);
/* -ERR_LIMIT: more than HTTP_FIELDS_MAX. Lines that are not understood are passed over. */
int http_fields_take(struct http_fields *fields, const char *line, size_t count, struct err *err);
void http_fields_done(struct http_fields *fields);

/* The target of rel="next" in a Link field; NULL: there is none. Caller frees. */
char *http_link_next(const char *link);
/* The file name of a Content-Disposition field, as sent; filename* is preferred. NULL: none. Caller
 * frees, and must not take it for a safe path. */
char *http_disposition_name(const char *disposition);
/* Seconds since 1970 of "Sun, 06 Nov 1994 08:49:37 GMT"; -1: not such a date. */
int64_t http_date(const char *text);
/* "a b/c" as one segment of a path, or as a query's value: "a%20b%2Fc". Caller frees. */
char *http_escape(const char *text);
/* A URL without its query and fragment, which may hold a signature, fit to be shown. Caller frees.
 */
char *http_url_shown(const char *url);

#endif
