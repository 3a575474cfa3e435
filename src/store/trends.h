/* SPDX-License-Identifier: MIT
 *
 * trends: what the store's jobs look like from afar: by day, by test, by board, and the last ones.
 *
 *     store_chart_days(store, &filter, &days, &count, err)
 *     store_chart_shares(store, &filter, STORE_BY_TEST, &shares, &count, err)
 *     store_chart_jobs(store, &filter, 50, &jobs, &count, err)
 *
 * At most the newest STORE_CHART_JOBS jobs are looked at, so that an answer takes milliseconds
 * however old the lab is. The caller frees what *ret points to with free(). Blocking, threads: as
 * store.
 */
#ifndef HIL_STORE_TRENDS_H
#define HIL_STORE_TRENDS_H

#include "store/store.h"

#define STORE_CHART_JOBS 20000

struct store_filter {
    const char *lab;
    const char *board, *test; /* NULL: any */
    int64_t since_us;         /* Unix time */
};

struct store_day {
    char day[16]; /* "2026-11-27", local time */
    uint64_t pass, fail, infra;
    int64_t took_us; /* a passing job's, on the average; -1: there was none */
};
int store_chart_days(struct store *store, const struct store_filter *filter, struct store_day **ret,
                     size_t *ret_count, struct err *err);

enum store_share_by { STORE_BY_TEST, STORE_BY_BOARD };
struct store_share {
    char name[96];
    uint64_t pass, fail, infra;
    int64_t took_us;
    /* The same image, tested more than once on the same board, and how often it did both pass and
     * fail then. */
    uint64_t again, flaky;
};
/* The flakiest first, then the busiest. */
int store_chart_shares(struct store *store, const struct store_filter *filter,
                       enum store_share_by by, struct store_share **ret, size_t *ret_count,
                       struct err *err);

struct store_chart_job {
    char board[96], test[96], reason[256];
    enum verdict verdict;
    int64_t started_us, took_us;
};
/* The newest first. */
int store_chart_jobs(struct store *store, const struct store_filter *filter, size_t most,
                     struct store_chart_job **ret, size_t *ret_count, struct err *err);

/* Of all that was ever recorded: counters that only grow. */
struct store_total {
    char board[96];
    enum verdict verdict;
    uint64_t count;
    int64_t took_us;
};
int store_chart_totals(struct store *store, const char *lab, struct store_total **ret,
                       size_t *ret_count, struct err *err);

#endif
