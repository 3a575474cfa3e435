/* SPDX-License-Identifier: MIT
 *
 * Sources: "USB Device Class Specification for Device Firmware Upgrade", revision 1.1 (sections by
 * number); ST AN3156, "USB DFU protocol used in the STM32 bootloader".
 */
#include "usb/dfu.h"

#include "base/str.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define OUT 0x21 /* class request to an interface */
#define IN 0xa1
#define BLOCK_SIZE_DEFAULT 1024 /* where a device says nonsense */
#define BLOCK_SIZE_MOST 16384
#define FUNCTIONAL 0x21 /* bDescriptorType */
#define VERSION_DFUSE 0x011a
#define IDLE_TRIES 4
/* A bootloader whose poll timeout is too short answers once its erase is over: 4 s for 128 KiB of
 * an STM32F4's flash at 8 bits (datasheets), with room. */
#define STATUS_MS 20000

enum request { DETACH, DNLOAD, UPLOAD, GETSTATUS, CLRSTATUS, GETSTATE, ABORT };

enum state {
    APP_IDLE,
    APP_DETACH,
    IDLE,
    DNLOAD_SYNC,
    DNBUSY,
    DNLOAD_IDLE,
    MANIFEST_SYNC,
    MANIFEST,
    MANIFEST_WAIT_RESET,
    UPLOAD_IDLE,
    FAILED, /* dfuERROR */
};

struct status {
    uint8_t status, state;
    uint32_t poll_ms;
};

/* 6.1.2, in words that say what to do where that is known. */
static const char *const reasons[] = {
    [0x00] = "no error (OK)",
    [0x01] = "the firmware is not for this device (errTARGET); wrong address or file?",
    [0x02] = "the file fails the device's own check (errFILE)",
    [0x03] = "the memory could not be written (errWRITE)",
    [0x04] = "the memory could not be erased (errERASE)",
    [0x05] = "the memory is not erased (errCHECK_ERASED)",
    [0x06] = "programming failed (errPROG)",
    [0x07] = "what was programmed does not read back (errVERIFY)",
    [0x08] = "the address is outside its memory (errADDRESS)",
    [0x09] = "the firmware ended too early (errNOTDONE)",
    [0x0a] = "its firmware is damaged (errFIRMWARE)",
    [0x0b] = "refused for its maker's own reason (errVENDOR); is the flash protected?",
    [0x0c] = "a USB reset came in between (errUSBR)",
    [0x0d] = "a power-on reset came in between (errPOR)",
    [0x0e] = "unknown error (errUNKNOWN)",
    [0x0f] = "it did not expect this request (errSTALLEDPKT)",
};

/* ---- requests -------------------------------------------------------------------------------- */

static int ask(struct dfu *dfu, enum request request, uint16_t value, void *bytes, size_t size,
               const struct ctx *ctx, struct err *err)
{
    struct usb_request setup = {.type = request == UPLOAD || request == GETSTATUS ? IN : OUT,
                                .request = (uint8_t)request,
                                .value = value,
                                .index = dfu->interface};
    struct ctx until = ctx_narrow(ctx, request == GETSTATUS ? STATUS_MS : USB_ANSWER_MS);

    return usb_link_control(dfu->link, &setup, bytes, size, &until, err);
}

static int get_status(struct dfu *dfu, struct status *ret, const struct ctx *ctx, struct err *err)
{
    uint8_t bytes[6];
    int n = ask(dfu, GETSTATUS, 0, bytes, sizeof bytes, ctx, err);

    if (n < 0)
        return n;
    if (n != sizeof bytes)
        return err_set(err, ERR_PROTOCOL, "a status of %d bytes instead of 6", n);
    *ret = (struct status){.status = bytes[0],
                           .poll_ms = (uint32_t)bytes[1] | (uint32_t)bytes[2] << 8 |
                                      (uint32_t)bytes[3] << 16,
                           .state = bytes[4]};
    return 0;
}

/* The device's own words, and dfuERROR ended. */
static int failed(struct dfu *dfu, const struct status *status, const struct ctx *ctx,
                  struct err *err)
{
    int rc = ask(dfu, CLRSTATUS, 0, NULL, 0, ctx, err);

    if (rc < 0)
        return rc;
    dfu->status = status->status;
    if (status->status < ARRAY_SIZE(reasons))
        return err_set(err, ERR_REFUSED, "the device says: %s", reasons[status->status]);
    return err_set(err, ERR_REFUSED, "the device says: error 0x%02x, which no standard knows",
                   status->status);
}

/* A request was stalled: what the status says of it is the better message. */
static int why_stalled(struct dfu *dfu, const struct ctx *ctx, struct err *err)
{
    struct err own = {0};
    struct status status = {0};
    int rc = get_status(dfu, &status, ctx, &own);

    if (rc == 0 && status.state == FAILED)
        return failed(dfu, &status, ctx, err);
    if (rc == -ERR_GONE || rc == -ERR_CANCELLED || rc == -ERR_TIMEOUT) {
        if (err)
            *err = own;
        return rc;
    }
    return -ERR_REFUSED;
}

/* Asks until the device is through with what it was sent; at its pace (6.1.2, bwPollTimeout). */
static int settle(struct dfu *dfu, struct status *ret, const struct ctx *ctx, struct err *err)
{
    for (;;) {
        int rc = get_status(dfu, ret, ctx, err);
        if (rc == -ERR_REFUSED)
            return why_stalled(dfu, ctx, err);
        if (rc < 0)
            return rc;
        if (ret->state == FAILED || ret->status)
            return failed(dfu, ret, ctx, err);
        if (ret->state != DNBUSY && ret->state != DNLOAD_SYNC)
            return 0;
        rc = ctx_sleep(ctx, ret->poll_ms ? ret->poll_ms : 1, err);
        if (rc < 0)
            return rc == -ERR_TIMEOUT ? err_set(err, ERR_TIMEOUT, "the device stays busy") : rc;
    }
}

/* ---- opening --------------------------------------------------------------------------------- */

bool dfu_read_functional(const uint8_t *bytes, size_t size, struct dfu *ret)
{
    for (size_t at = 0; at + 2 <= size && bytes[at] >= 2; at += bytes[at]) {
        const uint8_t *d = bytes + at;
        if (d[1] != FUNCTIONAL || d[0] < 7 || at + d[0] > size)
            continue;
        ret->can_upload = d[2] & 2;
        ret->survives = d[2] & 4;
        ret->detaches = d[2] & 8;
        ret->detach_ms = (uint16_t)(d[3] | d[4] << 8);
        ret->block_size = (uint16_t)(d[5] | d[6] << 8);
        if (ret->block_size < 8 || ret->block_size > BLOCK_SIZE_MOST)
            ret->block_size = BLOCK_SIZE_DEFAULT;
        ret->st = d[0] >= 9 && (d[7] | d[8] << 8) == VERSION_DFUSE;
        return true;
    }
    return false;
}

static int read_setting(struct dfu *dfu, const struct usb_setting *from, const struct ctx *ctx,
                        struct err *err)
{
    struct dfu_setting *setting = &dfu->settings[dfu->count];

    /* The descriptor stands behind one of the settings, usually the last. */
    dfu_read_functional(from->extra, from->extra_size, dfu);
    setting->alternate = from->alternate;
    if (from->name_index) {
        setting->name = usb_link_string(dfu->link, from->name_index, ctx, err);
        if (!setting->name && err->code != ERR_REFUSED)
            return -(int)err->code;
    }
    dfu->count++;
    return 0;
}

static int read_settings(struct dfu *dfu, const struct ctx *ctx, struct err *err)
{
    struct usb_setting found[DFU_SETTINGS_MAX];
    int count =
        usb_link_settings(dfu->link, DFU_CLASS, DFU_SUBCLASS, found, ARRAY_SIZE(found), err);
    int rc = 0;

    if (count < 0)
        return count;
    if (!count)
        return err_set(err, ERR_NOT_FOUND, "the device has no DFU interface");
    dfu->interface = found[0].interface;
    dfu->runtime = found[0].protocol == 1;
    dfu->block_size = BLOCK_SIZE_DEFAULT;
    for (int i = 0; i < count && rc == 0; i++)
        if (found[i].interface == dfu->interface)
            rc = read_setting(dfu, &found[i], ctx, err);
    /* A name that is no layout is no reason to refuse the others: that setting has no memory. */
    for (size_t i = 0; i < dfu->count; i++)
        if (dfu->st && dfu->settings[i].name &&
            dfuse_map_parse(dfu->settings[i].name, &dfu->settings[i].map, NULL) < 0)
            dfu->settings[i].map = (struct dfuse_map){0};
    return rc;
}

int dfu_open(const struct usb_device *device, struct dfu **ret, const struct ctx *ctx,
             struct err *err)
{
    struct dfu *dfu = xcalloc(1, sizeof *dfu);
    struct err own = {0};
    int rc = usb_link_open(device, &dfu->link, &own);

    if (rc == 0)
        rc = read_settings(dfu, ctx, &own);
    if (rc == 0) {
        *ret = dfu;
        return 0;
    }
    dfu_close(dfu);
    if (err)
        *err = own;
    return rc;
}

void dfu_close(struct dfu *dfu)
{
    if (!dfu)
        return;
    usb_link_close(dfu->link);
    for (size_t i = 0; i < dfu->count; i++)
        free(dfu->settings[i].name);
    free(dfu);
}

/* An earlier program may have left it in any state. */
static int make_idle(struct dfu *dfu, const struct ctx *ctx, struct err *err)
{
    for (int tries = 0; tries < IDLE_TRIES; tries++) {
        struct status status = {0};
        int rc = get_status(dfu, &status, ctx, err);
        if (rc < 0)
            return rc;
        if (status.state == IDLE)
            return 0;
        if (status.state == DNBUSY)
            rc = ctx_sleep(ctx, status.poll_ms, err);
        else
            rc = ask(dfu, status.state == FAILED ? CLRSTATUS : ABORT, 0, NULL, 0, ctx, err);
        if (rc < 0)
            return rc;
    }
    return err_set(err, ERR_PROTOCOL,
                   "the bootloader does not come back to dfuIDLE; reset the board");
}

int dfu_select(struct dfu *dfu, size_t setting, const struct ctx *ctx, struct err *err)
{
    int rc = usb_link_claim(dfu->link, dfu->interface, dfu->settings[setting].alternate, err);

    return rc == 0 ? make_idle(dfu, ctx, err) : rc;
}

/* ---- DFU 1.1 --------------------------------------------------------------------------------- */

int dfu_write(struct dfu *dfu, uint16_t block, const void *bytes, size_t size,
              const struct ctx *ctx, struct err *err)
{
    struct status status = {0};
    int rc = ask(dfu, DNLOAD, block, (void *)(uintptr_t)bytes, size, ctx, err);

    dfu->status = 0;
    if (rc == -ERR_REFUSED)
        return why_stalled(dfu, ctx, err);
    if (rc < 0)
        return rc;
    rc = settle(dfu, &status, ctx, err);
    if (rc == 0 && status.state != DNLOAD_IDLE)
        return err_set(err, ERR_PROTOCOL, "after a block the bootloader is in state %u, not 5",
                       status.state);
    return rc;
}

int dfu_read(struct dfu *dfu, uint16_t block, void *bytes, size_t size, const struct ctx *ctx,
             struct err *err)
{
    int rc = ask(dfu, UPLOAD, block, bytes, size, ctx, err);

    dfu->status = 0;
    return rc == -ERR_REFUSED ? why_stalled(dfu, ctx, err) : rc;
}

int dfu_abort(struct dfu *dfu, const struct ctx *ctx, struct err *err)
{
    int rc = ask(dfu, ABORT, 0, NULL, 0, ctx, err);

    return rc < 0 ? rc : make_idle(dfu, ctx, err);
}

/* Asks until the firmware is taken; at the device's pace. */
static int await_manifestation(struct dfu *dfu, bool *ret_reset, const struct ctx *ctx,
                               struct err *err)
{
    for (;;) {
        struct status status = {0};
        int rc = get_status(dfu, &status, ctx, err);
        if (rc == 0 && status.state == FAILED)
            return failed(dfu, &status, ctx, err);
        *ret_reset = rc == 0 && status.state == MANIFEST_WAIT_RESET;
        if (rc < 0 || (status.state != MANIFEST_SYNC && status.state != MANIFEST))
            return rc;
        rc = ctx_sleep(ctx, status.poll_ms ? status.poll_ms : 1, err);
        if (rc < 0)
            return rc;
    }
}

int dfu_manifest(struct dfu *dfu, bool *ret_reset, const struct ctx *ctx, struct err *err)
{
    int rc = ask(dfu, DNLOAD, 0, NULL, 0, ctx, err);

    *ret_reset = false;
    dfu->status = 0;
    if (rc == -ERR_REFUSED)
        return why_stalled(dfu, ctx, err);
    if (rc < 0)
        return rc;
    rc = await_manifestation(dfu, ret_reset, ctx, err);
    /* One that does not survive its manifestation need not answer any more (7). */
    if ((rc == -ERR_GONE || rc == -ERR_REFUSED || rc == -ERR_IO) && !dfu->survives && !dfu->status)
        return 0;
    return rc;
}

int dfu_detach(struct dfu *dfu, const struct ctx *ctx, struct err *err)
{
    int rc = usb_link_claim(dfu->link, dfu->interface, dfu->settings[0].alternate, err);

    if (rc == 0)
        rc = ask(dfu, DETACH, dfu->detach_ms ? dfu->detach_ms : 1000, NULL, 0, ctx, err);
    if (rc == -ERR_GONE)
        return 0; /* so quick that the answer was lost */
    if (rc < 0)
        return err_wrap(err, "asking the firmware to enter its bootloader");
    /* 5.1: without bitWillDetach the host resets it. One that left by itself is no error. */
    if (!dfu->detaches && usb_link_reset(dfu->link, err) == -ERR_IO)
        return err_wrap(err, "asking the firmware to enter its bootloader");
    return 0;
}

/* ---- DfuSe ----------------------------------------------------------------------------------- */

static int command(struct dfu *dfu, uint8_t code, uint64_t at, const struct ctx *ctx,
                   struct err *err)
{
    uint8_t bytes[5] = {code, (uint8_t)at, (uint8_t)(at >> 8), (uint8_t)(at >> 16),
                        (uint8_t)(at >> 24)};

    return dfu_write(dfu, 0, bytes, sizeof bytes, ctx, err);
}

int dfuse_point(struct dfu *dfu, uint64_t at, const struct ctx *ctx, struct err *err)
{
    int rc = command(dfu, 0x21, at, ctx, err);

    return rc < 0 ? err_wrap(err, "address 0x%08" PRIx64, at) : 0;
}

int dfuse_erase(struct dfu *dfu, uint64_t at, const struct ctx *ctx, struct err *err)
{
    int rc = command(dfu, 0x41, at, ctx, err);

    return rc < 0 ? err_wrap(err, "erasing the sector at 0x%08" PRIx64, at) : 0;
}

/* AN3156, "Leave DFU mode": an empty download, and it goes once its status was asked for. */
int dfuse_leave(struct dfu *dfu, uint64_t at, const struct ctx *ctx, struct err *err)
{
    struct status status = {0};
    int rc = dfuse_point(dfu, at, ctx, err);

    if (rc == 0)
        rc = ask(dfu, DNLOAD, 0, NULL, 0, ctx, err);
    if (rc < 0)
        return err_wrap(err, "leaving the bootloader");
    rc = get_status(dfu, &status, ctx, err);
    if (rc == 0 && status.state == FAILED)
        return failed(dfu, &status, ctx, err);
    /* it may be gone before it has answered */
    return rc == -ERR_CANCELLED || rc == -ERR_TIMEOUT ? rc : 0;
}
