/* SPDX-License-Identifier: MIT
 *
 * console: the drivers that a board's output is read from. A new one: its file, a line here, a row
 * in console.c.
 */
#ifndef HIL_BOARD_CONSOLE_CONSOLE_H
#define HIL_BOARD_CONSOLE_CONSOLE_H

#include "board/driver.h"

extern const struct console_driver console_serial, console_tcp, console_unix, console_pty,
    console_rtt;

#endif
