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
    const struct argv_list *list = &((struct reset_cmd *)self)->run;
    int rc = 0;

    for (size_t i = 0; i < list->count && rc == 0; i++)
        rc = driver_run(env, &list->items[i], "reset.log", ctx, err);
    return rc;
}

const struct reset_driver reset_cmd = {
    .base = {.name = "cmd",
             .summary = "a program that resets the board",
             .fields = fields,
             .self_size = sizeof(struct reset_cmd)},
    .reset = reset,
};
