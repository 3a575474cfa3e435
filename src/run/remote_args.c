/* SPDX-License-Identifier: MIT */
#include "run/remote_args.h"

#include "base/buf.h"

#include <inttypes.h>

void remote_option(struct strv *args, const char *option, const char *value)
{
    if (!value)
        return;
    strv_add(args, option);
    strv_add(args, value);
}

static void add_time(struct buf *list, const char *name, int64_t ms)
{
    if (ms >= 0)
        buf_addf(list, "%s%s=%" PRId64 "ms", list->size ? "," : "", name, ms);
}

void remote_timeouts(struct strv *args, const struct timeouts *timeouts, int64_t wait_ms)
{
    cleanup_buf struct buf list = BUF_INIT(256);

    if (wait_ms < 0)
        wait_ms = timeouts->lease;
    if (wait_ms >= 0) {
        strv_add(args, "--wait");
        strv_addf(args, "%" PRId64 "ms", wait_ms);
    }
    add_time(&list, "flash", timeouts->flash);
    add_time(&list, "boot", timeouts->boot);
    add_time(&list, "idle", timeouts->idle);
    add_time(&list, "total", timeouts->total);
    if (list.size)
        remote_option(args, "--timeout", list.data);
}

void remote_at(struct strv *args, const struct image *image)
{
    if (!str_eq(image->format, "bin"))
        return;
    strv_add(args, "--at");
    strv_addf(args, "0x%" PRIx64, image->segments[0].address);
}
