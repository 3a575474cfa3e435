/* SPDX-License-Identifier: MIT
 *
 * image_cache: firmware that came over a link, kept by its digest so that it comes only once.
 *
 * Files STATE/agent/images/SHA256, at most IMAGE_CACHE_BYTES together: those that nobody has used
 * for longest make room. Several agents share it; a file that one of them has lent is a link of its
 * own, and stays whatever another one removes. Blocks as long as the disk does.
 */
#ifndef HIL_REMOTE_IMAGE_CACHE_H
#define HIL_REMOTE_IMAGE_CACHE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

#define IMAGE_CACHE_BYTES ((size_t)1 << 30)

bool image_digest_valid(const char *sha256); /* 64 lower-case hexadecimal digits */
/* It counts as used then: another agent that makes room takes others before it. */
bool image_cache_has(const char *dir, const char *sha256);
/* -ERR_DATA: the bytes do not have that digest. */
int image_cache_put(const char *dir, const char *sha256, const void *bytes, size_t count,
                    struct err *err);
/* The image as `path`. -ERR_NOT_FOUND: it is not there (any more). */
int image_cache_lend(const char *dir, const char *sha256, const char *path, struct err *err);
/* Removes the oldest files until no more than `bytes` are left. */
void image_cache_trim(const char *dir, size_t bytes);

#endif
