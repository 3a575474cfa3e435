/* SPDX-License-Identifier: MIT
 *
 * board_parts: what a board is made of, for board_open.c, which makes one, and the files that use
 * it: board_look.c, board.c, board_console.c.
 */
#ifndef HIL_BOARD_BOARD_PARTS_H
#define HIL_BOARD_BOARD_PARTS_H

#include "board/board.h"
#include "board/console_tty.h"

struct board {
    const struct board_conf *conf;
    const struct lab *lab;
    const char *lock_dir; /* all users' */
    struct turn *turn;
    struct driver_env env;
    char *dir; /* env.runtime_dir */
    struct memory_range emulated[2];
    const struct power_driver *power;
    const struct reset_driver *reset;
    const struct flash_driver *flash;
    const struct console_driver *console;
    const struct reset_driver *bootloader; /* into its ROM; NULL: none */
    const struct power_driver *probe;      /* the probe's supply; NULL: not to be switched */
    const struct flash_driver *otp;        /* NULL: none */
    void *power_self, *reset_self, *flash_self, *console_self, *bootloader_self, *probe_self,
        *otp_self;
    bool powered;
    int console_fd;
    struct console_tty console_tty;
    const struct fence *fence; /* NULL: nobody else could have it */
    struct guard *guard;       /* that knows our resting commands */
    size_t rests;
};

#endif
