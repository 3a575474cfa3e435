/* SPDX-License-Identifier: MIT
 *
 * history_print: what `hil history` has found, for people (tables) and for programs (base/rows).
 *
 * All print to standard output. The store is borrowed.
 */
#ifndef HIL_CMD_HISTORY_PRINT_H
#define HIL_CMD_HISTORY_PRINT_H

#include "base/rows.h"
#include "store/history.h"

enum history_form { HISTORY_TABLE, HISTORY_JSON, HISTORY_CSV };

int history_print_tries(struct store *store, const struct history_filter *filter,
                        enum history_form form, struct err *err);
int history_print_events(struct store *store, const struct history_filter *filter,
                         enum history_form form, struct err *err);
/* One run: what it was, each board's tries, and the tests that did not pass (`all`: all of them).
 * -ERR_NOT_FOUND: the history has no such run. */
int history_print_run(struct store *store, int64_t id, bool all, enum history_form form,
                      struct err *err);
/* One attempt of hil watch. -ERR_NOT_FOUND as above. */
int history_print_watch(struct store *store, int64_t id, enum history_form form, struct err *err);

#endif
