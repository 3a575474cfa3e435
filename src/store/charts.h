/* SPDX-License-Identifier: MIT
 *
 * charts: the history added up: by day and by board.
 *
 * What is counted is a try: one image on one board, hil watch's included. A filter's `limit` does
 * not count. Else as history.h; flake rates are in flaky.h.
 */
#ifndef HIL_STORE_CHARTS_H
#define HIL_STORE_CHARTS_H

#include "store/history.h"

/* Local days, the oldest first; days without a run are left out. */
struct history_day {
    char day[16];                     /* "2026-11-27" */
    uint64_t runs[VERDICT_INFRA + 1]; /* by verdict: a try on a board each */
    int64_t took_us;                  /* all of them together */
    uint64_t cases, failed;           /* tests that ran, and failed or ended in an error */
};
int history_days(struct store *store, const struct history_filter *filter,
                 int (*each)(void *arg, const struct history_day *day), void *arg, struct err *err);
/* By board, in the order of their names. The pass rate is runs[PASS] of pass and fail: infra is
 * the lab's. */
struct history_board {
    const char *lab, *board;
    uint64_t runs[VERDICT_INFRA + 1];
    int64_t took_us, last_us;
};
int history_boards(struct store *store, const struct history_filter *filter,
                   int (*each)(void *arg, const struct history_board *board), void *arg,
                   struct err *err);

#endif
