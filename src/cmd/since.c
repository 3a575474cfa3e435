/* SPDX-License-Identifier: MIT */
#include "cmd/since.h"

#include "base/ctx.h"
#include "base/str.h"

#include <time.h>

int since_parse(const char *text, int64_t *ret_us, struct err *err)
{
    static const char *const forms[] = {"%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"};
    int64_t ms = 0;

    for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
        struct tm local = {.tm_isdst = -1};
        const char *end = strptime(text, forms[i], &local);
        if (end && !*end) {
            *ret_us = (int64_t)mktime(&local) * 1000000;
            return 0;
        }
    }
    if (str_to_ms(text, "--since", &ms, NULL) < 0)
        return err_set(err, ERR_USAGE,
                       "--since: '%.80s' is neither a time ago (7d, 12h) nor a date (2026-11-01, "
                       "'2026-11-01 14:00')",
                       text);
    *ret_us = ctx_unix_us() - ms * 1000;
    return 0;
}
