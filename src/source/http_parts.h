/* SPDX-License-Identifier: MIT
 *
 * http_parts: what http.c, which asks until it has an answer, and http_transfer.c, which asks once,
 * share.
 */
#ifndef HIL_SOURCE_HTTP_PARTS_H
#define HIL_SOURCE_HTTP_PARTS_H

#include "source/curl_api.h"
#include "source/http.h"

struct http {
    struct curl_api api;
    CURLM *multi; /* keeps connections between transfers */
    struct http_options options;
    char *agent, *token, *bearer; /* the last for the Authorization field */
    int64_t rest_until_ns;        /* by the rate limit */
};

/* One request to one URL. 0: a complete answer of any status, redirects too, is in *answer, which
 * is emptied first. Errors as of http_call(); answer->transient where asking again may help. */
int http_transfer(struct http *http, const struct http_request *request, const char *url,
                  bool with_token, const struct ctx *ctx, struct http_answer *answer,
                  struct err *err);

#endif
