/* SPDX-License-Identifier: MIT */
#include "board/console_tty.h"

#include <fcntl.h>
#include <sys/stat.h>

void console_tty_init(struct console_tty *tty, const struct tty_target *target)
{
    *tty = (struct console_tty){.target = target, .fd = -1};
    pthread_mutex_init(&tty->lock, NULL);
}

void console_tty_set(struct console_tty *tty, int fd)
{
    pthread_mutex_lock(&tty->lock);
    tty->fd = fd;
    pthread_mutex_unlock(&tty->lock);
}

/* A tty has many names. */
static bool is_open_as(int fd, const char *path)
{
    struct stat opened, named;

    return fstat(fd, &opened) == 0 && stat(path, &named) == 0 && S_ISCHR(named.st_mode) &&
           opened.st_rdev == named.st_rdev;
}

int console_tty_borrow(struct console_tty *tty, const char *path)
{
    int fd = -1;

    pthread_mutex_lock(&tty->lock);
    if (tty->fd >= 0 && is_open_as(tty->fd, path))
        fd = fcntl(tty->fd, F_DUPFD_CLOEXEC, 0);
    pthread_mutex_unlock(&tty->lock);
    return fd;
}
