/* SPDX-License-Identifier: MIT
 *
 * power qemu: an emulated board is on while its QEMU runs.
 */
#include "base/proc.h"
#include "board/emulator.h"
#include "board/power/power.h"

static int on(void *self, const struct driver_env *env, const struct ctx *ctx, struct err *err)
{
    return emulator_start(self, env, ctx, err);
}

static int off(void *self, const struct driver_env *env, const struct ctx *ctx, struct err *err)
{
    (void)err;
    emulator_stop(self, env, ctx);
    return 0;
}

static bool ended_by_firmware(void *self, const struct driver_env *env, char why[256])
{
    return emulator_locked_up(self, env, why);
}

static void expect(void *self, const struct image *image)
{
    emulator_expect(self, image);
}

static void check(void *self, const struct yaml_node *node, struct diags *diags)
{
    emulator_check(self, node, diags);
}

static void done(void *self)
{
    struct emulator *emulator = self;

    proc_stop(emulator->process);
    emulator->process = NULL;
}

static const char *program(const void *self)
{
    return emulator_binary(self);
}

const struct power_driver power_qemu = {
    .base = {.name = "qemu",
             .summary = "an emulated board",
             .fields = emulator_fields,
             .self_size = sizeof(struct emulator),
             .check = check,
             .done = done,
             .program = program},
    .ends_with_us = true,
    .on = on,
    .off = off,
    .ended_by_firmware = ended_by_firmware,
    .expect = expect,
};
