/* SPDX-License-Identifier: MIT
 *
 * pool_print: what `hil pool` shows: pools, what was drawn from them, and a label for each board;
 * as tables for people, or rows for programs.
 */
#ifndef HIL_CMD_POOL_PRINT_H
#define HIL_CMD_POOL_PRINT_H

#include "store/identities.h"

struct pool_options { /* as typed */
    const char *action, *pool, *file, *reason;
    int kind; /* -1: not said */
    char **items;
    size_t count;
    bool json, csv, keys;
};

#define NO_POOLS "no pools yet; one is made by: hil pool import NAME FIRST-LAST"

/* `store` NULL: there is none yet. */
int pool_list(struct store *store, const struct pool_options *options, struct err *err);
/* show, which is a table where nobody asks for rows, and export. */
int pool_show(struct store *store, const struct pool_options *options, struct err *err);
int pool_labels(struct store *store, const struct pool_options *options, struct err *err);

#endif
