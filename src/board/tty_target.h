/* SPDX-License-Identifier: MIT
 *
 * tty_target: the options by which a driver names a tty, and the way from them to the open tty.
 *
 * A USB tty may come late (its board was just switched on) and before its permissions do, so
 * opening waits for a few seconds, within the ctx. Any thread.
 */
#ifndef HIL_BOARD_TTY_TARGET_H
#define HIL_BOARD_TTY_TARGET_H

#include "base/ctx.h"
#include "base/err.h"
#include "conf/field.h"

struct tty_target {          /* a driver's instance begins with it */
    char *path, *usb_serial; /* one of them; neither: the console's tty, where that is allowed */
};

/* The rows of a driver's table that fill it. */
#define TTY_TARGET_ROWS                                                          \
    {"path", FIELD_STRING, offsetof(struct tty_target, path),                    \
     .help = "the tty: /dev/ttyACM0, or better a link in /dev/serial/by-id"},    \
    {                                                                            \
        "usb-serial", FIELD_STRING, offsetof(struct tty_target, usb_serial),     \
            .help = "instead of path: the serial number of the USB device that " \
                    "has the tty"                                                \
    }

bool tty_target_given(const struct tty_target *target);
/* `what` names the driver: "console serial". Without `required` neither option is fine, too. */
void tty_target_check(const struct tty_target *target, const char *what, bool required,
                      const struct yaml_node *node, struct diags *diags);
/* The path as of now; the caller frees. Opens nothing. */
int tty_target_find(const struct tty_target *target, char **ret_path, struct err *err);
/* 0 where it is there; opens nothing. */
int tty_target_present(const struct tty_target *target, struct err *err);

/* serial_open_line(), or what else opens a path; `arg` is its own. */
typedef int tty_open(const char *path, const void *arg, int *ret_fd, struct err *err);
int tty_target_open(const struct tty_target *target, tty_open *open, const void *arg,
                    const struct ctx *ctx, int *ret_fd, struct err *err);

#endif
