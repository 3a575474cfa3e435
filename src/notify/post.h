/* SPDX-License-Identifier: MIT
 *
 * post: a JSON document sent to a URL that is itself a secret.
 *
 * One try; no message names more of the URL than its scheme and host. Blocks until the ctx is over.
 */
#ifndef HIL_NOTIFY_POST_H
#define HIL_NOTIFY_POST_H

#include "notify/kind.h"

/* `fields`: as struct http_request's. -ERR_REFUSED: an answer other than 2xx; *ret_wait_ms then is
 * what it asked for. */
int post_json(const struct secret_conf *url, const char *dir, const char *body,
              const char *const *fields, const char *version, const struct ctx *ctx,
              int64_t *ret_wait_ms, struct err *err);

#endif
