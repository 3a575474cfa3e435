/* SPDX-License-Identifier: MIT
 *
 * reset cmd: any program that resets the board and lets it run.
 */
#include "board/reset/reset.h"

struct reset_cmd {
    struct argv_list run;
};

static const struct field fields[] = {
    {"run", FIELD_ARGVS, offsetof(struct reset_cmd, run), FIELD_REQUIRED,
     .help = "argv that resets the board, or a list of such"},
    {0},
};

static int reset(void *self, const struct driver_env *env, const struct ctx *ctx, struct err *err)
{
    return driver_run_all(env, &((struct reset_cmd *)self)->run, "reset.log", ctx, err);
}

const struct reset_driver reset_cmd = {
    .base = {.name = "cmd",
             .summary = "a program that resets the board",
             .fields = fields,
             .self_size = sizeof(struct reset_cmd),
             .far = true},
    .reset = reset,
};
