/* SPDX-License-Identifier: MIT */
#include "board/modem_lines.h"

#include "base/str.h"
#include "board/console/serial.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

/* ---- opening ----------------------------------------------------------------------------------- */

static bool is_open_as(int fd, const char *path)
{
    struct stat opened, named;

    return fstat(fd, &opened) == 0 && stat(path, &named) == 0 && S_ISCHR(named.st_mode) &&
           opened.st_rdev == named.st_rdev;
}

/* Who is meant, and its path now, where it has one; NULL: not there. */
static const struct tty_target *look_up(const struct tty_target *target,
                                        const struct driver_env *env, char **ret_path,
                                        struct err *err)
{
    if (!tty_target_given(target))
        target = env->console ? env->console->target : NULL;
    if (!target) {
        err_set(err, ERR_CONFIG, "names no tty, and the board has no serial console");
        return NULL;
    }
    if (tty_target_find(target, ret_path, err) < 0)
        *ret_path = NULL;
    return target;
}

static bool borrow(const struct driver_env *env, const char *path, struct modem_lines *ret)
{
    bool borrowed =
        path && env->console && env->console->fd >= 0 && is_open_as(env->console->fd, path);

    if (borrowed)
        *ret = (struct modem_lines){.fd = env->console->fd, .path = xstrdup(path)};
    return borrowed;
}

static int open_modem(const char *path, const void *arg, int *ret_fd, struct err *err)
{
    char **opened = *(char ***)arg;
    int rc = serial_open_modem(path, ret_fd, err);

    if (rc == 0)
        *opened = xstrdup(path);
    return rc;
}

int modem_lines_open(const struct tty_target *target, const struct driver_env *env,
                     const struct ctx *ctx, struct modem_lines *ret, struct err *err)
{
    cleanup_free char *path = NULL;
    char **opened = &ret->path;

    *ret = (struct modem_lines){.fd = -1, .ours = true};
    target = look_up(target, env, &path, err);
    if (!target)
        return -ERR_CONFIG;
    if (borrow(env, path, ret))
        return 0;
    return tty_target_open(target, open_modem, &opened, ctx, &ret->fd, err);
}

int modem_lines_borrow(const struct tty_target *target, const struct driver_env *env,
                       struct modem_lines *ret, struct err *err)
{
    cleanup_free char *path = NULL;

    *ret = (struct modem_lines){.fd = -1};
    target = look_up(target, env, &path, err);
    if (!target)
        return -ERR_CONFIG;
    if (borrow(env, path, ret))
        return 0;
    return err_set(err, ERR_CONFIG,
                   "cannot tell: the console does not have %s open, and opening it would set its "
                   "lines",
                   path ? path : "its tty");
}

void modem_lines_close(struct modem_lines *lines)
{
    if (lines->ours && lines->fd >= 0)
        serial_close(lines->fd);
    lines->fd = -1;
    free_pointer(&lines->path);
    lines->path = NULL;
}

/* ---- the lines --------------------------------------------------------------------------------- */

static int bits_of(unsigned lines)
{
    return (lines & MODEM_DTR ? TIOCM_DTR : 0) | (lines & MODEM_RTS ? TIOCM_RTS : 0);
}

static int failed(const struct modem_lines *lines, const char *what, struct err *err)
{
    int reason = errno;

    if (reason == ENOTTY || reason == EINVAL)
        return err_set(err, ERR_CONFIG, "%s has no modem lines; name a serial adapter's tty",
                       lines->path);
    err_sys(err, reason, "%s: %s", lines->path, what);
    if (reason == EIO || reason == ENODEV || reason == ENXIO)
        return err_hint(err, "; was it unplugged?");
    return -ERR_IO;
}

int modem_lines_change(const struct modem_lines *lines, unsigned set, unsigned clear,
                       struct err *err)
{
    int bits, status;

    /* What the driver has no need to read it may not be able to. */
    if (!clear || !set) {
        bits = bits_of(set | clear);
        return ioctl(lines->fd, set ? TIOCMBIS : TIOCMBIC, &bits) < 0
                   ? failed(lines, "setting its modem lines", err)
                   : 0;
    }
    if (ioctl(lines->fd, TIOCMGET, &status) < 0)
        return failed(lines, "reading its modem lines", err);
    status = (status | bits_of(set)) & ~bits_of(clear);
    return ioctl(lines->fd, TIOCMSET, &status) < 0 ? failed(lines, "setting its modem lines", err)
                                                   : 0;
}

int modem_lines_read(const struct modem_lines *lines, unsigned *ret, struct err *err)
{
    int status;

    if (ioctl(lines->fd, TIOCMGET, &status) < 0)
        return failed(lines, "reading its modem lines", err);
    *ret = (status & TIOCM_DTR ? MODEM_DTR : 0) | (status & TIOCM_RTS ? MODEM_RTS : 0);
    return 0;
}
