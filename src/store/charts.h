/* SPDX-License-Identifier: MIT
 *
 * charts: the history added up: by day, by board and by test, and what was counted all along.
 *
 * What is counted is a try: one image on one board, hil watch's included. A filter's `limit` does
 * not count, and of its tests only `job`. Else as history.h; flake rates are in flaky.h.
 */
#ifndef HIL_STORE_CHARTS_H
#define HIL_STORE_CHARTS_H

#include "store/history.h"

/* Local days, the oldest first; days without a run are left out. */
struct history_day {
    char day[16];                     /* "2026-11-27" */
    uint64_t runs[VERDICT_INFRA + 1]; /* by verdict: a try on a board each */
    int64_t took_us, passed_us;       /* all of them together; those that passed */
    uint64_t cases, failed;           /* tests that ran, and failed or ended in an error */
};
int history_days(struct store *store, const struct history_filter *filter,
                 int (*each)(void *arg, const struct history_day *day), void *arg, struct err *err);

/* By the board or the job's test, in the order of their names; tries that have none are left out.
 * The pass rate is runs[PASS] of pass and fail: infra is the lab's. */
enum history_by { HISTORY_BY_BOARD, HISTORY_BY_TEST };
struct history_group {
    const char *lab, *name;
    uint64_t runs[VERDICT_INFRA + 1];
    int64_t took_us, passed_us, last_us; /* last: begun */
};
int history_groups(struct store *store, const struct history_filter *filter, enum history_by by,
                   int (*each)(void *arg, const struct history_group *group), void *arg,
                   struct err *err);

/* All jobs of the lab that were ever recorded, by board and verdict. They only grow: what prune
 * forgets stays counted. */
struct history_total {
    const char *board;
    enum verdict verdict;
    uint64_t jobs;
    int64_t took_us;
};
int history_totals(struct store *store, const char *lab,
                   int (*each)(void *arg, const struct history_total *total), void *arg,
                   struct err *err);

#endif
