/* SPDX-License-Identifier: MIT */
#include "store/charts.h"

#include "base/str.h"
#include "store/query.h"

#include <stdio.h>

#define BY_VERDICT                                                                         \
    " count(*) FILTER (WHERE verdict = 'pass'), count(*) FILTER (WHERE verdict = 'fail')," \
    " count(*) FILTER (WHERE verdict NOT IN ('pass', 'fail')), sum(took),"

static void take_verdicts(struct statement *row, int at, uint64_t ret[VERDICT_INFRA + 1])
{
    for (int verdict = VERDICT_PASS; verdict <= VERDICT_INFRA; verdict++)
        ret[verdict] = query_size(row, at + verdict);
}

/* All that the filter lets through, grouped. */
static int ask(struct store *store, const struct history_filter *filter, const char *what,
               const char *group, int (*row)(void *arg, struct statement *statement), void *arg,
               struct err *err)
{
    cleanup_free char *sql = xasprintf("SELECT %s FROM (%s) AS tries GROUP BY %s ORDER BY %s", what,
                                       query_tries, group, group);
    cleanup_statement struct statement *statement = NULL;
    int rc = db_prepare(store->db, sql, &statement, err);

    if (rc < 0)
        return rc;
    query_bind(statement, filter);
    return query_each(statement, row, arg, err);
}

struct day_query {
    int (*each)(void *arg, const struct history_day *day);
    void *arg;
};

static int take_day(void *arg, struct statement *row)
{
    const struct day_query *query = arg;
    struct history_day day = {.took_us = statement_int(row, 4),
                              .cases = query_size(row, 5),
                              .failed = query_size(row, 6)};

    snprintf(day.day, sizeof day.day, "%s", query_text(row, 0));
    take_verdicts(row, 1, day.runs);
    return query->each(query->arg, &day);
}

int history_days(struct store *store, const struct history_filter *filter,
                 int (*each)(void *arg, const struct history_day *day), void *arg, struct err *err)
{
    return ask(store, filter,
               "date(at / 1000000, 'unixepoch', 'localtime')," BY_VERDICT
               " sum(passed + failed + errors), sum(failed + errors)",
               "1", take_day, &(struct day_query){each, arg}, err);
}

struct board_query {
    int (*each)(void *arg, const struct history_board *board);
    void *arg;
};

static int take_board(void *arg, struct statement *row)
{
    const struct board_query *query = arg;
    struct history_board board = {.lab = query_text(row, 0),
                                  .took_us = statement_int(row, 4),
                                  .last_us = statement_int(row, 5),
                                  .board = query_text(row, 6)};

    if (!board.board) /* jobs that no board was to be had for */
        return 0;
    take_verdicts(row, 1, board.runs);
    return query->each(query->arg, &board);
}

int history_boards(struct store *store, const struct history_filter *filter,
                   int (*each)(void *arg, const struct history_board *board), void *arg,
                   struct err *err)
{
    return ask(store, filter, "lab," BY_VERDICT " max(at), board", "lab, board", take_board,
               &(struct board_query){each, arg}, err);
}
