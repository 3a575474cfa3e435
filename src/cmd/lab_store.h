/* SPDX-License-Identifier: MIT
 *
 * lab_store: the store of verbs that need no lab.yaml: `history`, `flaky`, `pool` and `store`.
 *
 * A lab.yaml that cannot be read may name another store than any that would be taken in its stead,
 * so it is an error, whether somebody only looks or writes; and so is one that --lab or $HIL_LAB
 * names and that is not there.
 */
#ifndef HIL_CMD_LAB_STORE_H
#define HIL_CMD_LAB_STORE_H

#include "conf/lab.h"
#include "store/store.h"

/* *ret: the lab that the option names, or the one in the usual places, for the caller to free;
 * NULL: there is none, and the store is the file of this host. -ERR_CONFIG: it is wrong. */
int lab_store_find(const char *option, struct lab **ret, struct err *err);
/* Where that lab keeps it. What waits to be sent to a database is told. *ret_lab: as of
 * lab_store_find(), also after an error of the store. Errors of store_open() and of
 * lab_store_find(). */
int lab_store_open(const char *option, bool create, struct lab **ret_lab, struct store **ret,
                   struct err *err);
/* for __attribute__((cleanup)) */
void lab_store_free_lab(struct lab **lab);
#define cleanup_lab __attribute__((cleanup(lab_store_free_lab)))

#endif
