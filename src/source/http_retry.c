/* SPDX-License-Identifier: MIT */
#include "source/http.h"

#include "base/str.h"
#include "base/text.h"

#include <string.h>

#define PAUSE_FIRST_MS 500
#define PAUSE_MAX_MS 30000
#define SECONDARY_MS 60000 /* docs.github.com: "wait for at least one minute" */
#define WAIT_MAX_S ((int64_t)7 * 24 * 3600)

static bool says(const struct http_answer *answer, const char *words)
{
    cleanup_free char *text = text_clean_dup(answer->text.data, HTTP_TEXT_MAX, TEXT_ONE_LINE);

    return strcasestr(text, words);
}

static int64_t doubled(int64_t first_ms, unsigned tries, int64_t max_ms)
{
    int64_t ms = first_ms;

    for (unsigned i = 1; i < tries && ms < max_ms; i++)
        ms *= 2;
    return ms < max_ms ? ms : max_ms;
}

static int64_t seconds_to_ms(int64_t seconds)
{
    return (seconds < WAIT_MAX_S ? seconds : WAIT_MAX_S) * 1000;
}

/* A 403 can also say that the token may not; only one that speaks of a limit passes. */
static int64_t rate_limit_ms(const struct http_answer *answer, unsigned tries, int64_t now_unix,
                             const char **ret_why)
{
    const struct http_fields *fields = &answer->fields;
    int64_t now = fields->date_unix >= 0 ? fields->date_unix : now_unix;

    if (fields->retry_after_s >= 0) {
        *ret_why = "rate limit: it says for how long to wait";
        return seconds_to_ms(fields->retry_after_s ? fields->retry_after_s : 1);
    }
    if (fields->limit_remaining == 0 && fields->limit_reset_unix >= 0) {
        *ret_why = "the rate limit is used up";
        return seconds_to_ms(fields->limit_reset_unix > now ? fields->limit_reset_unix - now + 1
                                                            : 1);
    }
    if (fields->status == 403 && !says(answer, "rate limit") && !says(answer, "abuse"))
        return -1;
    *ret_why = "secondary rate limit";
    return doubled(SECONDARY_MS, tries, INT64_C(3600000));
}

int64_t http_retry_ms(const struct http_answer *answer, unsigned tries, int64_t now_unix,
                      const char **ret_why)
{
    const struct http_fields *fields = &answer->fields;
    int64_t pause_ms = doubled(PAUSE_FIRST_MS, tries, PAUSE_MAX_MS);

    *ret_why = "";
    if (answer->transient)
        return pause_ms;
    switch (fields->status) {
    case 403:
    case 429:
        if (!answer->redirected)
            return rate_limit_ms(answer, tries, now_unix, ret_why);
        *ret_why = "the link may be over its minute: a fresh one is asked for";
        return fields->retry_after_s > 0 ? seconds_to_ms(fields->retry_after_s) : pause_ms;
    case 404:
        *ret_why = "not there yet, or the link is too old: a fresh one is asked for";
        return answer->redirected ? pause_ms : -1;
    case 408:
    case 500:
    case 502:
    case 503:
    case 504:
        *ret_why = "the server is in trouble";
        return fields->retry_after_s > 0 ? seconds_to_ms(fields->retry_after_s) : pause_ms;
    default:
        return -1;
    }
}
