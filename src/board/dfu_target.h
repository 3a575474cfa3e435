/* SPDX-License-Identifier: MIT
 *
 * dfu_target: the options by which `flash: dfu` and `reset: dfu` name one board's bootloader.
 */
#ifndef HIL_BOARD_DFU_TARGET_H
#define HIL_BOARD_DFU_TARGET_H

#include "board/driver.h"
#include "usb/dfu_find.h"

struct dfu_target { /* a driver's instance begins with it */
    char *path, *serial, *returns;
};

/* The rows of a driver's table that fill it. */
#define DFU_TARGET_ROWS                                                                        \
    {"path", FIELD_STRING, offsetof(struct dfu_target, path),                                  \
     .help = "where the board is plugged, as hil discover shows it: 1-1.4"},                   \
        {"serial", FIELD_STRING, offsetof(struct dfu_target, serial),                          \
         .help = "or the bootloader's serial number; both: both must fit"},                    \
    {                                                                                          \
        "returns", FIELD_STRING, offsetof(struct dfu_target, returns),                         \
            .help = "USB id of the firmware, 0483:5740: waited for at the same port once the " \
                    "bootloader has left"                                                      \
    }

void dfu_target_check(const struct dfu_target *target, const char *what,
                      const struct yaml_node *node, struct diags *diags);
/* dfu_find() with these options. */
int dfu_target_open(const struct dfu_target *target, struct dfu **ret, char **ret_path,
                    const struct ctx *ctx, struct err *err);
/* Starts the firmware at `at` and waits until the bootloader has gone and, with `returns`, the
 * firmware has come. Closes *dfu, sets it to NULL. */
int dfu_target_leave(const struct dfu_target *target, struct dfu **dfu, const char *path,
                     uint64_t at, const struct ctx *ctx, struct err *err);

#endif
