/* SPDX-License-Identifier: MIT
 *
 * reset dfu: a board that waits in ST's bootloader is told to start its firmware.
 *
 *     flash: {dfu: {path: 1-1.4, leave: false}}
 *     reset: {dfu: {path: 1-1.4}}
 *
 * The start is then the reset that a capture begins with, so not a byte of output is lost.
 */
#include "board/dfu_target.h"
#include "board/reset/reset.h"

#define STM32_FLASH 0x08000000

struct reset_dfu {
    struct dfu_target target;
    uint64_t address;
};

static const struct field fields[] = {
    DFU_TARGET_ROWS,
    {"address", FIELD_ADDRESS, offsetof(struct reset_dfu, address),
     .help = "where the firmware starts; 0x08000000, an STM32's flash, where not given"},
    {0},
};

static void preset(void *self)
{
    ((struct reset_dfu *)self)->address = STM32_FLASH;
}

static void check(void *self, const struct yaml_node *node, struct diags *diags)
{
    dfu_target_check(self, "reset dfu", node, diags);
}

static int start(struct reset_dfu *conf, struct dfu **dfu, const char *path, const struct ctx *ctx,
                 struct err *err)
{
    int rc = dfu_select(*dfu, 0, ctx, err);

    return rc == 0 ? dfu_target_leave(&conf->target, dfu, path, conf->address, ctx, err) : rc;
}

static int reset(void *self, const struct driver_env *env, const struct ctx *ctx, struct err *err)
{
    struct reset_dfu *conf = self;
    cleanup_free char *path = NULL;
    struct dfu *dfu = NULL;
    int rc = dfu_target_open(&conf->target, &dfu, &path, ctx, err);

    (void)env;
    if (rc == 0)
        rc = start(conf, &dfu, path, ctx, err);
    dfu_close(dfu);
    if (rc == -ERR_NOT_FOUND)
        err_hint(err, "; with reset: dfu, flash: dfu needs leave: false");
    return rc;
}

const struct reset_driver reset_dfu = {
    .base = {.name = "dfu",
             .summary = "starts the firmware of a board that waits in its USB bootloader",
             .fields = fields,
             .self_size = sizeof(struct reset_dfu),
             .preset = preset,
             .check = check},
    .reset = reset,
};
