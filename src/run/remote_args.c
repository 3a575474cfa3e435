/* SPDX-License-Identifier: MIT */
#include "run/remote_args.h"

#include <inttypes.h>

void remote_option(struct strv *args, const char *option, const char *value)
{
    if (!value)
        return;
    strv_add(args, option);
    strv_add(args, value);
}

static void add_time(struct strv *args, const char *name, int64_t ms)
{
    if (ms < 0)
        return;
    strv_add(args, "--timeout");
    strv_addf(args, "%s=%" PRId64 "ms", name, ms);
}

void remote_timeouts(struct strv *args, const struct timeouts *timeouts, int64_t wait_ms)
{
    if (wait_ms < 0)
        wait_ms = timeouts->lease;
    if (wait_ms >= 0) {
        strv_add(args, "--wait");
        strv_addf(args, "%" PRId64 "ms", wait_ms);
    }
    add_time(args, "flash", timeouts->flash);
    add_time(args, "boot", timeouts->boot);
    add_time(args, "idle", timeouts->idle);
    add_time(args, "total", timeouts->total);
}

void remote_at(struct strv *args, const struct image *image)
{
    if (!str_eq(image->format, "bin"))
        return;
    strv_add(args, "--at");
    strv_addf(args, "0x%" PRIx64, image->segments[0].address);
}
