/* SPDX-License-Identifier: MIT */
#include "serve/schedule.h"

#include "base/str.h"

#include <sodium/randombytes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY_MINUTES (24 * 60)

int64_t schedule_jitter(int64_t ms, uint32_t random)
{
    int64_t span = ms / 5; /* a fifth in all, half of it to each side */

    return span > 0 ? ms - span / 2 + (int64_t)(random % (uint64_t)(span + 1)) : ms;
}

int64_t schedule_backoff(int64_t first_ms, int64_t max_ms, unsigned failures, uint32_t random)
{
    int64_t ms = first_ms;

    for (unsigned i = 1; i < failures && ms < max_ms; i++)
        ms *= 2;
    ms = schedule_jitter(ms < max_ms ? ms : max_ms, random);
    return ms < max_ms ? ms : max_ms;
}

uint32_t schedule_random(void)
{
    return randombytes_random();
}

/* ---- hours ----------------------------------------------------------------------------------- */

/* "22:00" */
static bool read_time(const char *text, size_t count, int *ret)
{
    static const char shape[] = "00:00";

    if (count != strlen(shape))
        return false;
    for (size_t i = 0; i < count; i++)
        if (shape[i] == ':' ? text[i] != ':' : text[i] < '0' || text[i] > '9')
            return false;
    int hour = (text[0] - '0') * 10 + text[1] - '0', minute = (text[3] - '0') * 10 + text[4] - '0';
    *ret = hour * 60 + minute;
    return minute < 60 && *ret <= DAY_MINUTES;
}

int window_parse(const char *text, struct window *ret, struct err *err)
{
    const char *dash = text ? strchr(text, '-') : NULL;

    *ret = (struct window){0};
    if (!text || !*text)
        return 0;
    if (!dash || !read_time(text, (size_t)(dash - text), &ret->from) ||
        !read_time(dash + 1, strlen(dash + 1), &ret->to))
        return err_set(err, ERR_USAGE, "'%.40s' are no hours such as 22:00-06:00", text);
    ret->from %= DAY_MINUTES;
    ret->to %= DAY_MINUTES;
    if (ret->from == ret->to)
        return err_set(err, ERR_USAGE, "'%.40s' begins when it ends; leave it out for always",
                       text);
    ret->given = true;
    return 0;
}

bool window_open(const struct window *window, int minute)
{
    if (!window->given)
        return true;
    if (window->from < window->to)
        return minute >= window->from && minute < window->to;
    return minute >= window->from || minute < window->to;
}

int window_minute(int64_t unix_s)
{
    time_t at = (time_t)unix_s;
    struct tm local;

    return localtime_r(&at, &local) ? local.tm_hour * 60 + local.tm_min : 0;
}
