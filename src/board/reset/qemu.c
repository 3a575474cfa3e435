/* SPDX-License-Identifier: MIT
 *
 * reset qemu: QMP system_reset; the machine's flash stays.
 */
#include "board/emulator.h"
#include "board/reset/reset.h"

static const struct field fields[] = {{0}};

static int reset(void *self, const struct driver_env *env, const struct ctx *ctx, struct err *err)
{
    (void)self;
    return emulator_reset(env, ctx, err);
}

const struct reset_driver reset_qemu = {
    .base = {.name = "qemu", .summary = "an emulated board", .fields = fields},
    .reset = reset,
};
