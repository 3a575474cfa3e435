/* SPDX-License-Identifier: MIT */
#include "report/place.h"

#include "base/str.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#define PATH_BYTES_MAX 1024
#define SHA_DIGITS_MIN 7

/* "..", or what Windows makes of a path. */
static bool leaves(const char *path)
{
    for (const char *at = path; *at;) {
        size_t length = strcspn(at, "/");
        if (length == 2 && at[0] == '.' && at[1] == '.')
            return true;
        at += length + (at[length] == '/');
    }
    return strpbrk(path, "\\:") != NULL;
}

const char *place_path(struct buf *out, const struct run_origin *origin,
                       const struct test_case *test_case)
{
    const char *file = origin->files_known ? NULL : test_case->file;

    if (test_case->path) {
        buf_clear(out);
        buf_adds(out, test_case->path);
        return out->data;
    }
    while (file && file[0] == '.' && file[1] == '/')
        file += 2 + strspn(file + 2, "/");
    if (!file || !*file || *file == '/' || strlen(file) > PATH_BYTES_MAX || leaves(file))
        return NULL;
    buf_clear(out);
    buf_adds(out, file);
    return out->data;
}

/* RFC 3986: unreserved characters and the slash stay, all else becomes %XX. */
static void add_encoded(struct buf *out, const char *path)
{
    for (; *path; path++) {
        unsigned char byte = (unsigned char)*path;
        if (byte < 0x80 && (isalnum(byte) || strchr("-._~/", byte)))
            buf_add(out, path, 1);
        else
            buf_addf(out, "%%%02X", byte);
    }
}

static bool is_web(const char *url)
{
    return url && (str_starts(url, "https://") || str_starts(url, "http://"));
}

/* Up to the path, which may hold anything; what stands before it may not. */
static bool add_url(struct buf *out, const char *url)
{
    const char *host = strstr(url, "://") + 3;

    buf_clear(out);
    buf_add(out, url, (size_t)(host - url));
    for (; *host && *host != '/'; host++) {
        if (!isalnum((unsigned char)*host) && !strchr("-.:", *host))
            return false;
        buf_add(out, host, 1);
    }
    add_encoded(out, host);
    return true;
}

static bool is_commit(const char *sha)
{
    return sha && strlen(sha) >= SHA_DIGITS_MIN && strspn(sha, "0123456789abcdef") == strlen(sha);
}

static bool add_repository(struct buf *out, const struct run_origin *origin, const char *what)
{
    if (!is_web(origin->server_url) || !origin->repository || !is_commit(origin->sha) ||
        !add_url(out, origin->server_url))
        return false;
    buf_adds(out, "/");
    add_encoded(out, origin->repository);
    buf_addf(out, "/%s/%s", what, origin->sha);
    return true;
}

const char *place_link(struct buf *out, const struct run_origin *origin,
                       const struct test_case *test_case)
{
    cleanup_buf struct buf path = BUF_INIT(SIZE_MAX / 4);

    if (!place_path(&path, origin, test_case) || !add_repository(out, origin, "blob"))
        return NULL;
    buf_adds(out, "/");
    add_encoded(out, path.data);
    if (test_case->line)
        buf_addf(out, "#L%" PRIu32, test_case->line);
    return out->data;
}

const char *place_commit(struct buf *out, const struct run_origin *origin)
{
    return add_repository(out, origin, "commit") ? out->data : NULL;
}

const char *place_run(struct buf *out, const struct run_origin *origin)
{
    return is_web(origin->run_url) && add_url(out, origin->run_url) ? out->data : NULL;
}
