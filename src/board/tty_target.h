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

/* A driver's instance begins with it. Either `path` or the USB device; neither: the console's tty,
 * where that is allowed. */
struct tty_target {
    char *path;
    char *usb_serial, *usb_path, *interface;
};

/* The rows of a driver's table that fill it. */
#define TTY_USB_ROWS                                                                         \
    {"usb-serial", FIELD_STRING, offsetof(struct tty_target, usb_serial),                    \
     .help = "instead: the serial number of the USB device that has the tty"},               \
        {"usb-path", FIELD_STRING, offsetof(struct tty_target, usb_path),                    \
         .help = "or where that is plugged, as hil discover shows it: 1-1.4; both: both "    \
                 "must fit"},                                                                \
    {                                                                                        \
        "interface", FIELD_STRING, offsetof(struct tty_target, interface),                   \
            .help = "which of its ttys, where it has several: the number of the interface, " \
                    "0 or 2"                                                                 \
    }
#define TTY_TARGET_ROWS                                                       \
    {"path", FIELD_STRING, offsetof(struct tty_target, path),                 \
     .help = "the tty: /dev/ttyACM0, or better a link in /dev/serial/by-id"}, \
        TTY_USB_ROWS

bool tty_target_given(const struct tty_target *target);
/* `what` names the driver: "console serial", `path` its option for the path. Without `required`
 * none of them is fine, too. */
void tty_target_check(const struct tty_target *target, const char *what, const char *path,
                      bool required, const struct yaml_node *node, struct diags *diags);
/* Whether it names one and the same tty for ever: the kernel gives its own names, such as ttyACM0,
 * to whatever comes next. */
bool tty_target_lasts(const struct tty_target *target);
/* For messages; borrowed. */
const char *tty_target_name(const struct tty_target *target);
/* The path as of now; the caller frees. Opens nothing. */
int tty_target_find(const struct tty_target *target, char **ret_path, struct err *err);
/* 0 where it is there; opens nothing. */
int tty_target_present(const struct tty_target *target, struct err *err);

/* serial_open_line(), or what else opens a path; `arg` is its own. */
typedef int tty_open(const char *path, const void *arg, int *ret_fd, struct err *err);
int tty_target_open(const struct tty_target *target, tty_open *open, const void *arg,
                    const struct ctx *ctx, int *ret_fd, struct err *err);

#endif
