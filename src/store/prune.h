/* SPDX-License-Identifier: MIT
 *
 * prune: the history kept within bounds of age and size.
 *
 * Whole runs are forgotten, the oldest first, each in a transaction of its own, so that no other
 * process waits for long; with them attempts of hil watch and events of that age. A run's end does
 * a little of it, which is enough where each does. What pages became free is used again; only
 * `all` gives them back to the disk. What is known of the boards themselves (quarantine, what they
 * carry) is no history and stays. Blocking, threads: as store.
 */
#ifndef HIL_STORE_PRUNE_H
#define HIL_STORE_PRUNE_H

#include "conf/store.h"
#include "store/store.h"

/* keep_ms is of this lab's runs, max_bytes of the whole store, whichever lab's they are. `all`:
 * forget everything that is too much, and make the file small; else at most STORE_PRUNE_ROWS rows.
 * The newest run stays. *ret: runs that were forgotten; may be NULL. */
#define STORE_PRUNE_ROWS 200000
int store_prune(struct store *store, const char *lab, const struct store_conf *limits,
                int64_t now_us, bool all, uint64_t *ret, struct err *err);

#endif
