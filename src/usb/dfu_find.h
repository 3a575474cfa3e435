/* SPDX-License-Identifier: MIT
 *
 * dfu_find: the bootloader of one board among all that is plugged in, and waiting for it to come
 * and go. Devices are chosen by hub path or serial number; whatever happens after is followed by
 * hub path, because numbers and names change with each enumeration.
 *
 * Calls block within their ctx and look every few milliseconds. Any thread.
 */
#ifndef HIL_USB_DFU_FIND_H
#define HIL_USB_DFU_FIND_H

#include "usb/dfu.h"

struct dfu_select {
    const char *path;   /* hub path, "1-1.4"; NULL: any */
    const char *serial; /* NULL: any */
};

/* Opens it, within 5 s of appearing; firmware at run time is sent into its bootloader first.
 * `ret_path` (the caller frees) is where it is plugged. -ERR_NOT_FOUND: it is not there, and what
 * is instead; -ERR_CONFIG: several have this serial number. */
int dfu_find(const struct dfu_select *select, struct dfu **ret, char **ret_path,
             const struct ctx *ctx, struct err *err);
/* Waits until the bootloader at `path` is gone. */
int dfu_await_gone(const char *path, const struct ctx *ctx, struct err *err);
/* Waits until a device with this id is at `path`. */
int usb_await(const char *path, uint16_t vendor, uint16_t product, const struct ctx *ctx,
              struct err *err);

#endif
