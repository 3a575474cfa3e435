/* SPDX-License-Identifier: MIT */
#include "source/http_cache.h"

#include "base/fs.h"
#include "base/hash.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

#define CACHE_FILE_MAX ((size_t)16 << 20)

static char *cache_dir(void)
{
    cleanup_free char *state = fs_state_dir();

    return fs_join(state, "http-cache");
}

static char *slot_path(const char *dir, const char *url)
{
    char hash[SHA256_HEX_SIZE];

    sha256_hex(url, strlen(url), hash);
    hash[2] = '\0';
    return fs_join(dir, hash);
}

/* The text up to the next line's end, which becomes its NUL; NULL: there is none. */
static char *next_line(char **at)
{
    char *line = *at, *end = strchr(line, '\n');

    if (!end)
        return NULL;
    *end = '\0';
    *at = end + 1;
    return line;
}

/* URL, ETag, Link, the body's SHA-256: a line each; then the body. */
bool http_cache_read(const char *url, struct http_cached *ret)
{
    cleanup_free char *dir = cache_dir(), *path = slot_path(dir, url);
    cleanup_buf struct buf file = BUF_INIT(CACHE_FILE_MAX);
    char *at, *lines[4], hash[SHA256_HEX_SIZE];
    size_t left;

    *ret = (struct http_cached){.body = BUF_INIT(CACHE_FILE_MAX)};
    if (fs_read(path, &file, NULL) < 0)
        return false;
    at = file.data;
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
        if (!(lines[i] = next_line(&at)))
            return false;
    left = file.size - (size_t)(at - file.data);
    sha256_hex(at, left, hash);
    if (!str_eq(lines[0], url) || !str_eq(lines[3], hash) || !*lines[1])
        return false;
    ret->etag = xstrdup(lines[1]);
    ret->link = xstrdup(lines[2]);
    return buf_add(&ret->body, at, left) == 0;
}

void http_cache_write(const char *url, const char *etag, const char *link, const struct buf *body)
{
    cleanup_free char *dir = cache_dir(), *path = slot_path(dir, url);
    cleanup_buf struct buf file = BUF_INIT(CACHE_FILE_MAX);
    char hash[SHA256_HEX_SIZE];

    sha256_hex(body->data, body->size, hash);
    if (strpbrk(url, "\r\n") || fs_mkdirs(dir, 0700, NULL) < 0)
        return;
    if (buf_addf(&file, "%s\n%s\n%s\n%s\n", url, etag, link ? link : "", hash) == 0 &&
        buf_add(&file, body->data, body->size) == 0)
        fs_write(path, file.data, file.size, NULL);
}

void http_cached_done(struct http_cached *cached)
{
    free(cached->etag);
    free(cached->link);
    if (cached->body.data)
        buf_done(&cached->body);
    *cached = (struct http_cached){0};
}
