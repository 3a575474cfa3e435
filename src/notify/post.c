/* SPDX-License-Identifier: MIT */
#include "notify/post.h"

#include "base/str.h"
#include "base/text.h"
#include "source/http.h"

#include <string.h>
#include <time.h>

#define CONNECT_MS 10000
#define STALL_MS 20000
#define ANSWER_SHOWN 200 /* bytes of what a refusal says */

/* "https://hooks.example.org" of what may go on with a key. */
static char *origin_of(const char *url)
{
    const char *host = strstr(url, "://");

    return host ? xstrndup(url, (size_t)(host - url) + 3 + strcspn(host + 3, "/?#"))
                : xstrdup("the URL");
}

static void hide(char *message, const char *secret)
{
    size_t length = strlen(secret);

    for (char *at = message; length > 3 && (at = strstr(at, secret)); at += 3) {
        memset(at, '*', 3);
        memmove(at + 3, at + length, strlen(at + length) + 1);
    }
}

/* What http says of the URL, and what a server repeats of it: its path and query are as good as a
 * key. */
static void mask(char *message, const char *url, const char *origin)
{
    const char *rest = url + strlen(origin);
    cleanup_free char *path = xstrndup(rest, strcspn(rest, "?#"));
    const char *query = strchr(rest, '?');

    hide(message, rest);
    hide(message, *path == '/' ? path + 1 : path);
    if (query)
        hide(message, query + 1);
}

static int judge(const struct http_answer *answer, const char *origin, int64_t *ret_wait_ms,
                 struct err *err)
{
    cleanup_free char *said = text_clean_dup(answer->text.data, ANSWER_SHOWN, TEXT_ONE_LINE);
    long status = answer->fields.status;
    const char *why = NULL;
    int64_t wait_ms;

    if (status >= 200 && status < 300)
        return 0;
    wait_ms = http_retry_ms(answer, 1, (int64_t)time(NULL), &why);
    if (status == 429 || status == 503)
        *ret_wait_ms = wait_ms > 0 ? wait_ms : 0;
    return err_set(err, ERR_REFUSED, "%s: HTTP %ld%s%s", origin, status, *said ? ": " : "", said);
}

static int call(struct http *http, const struct http_request *request, const struct ctx *ctx,
                int64_t *ret_wait_ms, struct err *err)
{
    cleanup_free char *origin = origin_of(request->url);
    struct http_answer answer = {0};
    int rc = http_call(http, request, ctx, &answer, err);

    if (rc == 0)
        rc = judge(&answer, origin, ret_wait_ms, err);
    if (rc < 0 && err)
        mask(err->message, request->url, origin);
    http_answer_done(&answer);
    return rc;
}

int post_json(const struct secret_conf *url_conf, const char *dir, const char *body,
              const char *const *fields, const char *version, const struct ctx *ctx,
              int64_t *ret_wait_ms, struct err *err)
{
    struct http_options options = {
        .version = version, .connect_ms = CONNECT_MS, .stall_ms = STALL_MS};
    cleanup_secret char *url = NULL;
    struct http *http = NULL;
    int rc = secret_read(url_conf, "url", dir, &url, err);

    if (rc == 0)
        rc = http_open(&http, &options, err);
    if (rc == 0)
        rc = call(
            http,
            &(struct http_request){.url = url, .method = HTTP_POST, .body = body, .fields = fields},
            ctx, ret_wait_ms, err);
    http_close(http);
    return rc;
}
