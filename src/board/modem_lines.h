/* SPDX-License-Identifier: MIT
 *
 * modem_lines: DTR and RTS of a serial adapter, as wires that something hangs on.
 *
 * A line that is set is what a terminal program shows as on; the adapter's pin (DTR#, RTS#) is then
 * low. The console's tty is borrowed from it where it is open; any other is opened for as long as
 * this lasts. Linux sets both lines whenever a tty is opened: for the console, too. Setting takes a
 * USB request, which the kernel gives up after 5 s.
 *
 *     struct modem_lines lines;
 *     rc = modem_lines_open(&target, env, ctx, &lines, err);
 *     rc = modem_lines_change(&lines, MODEM_RTS, MODEM_DTR, err);
 *     modem_lines_close(&lines);
 */
#ifndef HIL_BOARD_MODEM_LINES_H
#define HIL_BOARD_MODEM_LINES_H

#include "board/driver.h"
#include "board/tty_target.h"

enum { MODEM_DTR = 1, MODEM_RTS = 2 };

struct modem_lines {
    int fd;
    bool borrowed;    /* from the console, whose lock and settings it has */
    const char *name; /* the target's */
};

/* An empty target is the console's tty. After an error nothing is open. */
int modem_lines_open(const struct tty_target *target, const struct driver_env *env,
                     const struct ctx *ctx, struct modem_lines *ret, struct err *err);
/* The same without opening a tty, which would set its lines: -ERR_CONFIG where the console does not
 * have it open. */
int modem_lines_borrow(const struct tty_target *target, const struct driver_env *env,
                       struct modem_lines *ret, struct err *err);
void modem_lines_close(struct modem_lines *lines); /* the lines stay as they are */

/* Sets some and clears others, all at once as far as the adapter can. */
int modem_lines_change(const struct modem_lines *lines, unsigned set, unsigned clear,
                       struct err *err);
/* Those that are set. */
int modem_lines_read(const struct modem_lines *lines, unsigned *ret, struct err *err);

#endif
