/* SPDX-License-Identifier: MIT */
#include "store/charts.h"

#include "base/str.h"
#include "store/query.h"

#include <stdio.h>

/* Columns 1 to 5. */
#define BY_VERDICT                                              \
    " count(*) FILTER (WHERE verdict = 'pass'),"                \
    " count(*) FILTER (WHERE verdict = 'fail'),"                \
    " count(*) FILTER (WHERE verdict NOT IN ('pass', 'fail'))," \
    " sum(took), ifnull(sum(took) FILTER (WHERE verdict = 'pass'), 0),"

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
                              .passed_us = statement_int(row, 5),
                              .cases = query_size(row, 6),
                              .failed = query_size(row, 7)};

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

struct group_query {
    int (*each)(void *arg, const struct history_group *group);
    void *arg;
};

static int take_group(void *arg, struct statement *row)
{
    const struct group_query *query = arg;
    struct history_group group = {.lab = query_text(row, 0),
                                  .took_us = statement_int(row, 4),
                                  .passed_us = statement_int(row, 5),
                                  .last_us = statement_int(row, 6),
                                  .name = query_text(row, 7)};

    if (!group.name) /* jobs that no board was to be had for; what was not tested */
        return 0;
    take_verdicts(row, 1, group.runs);
    return query->each(query->arg, &group);
}

int history_groups(struct store *store, const struct history_filter *filter, enum history_by by,
                   int (*each)(void *arg, const struct history_group *group), void *arg,
                   struct err *err)
{
    struct group_query query = {each, arg};

    if (by == HISTORY_BY_TEST)
        return ask(store, filter, "lab," BY_VERDICT " max(at), test", "lab, test", take_group,
                   &query, err);
    return ask(store, filter, "lab," BY_VERDICT " max(at), board", "lab, board", take_group, &query,
               err);
}

struct total_query {
    int (*each)(void *arg, const struct history_total *total);
    void *arg;
};

static int take_total(void *arg, struct statement *row)
{
    const struct total_query *query = arg;
    struct history_total total = {.board = query_text(row, 0),
                                  .verdict = VERDICT_INFRA,
                                  .jobs = query_size(row, 2),
                                  .took_us = statement_int(row, 3)};

    store_verdict(query_text(row, 1), &total.verdict);
    return query->each(query->arg, &total);
}

int history_totals(struct store *store, const char *lab,
                   int (*each)(void *arg, const struct history_total *total), void *arg,
                   struct err *err)
{
    cleanup_statement struct statement *statement = NULL;
    int rc = db_prepare(store->db,
                        "SELECT board, verdict, jobs, took_us FROM totals"
                        " WHERE lab = ifnull(?, '') ORDER BY board, verdict",
                        &statement, err);

    if (rc < 0)
        return rc;
    store_bind_text(statement, 1, lab);
    return query_each(statement, take_total, &(struct total_query){each, arg}, err);
}
