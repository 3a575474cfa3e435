/* SPDX-License-Identifier: MIT
 *
 * console pty: a pseudo-terminal of our own, for a program that plays the board.
 *
 *     console: {pty: {path: /run/sim/board-tty}}
 *
 * `path` becomes a link to the terminal that the program opens. It stands from the first open until
 * the board is closed. We keep the program's end open ourselves: while nobody has it open, reads
 * from our end would fail with EIO. So the program may come and go.
 */
#include "base/str.h"
#include "board/console/console.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

struct console_pty {
    char *path;
    int our_end, their_end; /* -1: not there yet */
    char target[32];        /* where the link leads: /dev/pts/N */
};

static const struct field fields[] = {
    {"path", FIELD_STRING, offsetof(struct console_pty, path), FIELD_REQUIRED,
     .help = "the link to create, for the program to open as its tty"},
    {0}};

static void preset(void *self)
{
    struct console_pty *pty = self;

    pty->our_end = pty->their_end = -1;
}

/* Where the link at `path` leads; false where there is no link. */
static bool read_link(const char *path, char target[PATH_MAX])
{
    ssize_t length = readlink(path, target, PATH_MAX - 1);

    target[length < 0 ? 0 : length] = '\0';
    return length >= 0;
}

/* Of what may stand at `path`, only the link of a terminal that is gone gives way. */
static int clear_path(const char *path, struct err *err)
{
    char target[PATH_MAX];
    struct stat status;

    if (lstat(path, &status) < 0)
        return errno == ENOENT ? 0 : err_sys(err, errno, "%s", path);
    if (!read_link(path, target) || !str_starts(target, "/dev/pts/"))
        return err_set(err, ERR_CONFIG, "%s is there already and is not ours; give another path",
                       path);
    if (access(target, F_OK) == 0)
        return err_set(err, ERR_BUSY,
                       "%s leads to %s, which somebody uses; if that is not another hil, remove it",
                       path, target);
    if (unlink(path) < 0 && errno != ENOENT)
        return err_sys(err, errno, "%s: removing the old link", path);
    return 0;
}

static int create_ends(struct console_pty *pty, struct err *err)
{
    struct termios tty;

    pty->our_end = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (pty->our_end < 0 || grantpt(pty->our_end) < 0 || unlockpt(pty->our_end) < 0 ||
        ptsname_r(pty->our_end, pty->target, sizeof pty->target) != 0)
        return err_sys(err, errno, "creating a pseudo-terminal");
    pty->their_end = open(pty->target, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (pty->their_end < 0 || tcgetattr(pty->their_end, &tty) < 0)
        return err_sys(err, errno, "%s", pty->target);
    cfmakeraw(&tty);
    if (tcsetattr(pty->their_end, TCSANOW, &tty) < 0)
        return err_sys(err, errno, "%s", pty->target);
    return 0;
}

/* Takes back what create() did, as far as it went. */
static void withdraw(void *self)
{
    struct console_pty *pty = self;
    char target[PATH_MAX];

    if (pty->target[0] && read_link(pty->path, target) && str_eq(target, pty->target))
        unlink(pty->path);
    close_fd(&pty->our_end);
    close_fd(&pty->their_end);
    pty->target[0] = '\0';
    preset(pty);
}

static int create(struct console_pty *pty, struct err *err)
{
    int rc = clear_path(pty->path, err);

    if (rc == 0)
        rc = create_ends(pty, err);
    if (rc == 0 && symlink(pty->target, pty->path) < 0)
        rc = err_sys(err, errno, "%s: creating the link", pty->path);
    if (rc < 0)
        withdraw(pty);
    return rc;
}

static int open_pty(void *self, const struct driver_env *env, const struct ctx *ctx, int *ret_fd,
                    struct err *err)
{
    struct console_pty *pty = self;
    int rc = ctx_check(ctx, err);

    (void)env;
    if (rc == 0 && pty->our_end < 0)
        rc = create(pty, err);
    if (rc < 0)
        return rc;
    *ret_fd = fcntl(pty->our_end, F_DUPFD_CLOEXEC, 0);
    return *ret_fd < 0 ? err_sys(err, errno, "%s", pty->path) : 0;
}

static void flush(void *self, int fd)
{
    (void)self;
    (void)tcflush(fd, TCIFLUSH);
}

const struct console_driver console_pty = {
    .base = {.name = "pty",
             .summary = "a pseudo-terminal for a program that plays the board",
             .fields = fields,
             .self_size = sizeof(struct console_pty),
             .preset = preset,
             .done = withdraw},
    .settle_ms = 5, /* nothing but the other process lies between */
    .open = open_pty,
    .flush = flush,
};
