/* SPDX-License-Identifier: MIT
 *
 * match: which asset is a board's, by a pattern that may hold {board} and {label}.
 *
 * A board with several labels has a pattern for each of them. What fits none or two is told with
 * all names, never guessed. Pure functions.
 */
#ifndef HIL_SERVE_MATCH_H
#define HIL_SERVE_MATCH_H

#include "base/err.h"
#include "conf/board.h"

/* The patterns that `pattern` means for this board; none where it has no labels for {label}. */
void match_fill(const char *pattern, const struct board_conf *board, struct strv *ret);
/* What any board's pattern could match: {board} and {label} become '*'. Caller frees. */
char *match_any(const char *pattern);
/* "" where {board} and {label} are all that stands in braces, else the first other one, as
 * "{label". Caller frees. */
char *match_stranger(const char *pattern);

/* The one of `names` that is the board's; `pattern` NULL: the only one that may be firmware, which
 * leaves out signatures and checksums. -ERR_NOT_FOUND: none; -ERR_USAGE: several. */
int match_asset(const char *pattern, const struct board_conf *board, const struct strv *names,
                size_t *ret_index, struct err *err);

#endif
