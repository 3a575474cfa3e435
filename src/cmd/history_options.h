/* SPDX-License-Identifier: MIT
 *
 * history_options: what `history` and `flaky` take alike: of which board and test, and since when.
 * Each has rows with words of its own.
 */
#ifndef HIL_CMD_HISTORY_OPTIONS_H
#define HIL_CMD_HISTORY_OPTIONS_H

#include "base/opt.h"
#include "conf/lab.h"
#include "store/history.h"

/* Takes board, test and since: 1; 0: not ours; negative: an error. */
int history_options_take(const struct opt_row *row, const char *value,
                         struct history_filter *filter, struct err *err);
/* -ERR_USAGE: the filter's board is neither one of `lab` nor in the history, with the nearest name.
 * `lab` and `store` may be NULL. */
int history_options_check(struct store *store, const struct lab *lab,
                          const struct history_filter *filter, struct err *err);

#endif
