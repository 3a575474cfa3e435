/* SPDX-License-Identifier: MIT
 *
 * power cmd: any program that switches a supply: `on` and `off` are one argv or a list of them.
 */
#include "base/proc.h"
#include "board/power/power.h"

struct power_cmd {
    struct argv_list on, off;
    struct strv status;
};

static const struct field fields[] = {
    {"on", FIELD_ARGVS, offsetof(struct power_cmd, on), FIELD_REQUIRED,
     .help = "argv that switches the board on, or a list of such"},
    {"off", FIELD_ARGVS, offsetof(struct power_cmd, off), FIELD_REQUIRED,
     .help = "argv that switches it off"},
    {"status", FIELD_ARGV, offsetof(struct power_cmd, status),
     .help = "argv that ends with 0 where the board is on, with 1 where it is off"},
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

static int is_on(void *self, const struct driver_env *env, const struct ctx *ctx, bool *ret,
                 struct err *err)
{
    const struct strv *argv = &((struct power_cmd *)self)->status;
    struct proc_result result;
    int rc;

    if (!argv->count)
        return err_set(err, ERR_CONFIG, "has no `status` in lab.yaml, so it cannot tell");
    rc = driver_exec(env, &(struct proc_spec){.argv = (const char *const *)argv->items}, NULL, 0,
                     ctx, &result, err);
    if (rc < 0)
        return rc;
    if (result.exit_code != 0 && result.exit_code != 1)
        return err_set(err, ERR_TOOL, "%s: exit %d, but 0 is on and 1 is off", argv->items[0],
                       result.exit_code);
    *ret = result.exit_code == 0;
    return 0;
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
             .self_size = sizeof(struct power_cmd),
             .far = true},
    .on = on,
    .off = off,
    .is_on = is_on,
    .off_argvs = off_argvs,
};
