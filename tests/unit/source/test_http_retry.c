/* SPDX-License-Identifier: MIT */
#include "source/http.h"

#include "base/str.h"

#include <criterion/criterion.h>

#define NOW 1000000

static const struct {
    const char *what;
    long status;
    int64_t retry_after_s, remaining, reset; /* reset: from now */
    const char *text;
    bool redirected, transient;
    unsigned tries;
    int64_t wait_ms;
} cases[] = {
    {"a reset", 0, -1, -1, 0, "", false, true, 1, 500},
    {"the fourth reset", 0, -1, -1, 0, "", false, true, 4, 4000},
    {"the pause has a ceiling", 0, -1, -1, 0, "", false, true, 60, 30000},
    {"server error", 502, -1, -1, 0, "", false, false, 2, 1000},
    {"server error that says when", 503, 7, -1, 0, "", false, false, 1, 7000},
    {"not implemented", 501, -1, -1, 0, "", false, false, 1, -1},
    {"retry-after comes first", 429, 5, 0, 900, "", false, false, 1, 5000},
    {"retry-after 0 is a second", 429, 0, -1, 0, "", false, false, 1, 1000},
    {"403 with retry-after", 403, 5, -1, 0, "", false, false, 1, 5000},
    {"used up until its reset", 403, -1, 0, 900, "", false, false, 1, 901000},
    {"used up, reset is past", 429, -1, 0, -5, "", false, false, 1, 1000},
    {"secondary", 403, -1, 55, 900, "You have exceeded a secondary rate limit", false, false, 1,
     60000},
    {"secondary, third time", 403, -1, -1, 0, "Secondary Rate Limit", false, false, 3, 240000},
    {"429 says nothing", 429, -1, -1, 0, "", false, false, 2, 120000},
    {"not permitted", 403, -1, 55, 900, "Resource not accessible by integration", false, false, 1,
     -1},
    {"the link is too old", 403, -1, -1, 0, "", true, false, 1, 500},
    {"storage is late", 404, -1, -1, 0, "", true, false, 1, 500},
    {"not found", 404, -1, -1, 0, "", false, false, 1, -1},
    {"gone", 410, -1, -1, 0, "", false, false, 1, -1},
    {"fine", 200, -1, 0, 900, "", false, false, 1, -1},
    {"absurd", 429, INT64_MAX / 2000, -1, 0, "", false, false, 1, INT64_C(604800000)},
};

Test(http_retry, waits_as_the_answer_says)
{
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct http_answer answer = {.redirected = cases[i].redirected,
                                     .transient = cases[i].transient,
                                     .text = BUF_INIT(HTTP_TEXT_MAX)};
        const char *why = NULL;
        int64_t wait_ms;
        http_fields_init(&answer.fields);
        answer.fields.status = cases[i].status;
        answer.fields.retry_after_s = cases[i].retry_after_s;
        answer.fields.limit_remaining = cases[i].remaining;
        answer.fields.limit_reset_unix = cases[i].reset ? NOW + cases[i].reset : -1;
        buf_adds(&answer.text, cases[i].text);
        wait_ms = http_retry_ms(&answer, cases[i].tries, NOW, &why);
        cr_expect_eq(wait_ms, cases[i].wait_ms, "%s: %lld", cases[i].what, (long long)wait_ms);
        http_answer_done(&answer);
    }
}

/* A lab PC's clock may be off by hours. */
Test(http_retry, trusts_the_servers_clock)
{
    struct http_answer answer = {.text = BUF_INIT(HTTP_TEXT_MAX)};
    const char *why;

    http_fields_init(&answer.fields);
    answer.fields.status = 403;
    answer.fields.limit_remaining = 0;
    answer.fields.limit_reset_unix = 5000;
    answer.fields.date_unix = 4990;
    cr_expect_eq(http_retry_ms(&answer, 1, NOW, &why), 11000);
    http_answer_done(&answer);
}
