/* SPDX-License-Identifier: MIT */
#include "source/http_parts.h"

#include "base/str.h"
#include "base/text.h"
#include "source/http_url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define REDIRECTS_MAX 5
#define REST_MAX_MS INT64_C(86400000)

void http_answer_done(struct http_answer *answer)
{
    http_fields_done(&answer->fields);
    free(answer->url);
    if (answer->text.data)
        buf_done(&answer->text);
    *answer = (struct http_answer){0};
}

/* ---- redirects ------------------------------------------------------------------------------- */

static bool is_redirect(const struct http_answer *answer)
{
    long status = answer->fields.status;

    return answer->fields.location &&
           (status == 301 || status == 302 || status == 303 || status == 307 || status == 308);
}

/* Where the answer leads to; NULL with the error told. */
static char *next_url(struct http *http, const struct http_answer *answer, struct err *err)
{
    char *next = url_resolve(&http->api, answer->url, answer->fields.location);
    cleanup_free char *shown = http_url_shown(answer->fields.location);

    if (!next || url_check(&http->api, next, false, NULL) < 0)
        err_set(err, ERR_REFUSED, "redirects to '%s', which is no http or https URL", shown);
    else if (str_starts(answer->url, "https:") && !str_starts(next, "https:"))
        err_set(err, ERR_REFUSED, "redirects from https to plain http ('%s')", shown);
    else
        return next;
    free(next);
    return NULL;
}

static int call_following(struct http *http, const struct http_request *request,
                          const struct ctx *ctx, struct http_answer *answer, struct err *err)
{
    cleanup_free char *url = xstrdup(request->url);
    bool away = false;

    for (int hops = 0;; hops++) {
        int rc = http_transfer(http, request, url, request->with_token && !away, ctx, answer, err);
        char *next;
        answer->redirected = away;
        if (rc < 0 || !is_redirect(answer))
            return rc;
        if (hops == REDIRECTS_MAX)
            return err_set(err, ERR_REFUSED, "redirects more than %d times", REDIRECTS_MAX);
        next = next_url(http, answer, err);
        if (!next)
            return -(int)ERR_REFUSED;
        away |= !url_same_origin(&http->api, url, next);
        if (away && request->method != HTTP_GET) {
            free(next);
            return err_set(err, ERR_REFUSED, "redirects a change to another host");
        }
        free(url);
        url = next;
    }
}

/* ---- the whole ------------------------------------------------------------------------------- */

/* A server may repeat what it was sent. */
void http_mask(const struct http *http, char *text)
{
    size_t length = http->token ? strlen(http->token) : 0;

    for (char *at = text; length && (at = strstr(at, http->token)); at++) {
        memset(at, '*', 3);
        memmove(at + 3, at + length, strlen(at + length) + 1);
    }
}

void http_note(struct http *http, const char *format, ...)
{
    char text[ERR_MESSAGE_MAX];
    cleanup_free char *clean = NULL;
    va_list args;

    if (!http->options.note)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    http_mask(http, text);
    clean = text_clean_dup(text, sizeof text, TEXT_ONE_LINE);
    http->options.note(http->options.arg, clean);
}

/* Says who did not answer well, and what had been tried. */
static int give_up(struct http *http, const struct http_answer *answer, int rc, unsigned tries,
                   struct err *err)
{
    cleanup_free char *shown = answer->url ? http_url_shown(answer->url) : NULL;

    if (rc == 0)
        return 0;
    if (tries > 1 && rc != -ERR_CANCELLED)
        err_hint(err, " (tried %u times)", tries);
    if (shown)
        rc = err_wrap(err, "%s", shown);
    if (err)
        http_mask(http, err->message);
    return rc;
}

static int wait_to_retry(struct http *http, int64_t wait_ms, const char *why,
                         const struct http_answer *answer, const struct ctx *ctx, struct err *err)
{
    char text[32];
    int rc;

    str_from_us(wait_ms * 1000, text);
    if (wait_ms >= ctx_left_ms(ctx)) {
        char left[32];
        str_from_us(ctx_left_ms(ctx) * 1000, left);
        return err_set(err, ERR_REFUSED, "%s: to be asked again in %s, but only %s are left%s", why,
                       text, left,
                       answer->fields.status == 403 || answer->fields.status == 429
                           ? "; allow more with --fetch-timeout"
                           : "");
    }
    http_note(http, "%s; asking again in %s", why, text);
    rc = ctx_sleep(ctx, wait_ms, err);
    return rc < 0 ? err_wrap(err, "while waiting: %s", why) : 0;
}

/* The last request that a limit allows says so, too. */
static void heed_limit(struct http *http, const struct http_answer *answer, unsigned tries)
{
    const struct http_fields *fields = &answer->fields;
    int64_t now = (int64_t)time(NULL), wait_ms = 0, until_ns;
    const char *why;

    if (answer->redirected)
        return;
    if (fields->status == 403 || fields->status == 429)
        wait_ms = http_retry_ms(answer, tries, now, &why);
    else if (fields->limit_remaining == 0 && fields->limit_reset_unix >= 0)
        wait_ms =
            (fields->limit_reset_unix + 1 - (fields->date_unix >= 0 ? fields->date_unix : now)) *
            1000;
    if (wait_ms <= 0)
        return;
    if (wait_ms > REST_MAX_MS)
        wait_ms = REST_MAX_MS;
    until_ns = ctx_now_ns() + wait_ms * 1000000;
    if (until_ns > http->rest_until_ns)
        http->rest_until_ns = until_ns;
}

int64_t http_rest_ms(const struct http *http)
{
    int64_t left_ns = http->rest_until_ns - ctx_now_ns();

    return left_ns > 0 ? (left_ns + 999999) / 1000000 : 0;
}

/* Whether it may be asked again without doing twice what was asked for. */
static bool may_repeat(const struct http_request *request, const struct http_answer *answer)
{
    long status = answer->fields.status;

    return !request->once || answer->unsent || status == 403 || status == 429;
}

int http_call(struct http *http, const struct http_request *request, const struct ctx *ctx,
              struct http_answer *ret, struct err *err)
{
    struct err unread = {0}, *told = err ? err : &unread;
    int rc = url_check(&http->api, request->url, request->with_token && http->token, told);
    unsigned tries = 0;

    *ret = (struct http_answer){0};
    if (rc < 0)
        return rc;
    for (;;) {
        const char *why = NULL;
        int64_t wait_ms;
        rc = call_following(http, request, ctx, ret, told);
        ret->tries = ++tries;
        if (rc == 0)
            heed_limit(http, ret, tries);
        if (rc == -ERR_CANCELLED || ctx_left_ms(ctx) == 0)
            break;
        wait_ms = http_retry_ms(ret, tries, (int64_t)time(NULL), &why);
        if ((rc < 0 && !ret->transient) || wait_ms < 0 || tries > http->options.retries ||
            !may_repeat(request, ret))
            break;
        if (rc == 0) {
            cleanup_free char *shown = http_url_shown(ret->url);
            err_set(told, ERR_REFUSED, "%s: HTTP %ld (%s)", shown, ret->fields.status, why);
        }
        cleanup_free char *reason = text_clean_dup(told->message, ERR_MESSAGE_MAX, TEXT_ONE_LINE);
        rc = wait_to_retry(http, wait_ms, reason, ret, ctx, told);
        if (rc < 0) {
            http_mask(http, told->message);
            return rc;
        }
        *told = (struct err){0};
    }
    return give_up(http, ret, rc, tries, told);
}

int http_open(struct http **ret, const struct http_options *options, struct err *err)
{
    struct http *http = xcalloc(1, sizeof *http);
    int rc = curl_api_load(&http->api, err);

    http->options = *options;
    http->agent = xasprintf("hil/%s", options->version ? options->version : "0");
    http->token = xstrdup(options->token);
    http->bearer = options->token ? xasprintf("Bearer %s", options->token) : NULL;
    http->options.token = NULL;
    if (rc == 0)
        http->multi = http->api.multi_init();
    if (rc == 0 && !http->multi)
        rc = err_set(err, ERR_IO, "libcurl is out of memory");
    *ret = http;
    if (rc < 0) {
        http_close(http);
        *ret = NULL;
    }
    return rc;
}

static void wipe(char *secret)
{
    if (secret)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}

void http_close(struct http *http)
{
    if (!http)
        return;
    if (http->multi)
        http->api.multi_cleanup(http->multi);
    wipe(http->token);
    wipe(http->bearer);
    free(http->agent);
    free(http);
}

bool http_same_origin(struct http *http, const char *a, const char *b)
{
    return url_same_origin(&http->api, a, b);
}
