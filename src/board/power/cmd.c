/* SPDX-License-Identifier: MIT
 *
 * power cmd: any program that switches a supply: `on` and `off` are one argv or a list of them.
 */
#include "board/power/power.h"

struct power_cmd {
    struct argv_list on, off;
};

static const struct field fields[] = {
    {"on", FIELD_ARGVS, offsetof(struct power_cmd, on), FIELD_REQUIRED,
     .help = "argv that switches the board on, or a list of such"},
    {"off", FIELD_ARGVS, offsetof(struct power_cmd, off), FIELD_REQUIRED,
     .help = "argv that switches it off"},
    {0},
};

static int on(void *self, const struct driver_env *env, const struct ctx *ctx, struct err *err)
{
    return driver_run_all(env, &((struct power_cmd *)self)->on, "power.log", ctx, err);
}

static int off(void *self, const struct driver_env *env, const struct ctx *ctx, struct err *err)
{
    return driver_run_all(env, &((struct power_cmd *)self)->off, "power.log", ctx, err);
}

static size_t off_argvs(void *self, const struct strv **ret)
{
    const struct argv_list *list = &((struct power_cmd *)self)->off;

    *ret = list->items;
    return list->count;
}

const struct power_driver power_cmd = {
    .base = {.name = "cmd",
             .summary = "programs that switch the supply",
             .fields = fields,
             .self_size = sizeof(struct power_cmd)},
    .on = on,
    .off = off,
    .off_argvs = off_argvs,
};
