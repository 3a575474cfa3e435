/* SPDX-License-Identifier: MIT */
#include "board/flash/gdb_monitor.h"

#include "base/fs.h"

#include <fcntl.h>

/* What the server said belongs beside what other tools said. */
static void keep(const struct gdb_remote *gdb, const struct driver_env *env, const char *command,
                 const char *log)
{
    cleanup_buf struct buf text = BUF_INIT(128 * 1024);
    cleanup_free char *path = NULL;
    cleanup_close int fd = -1;

    if (!env->work_dir)
        return;
    path = fs_join(env->work_dir, log);
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0)
        return;
    buf_addf(&text, "monitor %s\n", command);
    buf_add(&text, gdb->console.data, gdb->console.size);
    fs_write_all(fd, text.data, text.size, path, NULL);
}

int gdb_monitor_all(struct gdb_remote *gdb, const struct driver_env *env,
                    const struct strv *commands, const char *log, const struct ctx *ctx,
                    struct err *err)
{
    int rc = 0;

    for (size_t i = 0; i < commands->count && rc == 0; i++) {
        driver_tell_command(env, (const char *const[]){"monitor", commands->items[i], NULL});
        rc = gdb_monitor(gdb, commands->items[i], ctx, err);
        keep(gdb, env, commands->items[i], log);
    }
    return rc;
}
