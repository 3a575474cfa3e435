/* SPDX-License-Identifier: MIT
 *
 * dfu: a bootloader's side of "USB Device Firmware Upgrade 1.1", and ST's extension of it, DfuSe.
 *
 *     dfu_open(device, &dfu, ctx, err);          its settings, and the memory behind them
 *     dfu_select(dfu, 0, ctx, err);              claim one, and bring it to dfuIDLE
 *     dfuse_erase(dfu, at, ctx, err);
 *     dfuse_point(dfu, at, ctx, err);  dfu_write(dfu, DFUSE_FIRST_BLOCK + n, bytes, size, ctx,
 * err); dfuse_point(dfu, at, ctx, err);  dfu_read(dfu, DFUSE_FIRST_BLOCK + n, bytes, size, ctx,
 * err); dfuse_leave(dfu, at, ctx, err);  dfu_close(dfu);
 *
 * A device's poll timeout is slept out before it is asked again. What it reports as an error comes
 * in words as -ERR_REFUSED, and it is left in dfuIDLE; -ERR_GONE: it was unplugged. Calls block
 * within their ctx. One thread at a time for each device.
 */
#ifndef HIL_USB_DFU_H
#define HIL_USB_DFU_H

#include "usb/dfuse_map.h"
#include "usb/link.h"

#define DFU_CLASS 0xfe
#define DFU_SUBCLASS 0x01
#define DFU_SETTINGS_MAX 8
#define DFUSE_FIRST_BLOCK 2 /* AN3156: data blocks count from here; 0 is for commands */
#define DFU_BLOCKS_MAX 32768

/* bStatus of DFU 1.1 6.1.2 that callers look for */
#define DFU_STATUS_VENDOR 0x0b

struct dfu_setting {
    uint8_t alternate;
    char *name;           /* may be NULL */
    struct dfuse_map map; /* empty where the name is no layout */
};

struct dfu {
    struct usb_link *link;
    uint8_t interface;
    bool st;                             /* DfuSe: addresses, erase, memory layouts */
    bool runtime;                        /* firmware that must be told to go: dfu_detach() */
    bool can_upload, survives, detaches; /* bitCanUpload, bitManifestationTolerant, bitWillDetach */
    uint16_t detach_ms;                  /* wDetachTimeOut */
    uint16_t block_size;                 /* wTransferSize */
    uint8_t status;                      /* bStatus of the last -ERR_REFUSED; else 0 */
    struct dfu_setting settings[DFU_SETTINGS_MAX];
    size_t count;
};

int dfu_open(const struct usb_device *device, struct dfu **ret, const struct ctx *ctx,
             struct err *err);
void dfu_close(struct dfu *dfu); /* NULL is fine */
int dfu_select(struct dfu *dfu, size_t setting, const struct ctx *ctx, struct err *err);

int dfu_write(struct dfu *dfu, uint16_t block, const void *bytes, size_t size,
              const struct ctx *ctx, struct err *err);
/* The bytes read, fewer than `size` at the end of the memory. */
int dfu_read(struct dfu *dfu, uint16_t block, void *bytes, size_t size, const struct ctx *ctx,
             struct err *err);
int dfu_abort(struct dfu *dfu, const struct ctx *ctx, struct err *err); /* back to dfuIDLE */
/* Tells that all is written: the device takes the firmware. *ret_reset: it waits for a reset. */
int dfu_manifest(struct dfu *dfu, bool *ret_reset, const struct ctx *ctx, struct err *err);
/* Sends firmware into its bootloader: it will come back as another device at the same port. */
int dfu_detach(struct dfu *dfu, const struct ctx *ctx, struct err *err);

int dfuse_point(struct dfu *dfu, uint64_t at, const struct ctx *ctx, struct err *err);
int dfuse_erase(struct dfu *dfu, uint64_t at, const struct ctx *ctx,
                struct err *err); /* a sector */
/* Starts what is at `at`; the device goes away. */
int dfuse_leave(struct dfu *dfu, uint64_t at, const struct ctx *ctx, struct err *err);

/* The functional descriptor among `bytes` (DFU 1.1 4.1.3) into the fields that come from it. */
bool dfu_read_functional(const uint8_t *bytes, size_t size, struct dfu *ret);

#endif
