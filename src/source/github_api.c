/* SPDX-License-Identifier: MIT */
#include "source/github_api.h"

#include "base/fs.h"
#include "base/str.h"
#include "source/github_json.h"
#include "source/http_cache.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_API "https://api.github.com"
#define TOKEN_MAX 4096

struct github {
    struct http *http;
    char *api; /* without a slash at its end */
    char *token;
};

/* ---- opening --------------------------------------------------------------------------------- */

static void wipe(char *secret)
{
    if (secret)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}

/* It goes into a header line: nothing that would end one, and never into the message. */
static int check_token(const char *token, const char *from, struct err *err)
{
    for (const char *at = token; *at; at++)
        if (*at <= ' ' || *at >= 0x7F)
            return err_set(err, ERR_USAGE,
                           "%s: holds no token: a blank or control character is in it", from);
    return *token ? 0 : err_set(err, ERR_USAGE, "%s: is empty", from);
}

static int read_token(const char *file, char **ret, struct err *err)
{
    cleanup_buf struct buf bytes = BUF_INIT(TOKEN_MAX);
    const char *env = getenv("GITHUB_TOKEN");
    int rc = 0;

    if (file) {
        rc = fs_read(file, &bytes, err);
        if (rc < 0) {
            err_wrap(err, "--token-file");
            return rc == -ERR_NOT_FOUND
                       ? err_set(err, ERR_USAGE, "--token-file: %s: no such file", file)
                       : rc;
        }
        *ret = xstrndup(bytes.data, strcspn(bytes.data, "\r\n"));
        explicit_bzero(bytes.data, bytes.size);
    } else if (env && *env) {
        *ret = xstrdup(env);
    } else {
        return 0;
    }
    return check_token(*ret, file ? file : "GITHUB_TOKEN", err);
}

int github_open(struct github **ret, const struct http_options *options, const char *token_file,
                struct err *err)
{
    struct github *github = xcalloc(1, sizeof *github);
    struct http_options with_token = *options;
    const char *api = getenv("GITHUB_API_URL");
    int rc = read_token(token_file, &github->token, err);

    github->api = xstrdup(api && *api ? api : DEFAULT_API);
    while (str_ends(github->api, "/"))
        github->api[strlen(github->api) - 1] = '\0';
    with_token.token = github->token;
    if (rc == 0)
        rc = http_open(&github->http, &with_token, err);
    if (rc < 0) {
        github_close(github);
        github = NULL;
    }
    *ret = github;
    return rc;
}

void github_close(struct github *github)
{
    if (!github)
        return;
    http_close(github->http);
    wipe(github->token);
    free(github->api);
    free(github);
}

struct http *github_http(struct github *github)
{
    return github->http;
}

const char *github_token(const struct github *github)
{
    return github->token;
}

static bool is_name(const char *text, size_t count)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

    return count && count <= 100 && strspn(text, allowed) >= count &&
           !(count <= 2 && strspn(text, ".") >= count);
}

bool github_repo_ok(const char *repo)
{
    const char *slash = strchr(repo, '/');

    return slash && is_name(repo, (size_t)(slash - repo)) &&
           is_name(slash + 1, strlen(slash + 1)) && !strchr(slash + 1, '/');
}

/* ---- errors ---------------------------------------------------------------------------------- */

int github_explain(struct github *github, const struct http_answer *answer,
                   struct github_asked asked, struct err *err)
{
    const char *what = asked.what, *permission = asked.permission;
    cleanup_free char *message = github_read_message(answer->text.data, answer->text.size);
    const char *colon = *message ? ": " : "";
    bool token = github->token;

    switch (answer->fields.status) {
    case 401:
        return token ? err_set(
                           err, ERR_REFUSED,
                           "%s: the token is not accepted (HTTP 401%s%s): it is mistyped, revoked "
                           "or has expired",
                           what, colon, message)
                     : err_set(err, ERR_REFUSED,
                               "%s: needs a token (HTTP 401): set GITHUB_TOKEN or --token-file",
                               what);
    case 403:
        return err_set(
            err, ERR_REFUSED, "%s: not allowed (HTTP 403%s%s): %s `%s`", what, colon, message,
            token ? "the token needs the permission" : "set GITHUB_TOKEN to a token with",
            permission);
    case 404:
        return err_set(err, ERR_NOT_FOUND,
                       "%s: not found (HTTP 404): either it is not there, or %s `%s`", what,
                       token ? "the token may not see it and needs"
                             : "it is private and needs a token with",
                       permission);
    case 410:
        return err_set(err, ERR_NOT_FOUND, "%s: is gone (HTTP 410%s%s)", what, colon, message);
    case 429:
        return err_set(err, ERR_REFUSED, "%s: rate limit (HTTP 429%s%s), asked %u times", what,
                       colon, message, answer->tries);
    default:
        return err_set(err, answer->fields.status >= 500 ? ERR_GONE : ERR_PROTOCOL,
                       "%s: HTTP %ld%s%s%s", what, answer->fields.status, colon, message,
                       answer->tries > 1 ? ", more than once" : "");
    }
}

/* ---- the API --------------------------------------------------------------------------------- */

static int page_begin(void *arg, const struct http_answer *answer, struct err *err)
{
    struct buf *body = arg;

    buf_clear(body);
    if (answer->fields.type && str_eq(answer->fields.type, "text/html"))
        return err_set(err, ERR_PROTOCOL,
                       "a web page came where JSON was due: a proxy's or a login page, or "
                       "GITHUB_API_URL is not the API's");
    return 0;
}

static int page_bytes(void *arg, const void *bytes, size_t count, const struct ctx *ctx,
                      struct err *err)
{
    (void)ctx;
    return buf_add(arg, bytes, count) < 0
               ? err_set(err, ERR_LIMIT, "the answer is larger than %zu MiB", GITHUB_JSON_MAX >> 20)
               : 0;
}

char *github_url(const struct github *github, const char *format, ...)
{
    cleanup_free char *path = NULL;
    va_list args;

    va_start(args, format);
    if (vasprintf(&path, format, args) < 0)
        abort();
    va_end(args);
    return xasprintf("%s%s", github->api, path);
}

int github_get(struct github *github, const char *url, struct github_asked asked,
               const struct ctx *ctx, struct buf *ret, char **ret_next, struct err *err)
{
    struct http_cached cached;
    bool known = http_cache_read(url, &cached);
    struct http_answer answer = {0};
    struct http_request request = {.url = url,
                                   .accept = GITHUB_ACCEPT,
                                   .etag = known ? cached.etag : NULL,
                                   .with_token = true,
                                   .sink = {page_begin, page_bytes, ret}};
    int rc = http_call(github->http, &request, ctx, &answer, err);

    *ret_next = NULL;
    if (rc < 0) {
        err_wrap(err, "%s", asked.what);
    } else if (answer.fields.status == 304 && known) {
        buf_clear(ret);
        buf_add(ret, cached.body.data, cached.body.size);
        *ret_next = http_link_next(cached.link);
    } else if (answer.fields.status == 200) {
        *ret_next = http_link_next(answer.fields.link);
        if (answer.fields.etag && answer.fields.etag[0])
            http_cache_write(url, answer.fields.etag, answer.fields.link, ret);
    } else {
        rc = github_explain(github, &answer, asked, err);
    }
    if (rc == 0 && *ret_next && !http_same_origin(github->http, url, *ret_next))
        rc = err_set(err, ERR_PROTOCOL, "%s: its next page is on another host", asked.what);
    http_answer_done(&answer);
    http_cached_done(&cached);
    return rc;
}

int github_pages(struct github *github, const char *url, struct github_asked asked,
                 unsigned pages_max, const struct ctx *ctx,
                 int (*read)(void *arg, const struct buf *page, struct err *err), void *arg,
                 struct err *err)
{
    cleanup_free char *at = xstrdup(url);
    cleanup_buf struct buf page = BUF_INIT(GITHUB_JSON_MAX);

    for (unsigned n = 0; at && n < pages_max; n++) {
        char *next = NULL;
        int rc = github_get(github, at, asked, ctx, &page, &next, err);
        if (rc == 0) {
            rc = read(arg, &page, err);
            if (rc < 0)
                err_wrap(err, "%s", asked.what);
        }
        free(at);
        at = next;
        if (rc < 0)
            return rc;
    }
    if (at && pages_max > 1)
        return err_set(err, ERR_LIMIT, "%s: more than %u pages", asked.what, pages_max);
    return 0;
}

int github_send(struct github *github, const struct github_change *change,
                struct github_asked asked, const struct ctx *ctx, struct buf *ret, struct err *err)
{
    struct http_answer answer = {0};
    struct http_request request = {.url = change->url,
                                   .method = change->method,
                                   .body = change->body,
                                   .once = change->once,
                                   .accept = GITHUB_ACCEPT,
                                   .with_token = true};
    int rc = http_call(github->http, &request, ctx, &answer, err);

    if (rc < 0)
        err_wrap(err, "%s", asked.what);
    else if (answer.fields.status / 100 != 2)
        rc = github_explain(github, &answer, asked, err);
    else if (ret && answer.bytes > answer.text.size)
        rc = err_set(err, ERR_LIMIT, "%s: the answer is larger than %zu KiB", asked.what,
                     HTTP_TEXT_MAX >> 10);
    else if (ret && buf_add(ret, answer.text.data, answer.text.size) < 0)
        rc = err_set(err, ERR_LIMIT, "%s: the answer is too large", asked.what);
    http_answer_done(&answer);
    return rc;
}
