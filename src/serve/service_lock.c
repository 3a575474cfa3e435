/* SPDX-License-Identifier: MIT */
#include "serve/service_lock.h"

#include "base/fs.h"
#include "base/str.h"
#include "board/lock_file.h"

#include <fcntl.h>
#include <unistd.h>

#define LEFT_MS 60000 /* what is left ends in three seconds, on a host that has time for it */
#define NAP_MS 20

/* Bytes of the file. WHOLE is an open file's, so workers have it, too, and it is free when the last
 * of them has ended. ALIVE is a process's (fcntl F_SETLK): no fork passes it on, and it ends with
 * who decides. */
enum { WHOLE, ALIVE };

static bool set_alive(int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = ALIVE, .l_len = 1};

    return fcntl(fd, F_SETLK, &lock) == 0;
}

static int wait_for_the_left(int fd, const char *name, const char *lab, const struct ctx *ctx,
                             struct err *err)
{
    struct ctx wait = ctx_narrow(ctx, LEFT_MS);
    int rc = 0;

    while (rc == 0 && !lock_file_set(fd, F_WRLCK, WHOLE))
        rc = ctx_sleep(&wait, NAP_MS, NULL);
    if (rc == -ERR_TIMEOUT)
        return err_set(err, ERR_BUSY,
                       "what a hil %s that was killed has left behind in lab %s does not end; "
                       "look for it with: pgrep -a hil",
                       name, lab);
    return rc < 0 ? err_set(err, ERR_CANCELLED, "cancelled") : 0;
}

int service_lock(const char *state_dir, const char *name, const char *lab, const struct ctx *ctx,
                 int *ret_fd, struct err *err)
{
    cleanup_free char *dir = fs_join(state_dir, name), *file = xasprintf("%s.lock", lab);
    cleanup_free char *path = fs_join(dir, file);
    int rc = fs_mkdirs(dir, 0755, err);

    if (rc == 0)
        rc = lock_file_open(path, ret_fd, err);
    if (rc == 0 && !set_alive(*ret_fd))
        return err_set(err, ERR_BUSY, "another hil %s is at work in lab %s", name, lab);
    return rc == 0 ? wait_for_the_left(*ret_fd, name, lab, ctx, err) : rc;
}
