/* SPDX-License-Identifier: MIT */
#include "run/screen.h"

#include "base/fs.h"
#include "base/str.h"

#include <string.h>
#include <time.h>

static void add_time(struct buf *out)
{
    struct timespec now;
    struct tm local;

    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &local);
    buf_addf(out, "[%02d:%02d:%02d.%03ld] ", local.tm_hour, local.tm_min, local.tm_sec,
             now.tv_nsec / 1000000);
}

/* Looks for `until` in lines, so that it is found however the bytes come. */
static void look_for(struct screen *screen, char byte)
{
    if (!screen->until || screen->seen)
        return;
    if (byte == '\n' || screen->line.size == SCREEN_LINE_MAX)
        buf_clear(&screen->line);
    else
        buf_add(&screen->line, &byte, 1);
    screen->seen =
        memmem(screen->line.data, screen->line.size, screen->until, strlen(screen->until));
}

int screen_show(struct screen *screen, const char *bytes, size_t count, struct err *err)
{
    cleanup_buf struct buf out = BUF_INIT((size_t)256 << 10);
    int rc = 0;

    if (screen->log_fd >= 0)
        rc = fs_write_all(screen->log_fd, bytes, count, "the log", err);
    for (size_t i = 0; i < count; i++) {
        if (screen->times && !screen->in_line)
            add_time(&out);
        buf_add(&out, bytes + i, 1);
        screen->in_line = bytes[i] != '\n';
        look_for(screen, bytes[i]);
    }
    return rc < 0 ? rc : fs_write_all(screen->out_fd, out.data, out.size, "output", err);
}

int screen_say(struct screen *screen, const char *text, struct err *err)
{
    cleanup_free char *line = xasprintf("%s[hil: %s]\n", screen->in_line ? "\n" : "", text);

    screen->in_line = false;
    return fs_write_all(screen->out_fd, line, strlen(line), "output", err);
}

void screen_done(struct screen *screen)
{
    buf_done(&screen->line);
}
