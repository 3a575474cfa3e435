/* SPDX-License-Identifier: MIT
 *
 * console_tty: the tty that a board's console has open, lent to what hangs on its modem lines.
 *
 * A tty is opened by one only, and a console may go and come back while another thread resets the
 * board: so who borrows it gets a descriptor of its own. Any thread.
 */
#ifndef HIL_BOARD_CONSOLE_TTY_H
#define HIL_BOARD_CONSOLE_TTY_H

#include "board/tty_target.h"

#include <pthread.h>

struct console_tty {
    const struct tty_target *target; /* borrowed */
    pthread_mutex_t lock;
    int fd; /* -1: closed */
};

void console_tty_init(struct console_tty *tty, const struct tty_target *target);
/* Once it is open; with -1 before it is closed. */
void console_tty_set(struct console_tty *tty, int fd);
/* A descriptor for ioctl(2) and close(2), as what is read is the capture's; -1: it is closed, or
 * `path` is another tty. */
int console_tty_borrow(struct console_tty *tty, const char *path);

#endif
