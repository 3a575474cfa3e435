/* SPDX-License-Identifier: MIT */
#include "board/flash/flash_log.h"

#include "base/fs.h"
#include "base/str.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>

void flash_log_open(struct flash_log *log, const struct driver_env *env)
{
    cleanup_free char *path = env->work_dir ? fs_join(env->work_dir, "flash.log") : NULL;

    *log = (struct flash_log){.env = env, .fd = -1};
    if (path)
        log->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
}

void flash_log_close(struct flash_log *log)
{
    close_fd(&log->fd);
}

void flash_log_step(struct flash_log *log)
{
    log->done = log->told = 0;
}

void flash_log_done(struct flash_log *log, const char *step, uint64_t more, uint64_t total)
{
    log->done += more;
    if (log->done < total && log->done - log->told < total / 50 + 1)
        return;
    log->told = log->done;
    driver_tell_progress(log->env, step, log->done, total);
}

void flash_log_line(const struct flash_log *log, const char *format, ...)
{
    va_list args;

    if (log->fd < 0)
        return;
    va_start(args, format);
    vdprintf(log->fd, format, args);
    va_end(args);
}
