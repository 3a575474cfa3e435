/* SPDX-License-Identifier: MIT
 *
 * http_cache: what an API answered last time, so that an unchanged answer costs no rate limit.
 *
 * 256 slots, a file each, in http-cache below the state directory; a URL falls into the slot of its
 * hash, and what was in there goes. Only this user may read them. A cache that cannot be read or
 * written is no error: it is as if there were none. Blocks as long as the disk does.
 */
#ifndef HIL_SOURCE_HTTP_CACHE_H
#define HIL_SOURCE_HTTP_CACHE_H

#include "base/buf.h"

#include <stdbool.h>

struct http_cached {
    char *etag, *link; /* `link` "" where there was none */
    struct buf body;
};

/* True where something is known of this URL; the caller calls http_cached_done(). */
bool http_cache_read(const char *url, struct http_cached *ret);
void http_cache_write(const char *url, const char *etag, const char *link, const struct buf *body);
void http_cached_done(struct http_cached *cached); /* zeroed is fine */

#endif
