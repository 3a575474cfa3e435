/* SPDX-License-Identifier: MIT */
#include "board/modem_lines.h"

#include "base/str.h"
#include "board/console/serial.h"
#include "board/console_tty.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* ---- opening --------------------------------------------------------------------------------- */

/* Who is meant; NULL: nobody. */
static const struct tty_target *look_up(const struct tty_target *target,
                                        const struct driver_env *env, struct err *err)
{
    if (tty_target_given(target))
        return target;
    if (env->console)
        return env->console->target;
    err_set(err, ERR_CONFIG, "names no tty, and the board has no serial console");
    return NULL;
}

static bool borrow(const struct tty_target *target, const struct driver_env *env,
                   struct modem_lines *ret)
{
    cleanup_free char *path = NULL;
    int fd = -1;

    if (env->console && tty_target_find(target, &path, NULL) == 0)
        fd = console_tty_borrow(env->console, path);
    *ret = (struct modem_lines){.fd = fd, .borrowed = fd >= 0, .name = tty_target_name(target)};
    return ret->borrowed;
}

static int open_modem(const char *path, const void *arg, int *ret_fd, struct err *err)
{
    (void)arg;
    return serial_open_modem(path, ret_fd, err);
}

int modem_lines_open(const struct tty_target *target, const struct driver_env *env,
                     const struct ctx *ctx, struct modem_lines *ret, struct err *err)
{
    const struct tty_target *meant = look_up(target, env, err);

    if (!meant)
        return -ERR_CONFIG;
    return borrow(meant, env, ret) ? 0
                                   : tty_target_open(meant, open_modem, NULL, ctx, &ret->fd, err);
}

int modem_lines_borrow(const struct tty_target *target, const struct driver_env *env,
                       struct modem_lines *ret, struct err *err)
{
    const struct tty_target *meant = look_up(target, env, err);

    if (!meant)
        return -ERR_CONFIG;
    return borrow(meant, env, ret)
               ? 0
               : err_set(err, ERR_CONFIG,
                         "cannot tell: the console does not have %s open, and opening it would set "
                         "its lines",
                         ret->name);
}

void modem_lines_close(struct modem_lines *lines)
{
    if (lines->borrowed)
        close(lines->fd);
    else if (lines->fd >= 0)
        serial_close(lines->fd);
    lines->fd = -1;
}

/* ---- the lines ------------------------------------------------------------------------------- */

static int bits_of(unsigned lines)
{
    return (lines & MODEM_DTR ? TIOCM_DTR : 0) | (lines & MODEM_RTS ? TIOCM_RTS : 0);
}

static int failed(const struct modem_lines *lines, const char *what, struct err *err)
{
    int reason = errno;

    if (reason == ENOTTY || reason == EINVAL)
        return err_set(err, ERR_CONFIG, "%s has no modem lines; name a serial adapter's tty",
                       lines->name);
    err_sys(err, reason, "%s: %s", lines->name, what);
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
