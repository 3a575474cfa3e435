/* SPDX-License-Identifier: MIT */
#include "usb/dfu_find.h"

#include "base/str.h"
#include "usb/known.h"

#include <errno.h>
#include <string.h>

#define APPEAR_MS 5000
#define RETRY_MS 20

static const struct usb_interface *dfu_interface(const struct usb_device *device)
{
    return device ? usb_interface_of(device, DFU_CLASS, DFU_SUBCLASS) : NULL;
}

static const char *name_of(const struct usb_device *device)
{
    return device->name ? device->name : device->known ? device->known->name : "a device";
}

/* ---- choosing -------------------------------------------------------------------------------- */

static int not_there(const struct dfu_select *select, const struct usb_tree *tree, struct err *err)
{
    const struct usb_device *other = select->path ? usb_at(tree, select->path) : NULL;

    if (other && select->serial && !str_eq(other->serial, select->serial))
        return err_set(
            err, ERR_NOT_FOUND, "%s (serial number %s) is plugged in at %s, not serial number %s",
            name_of(other), other->serial ? other->serial : "none", select->path, select->serial);
    if (other)
        return err_set(err, ERR_NOT_FOUND,
                       "%s (%04x:%04x) at %s is not in its bootloader; BOOT0 and a reset, or the "
                       "firmware's own way, bring it there",
                       name_of(other), other->vendor, other->product, select->path);
    return err_set(err, ERR_NOT_FOUND,
                   "no bootloader %s '%s'; is the board on and in its bootloader? 'hil discover' "
                   "shows what is plugged in",
                   select->path ? "at" : "with serial number",
                   select->path ? select->path : select->serial);
}

static int choose(const struct dfu_select *select, const struct usb_tree *tree,
                  const struct usb_device **ret, struct err *err)
{
    const struct usb_device *found = NULL;

    for (size_t i = 0; i < tree->count; i++) {
        const struct usb_device *device = &tree->devices[i];
        if (!dfu_interface(device) || (select->path && strcmp(device->path, select->path) != 0) ||
            (select->serial && !str_eq(device->serial, select->serial)))
            continue;
        if (found)
            return err_set(err, ERR_CONFIG,
                           "bootloaders at %s and %s have the same serial number %s; give 'path'",
                           found->path, device->path, select->serial);
        found = device;
    }
    *ret = found;
    return found ? 0 : not_there(select, tree, err);
}

static int open_now(const struct dfu_select *select, struct dfu **ret, char **ret_path,
                    const struct ctx *ctx, struct err *err)
{
    const struct usb_device *device = NULL;
    struct usb_tree tree;
    int rc = usb_scan(&tree, err);

    if (rc < 0)
        return rc;
    rc = choose(select, &tree, &device, err);
    if (rc == 0 && device) {
        rc = dfu_open(device, ret, ctx, err);
        *ret_path = rc == 0 ? xstrdup(device->path) : NULL;
    }
    usb_tree_done(&tree);
    return rc;
}

/* Tries until it is there: a board that was just switched on takes a moment, and udev sets a new
 * node's permissions a little after it has appeared. */
static int open_soon(const struct dfu_select *select, struct dfu **ret, char **ret_path,
                     const struct ctx *ctx, struct err *err)
{
    struct ctx until = ctx_narrow(ctx, APPEAR_MS);
    bool missed = false;

    for (;;) {
        struct err why = {0};
        int rc = open_now(select, ret, ret_path, ctx, &why);
        missed = missed || rc == -ERR_NOT_FOUND || rc == -ERR_GONE;
        bool passes =
            rc == -ERR_NOT_FOUND || rc == -ERR_GONE || (missed && why.sys_errno == EACCES);
        if (!passes || ctx_left_ms(&until) == 0) {
            if (rc < 0 && err)
                *err = why;
            return rc;
        }
        if (ctx_sleep(&until, RETRY_MS, err) == -ERR_CANCELLED)
            return -ERR_CANCELLED;
    }
}

/* ---- coming and going ------------------------------------------------------------------------ */

struct expectation {
    const char *path;
    bool gone;
    uint16_t vendor, product;
};

static bool came_true(const struct expectation *wanted, const struct usb_tree *tree)
{
    const struct usb_device *device = usb_at(tree, wanted->path);
    const struct usb_interface *dfu = dfu_interface(device);

    if (wanted->gone)
        return !dfu || dfu->protocol == 1;
    return device && device->vendor == wanted->vendor && device->product == wanted->product;
}

static int await(const struct expectation *wanted, const struct ctx *ctx, struct err *err)
{
    for (;;) {
        struct usb_tree tree;
        int rc = usb_scan(&tree, err);
        if (rc < 0)
            return rc;
        bool done = came_true(wanted, &tree);
        usb_tree_done(&tree);
        if (done)
            return 0;
        rc = ctx_sleep(ctx, RETRY_MS, err);
        if (rc < 0)
            return rc;
    }
}

int dfu_await_gone(const char *path, const struct ctx *ctx, struct err *err)
{
    int rc = await(&(struct expectation){.path = path, .gone = true}, ctx, err);

    return rc == -ERR_TIMEOUT
               ? err_set(err, ERR_TIMEOUT,
                         "the bootloader at %s was told to start the firmware, and is still there; "
                         "is BOOT0 still set?",
                         path)
               : rc;
}

int usb_await(const char *path, uint16_t vendor, uint16_t product, const struct ctx *ctx,
              struct err *err)
{
    int rc =
        await(&(struct expectation){.path = path, .vendor = vendor, .product = product}, ctx, err);

    return rc == -ERR_TIMEOUT ? err_set(err, ERR_TIMEOUT, "no device %04x:%04x came back at %s",
                                        vendor, product, path)
                              : rc;
}

/* Its serial number is the firmware's own, and another one in the bootloader: only the place stays.
 */
static int into_bootloader(struct dfu **dfu, char **path, const struct ctx *ctx, struct err *err)
{
    struct ctx until = ctx_narrow(ctx, APPEAR_MS);
    struct dfu_select same = {.path = *path};
    int rc = dfu_detach(*dfu, ctx, err);

    dfu_close(*dfu);
    *dfu = NULL;
    while (rc == 0) {
        cleanup_free char *again = NULL;
        rc = open_soon(&same, dfu, &again, &until, err);
        if (rc < 0 || !*dfu || !(*dfu)->runtime)
            break;
        dfu_close(*dfu); /* not gone yet */
        *dfu = NULL;
        rc = ctx_sleep(&until, RETRY_MS, err);
        if (rc == -ERR_TIMEOUT)
            err_set(err, ERR_TIMEOUT,
                    "the firmware at %s was asked to enter its bootloader, and did not", *path);
    }
    return rc;
}

int dfu_find(const struct dfu_select *select, struct dfu **ret, char **ret_path,
             const struct ctx *ctx, struct err *err)
{
    int rc;

    *ret = NULL;
    *ret_path = NULL;
    rc = open_soon(select, ret, ret_path, ctx, err);
    if (rc == 0 && *ret && (*ret)->runtime) {
        rc = into_bootloader(ret, ret_path, ctx, err);
        if (rc < 0) {
            free_pointer(ret_path);
            *ret_path = NULL;
        }
    }
    return rc;
}
