/* SPDX-License-Identifier: MIT
 *
 * lab_store: the store that verbs ask which need no lab.yaml: `history`, `flaky` and `pool`.
 */
#ifndef HIL_CMD_LAB_STORE_H
#define HIL_CMD_LAB_STORE_H

#include "store/store.h"

/* Where the lab that the option names keeps it, or the one in the usual places; without any it is
 * the file of this host. What waits to be sent to a database is told. *ret_name: the lab's name,
 * for the caller to free; NULL where there is no option. Errors of store_open(); -ERR_CONFIG: the
 * option's file is wrong, or, with `create`, the one in the usual places. */
int lab_store_open(const char *option, bool create, char **ret_name, struct store **ret,
                   struct err *err);

#endif
