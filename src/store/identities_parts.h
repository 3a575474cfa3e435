/* SPDX-License-Identifier: MIT
 *
 * identities_parts: what the two halves of identities, giving and importing, share.
 */
#ifndef HIL_STORE_IDENTITIES_PARTS_H
#define HIL_STORE_IDENTITIES_PARTS_H

#include "store/identities.h"
#include "store/parts.h"

/* A transaction that is on the disk when it has ended. */
int pool_begin(struct store *store, struct err *err);
int pool_end(struct store *store, int rc, struct err *err);
/* 1 with its kind; 0: there is no such pool. */
int pool_find(struct store *store, const char *pool, enum pool_kind *ret, struct err *err);
/* Makes it where it is missing. -ERR_USAGE: it is of another kind. */
int pool_make(struct store *store, const char *pool, enum pool_kind kind, struct err *err);

#endif
