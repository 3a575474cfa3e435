/* SPDX-License-Identifier: MIT */
#include "board/dfu_target.h"

#include "base/str.h"

#include <stdlib.h>
#include <string.h>

static bool read_id(const char *text, uint16_t *ret_vendor, uint16_t *ret_product)
{
    char *end;

    if (strlen(text) != 9 || strspn(text, "0123456789abcdefABCDEF:") != 9 || text[4] != ':')
        return false;
    *ret_vendor = (uint16_t)strtoul(text, &end, 16);
    if (end != text + 4)
        return false;
    *ret_product = (uint16_t)strtoul(text + 5, &end, 16);
    return !*end;
}

void dfu_target_check(const struct dfu_target *target, const char *what,
                      const struct yaml_node *node, struct diags *diags)
{
    uint16_t vendor, product;

    if (!target->path && !target->serial)
        diag_key(diags, node, "%s: needs path or serial: which bootloader is this board's?", what);
    if (target->path && !usb_path_valid(target->path))
        diag_node(diags, yaml_get(node, "path"),
                  "%s: '%s' is not a hub path such as 1-1.4; hil discover shows them", what,
                  target->path);
    if (target->returns && !read_id(target->returns, &vendor, &product))
        diag_node(diags, yaml_get(node, "returns"), "%s: '%s' is not a USB id such as 0483:5740",
                  what, target->returns);
}

int dfu_target_open(const struct dfu_target *target, struct dfu **ret, char **ret_path,
                    const struct ctx *ctx, struct err *err)
{
    struct dfu_select select = {.path = target->path, .serial = target->serial};

    return dfu_find(&select, ret, ret_path, ctx, err);
}

static int leave(struct dfu *dfu, uint64_t at, const struct ctx *ctx, struct err *err)
{
    int rc;

    if (dfu->st)
        return dfuse_leave(dfu, at, ctx, err);
    /* Plain DFU has no word for it: after a reset of the port the firmware runs (7.1). */
    rc = usb_link_reset(dfu->link, err);
    return rc == -ERR_GONE ? 0 : rc;
}

int dfu_target_leave(const struct dfu_target *target, struct dfu **dfu, const char *path,
                     uint64_t at, const struct ctx *ctx, struct err *err)
{
    uint16_t vendor = 0, product = 0;
    int rc = leave(*dfu, at, ctx, err);

    dfu_close(*dfu);
    *dfu = NULL;
    if (rc == 0)
        rc = dfu_await_gone(path, ctx, err);
    if (rc == 0 && target->returns && read_id(target->returns, &vendor, &product))
        rc = usb_await(path, vendor, product, ctx, err);
    return rc;
}
