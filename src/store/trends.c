/* SPDX-License-Identifier: MIT */
#include "store/trends.h"

#include "base/str.h"
#include "base/text.h"
#include "store/parts.h"

#include <stdio.h>
#include <stdlib.h>

#define SHARES_MAX 200

/* The jobs that a chart is made of; parameters as filter_bind() gives them. */
#define JOBS                                                              \
    "(SELECT * FROM jobs WHERE lab IS ?1 AND (?2 IS NULL OR board = ?2)"  \
    " AND (?3 IS NULL OR test = ?3) AND started_us >= ?4 AND took_us > 0" \
    " ORDER BY id DESC LIMIT 20000)"
_Static_assert(STORE_CHART_JOBS == 20000, "as the statement says");

static int prepare(struct store *store, const char *sql, const struct store_filter *filter,
                   struct statement **ret, struct err *err)
{
    int rc = db_prepare(store->db, sql, ret, err);

    if (rc < 0)
        return rc;
    store_bind_text(*ret, 1, filter->lab);
    store_bind_text(*ret, 2, filter->board);
    store_bind_text(*ret, 3, filter->test);
    statement_bind_int(*ret, 4, filter->since_us);
    return 0;
}

static void take_text(struct statement *statement, int column, char *ret, size_t size)
{
    const char *text = statement_text(statement, column);
    cleanup_free char *fits = text_clean_dup(text ? text : "", size - 1, TEXT_ONE_LINE);

    snprintf(ret, size, "%s", fits);
}

static uint64_t take_count(struct statement *statement, int column)
{
    return (uint64_t)statement_int(statement, column);
}

static int64_t take_average(struct statement *statement, int column)
{
    return statement_null(statement, column) ? -1 : statement_int(statement, column);
}

/* Runs the statement; each row is read into one more element of `*ret`. */
static int collect(struct statement *statement,
                   void (*take)(struct statement *statement, void *row), size_t size, void **ret,
                   size_t *ret_count, struct err *err)
{
    char *rows = NULL;
    size_t count = 0, room = 0;
    int step;

    while ((step = statement_step(statement, err)) == 1) {
        if (count == room) {
            room = room ? room * 2 : 32;
            rows = xrealloc(rows, room, size);
        }
        take(statement, rows + count++ * size);
    }
    *ret = rows;
    *ret_count = count;
    if (step == 0)
        return 0;
    free(rows);
    *ret = NULL;
    *ret_count = 0;
    return step;
}

static void take_day(struct statement *statement, void *row)
{
    struct store_day *day = row;

    take_text(statement, 0, day->day, sizeof day->day);
    day->pass = take_count(statement, 1);
    day->fail = take_count(statement, 2);
    day->infra = take_count(statement, 3);
    day->took_us = take_average(statement, 4);
}

int store_chart_days(struct store *store, const struct store_filter *filter, struct store_day **ret,
                     size_t *ret_count, struct err *err)
{
    cleanup_statement struct statement *statement = NULL;
    void *rows = NULL;
    int rc = prepare(store,
                     "SELECT date(started_us / 1000000, 'unixepoch', 'localtime') AS day,"
                     " sum(verdict = 'pass'), sum(verdict = 'fail'), sum(verdict = 'infra'),"
                     " avg(took_us) FILTER (WHERE verdict = 'pass')"
                     " FROM " JOBS " GROUP BY day ORDER BY day",
                     filter, &statement, err);

    *ret_count = 0;
    if (rc == 0)
        rc = collect(statement, take_day, sizeof **ret, &rows, ret_count, err);
    *ret = rows;
    return rc;
}

static void take_share(struct statement *statement, void *row)
{
    struct store_share *share = row;

    take_text(statement, 0, share->name, sizeof share->name);
    share->pass = take_count(statement, 1);
    share->fail = take_count(statement, 2);
    share->infra = take_count(statement, 3);
    share->took_us = take_average(statement, 4);
    share->again = take_count(statement, 5);
    share->flaky = take_count(statement, 6);
}

/* `name` is a column: what the groups of one test, board and image are added up by. */
#define SHARES(name)                                                             \
    "SELECT " name ", sum(p), sum(f), sum(i), sum(passing) / nullif(sum(p), 0)," \
    " sum(image_sha256 IS NOT NULL AND p + f > 1) AS again,"                     \
    " sum(image_sha256 IS NOT NULL AND p > 0 AND f > 0) AS flaky"                \
    " FROM (SELECT board, test, image_sha256, sum(verdict = 'pass') AS p,"       \
    " sum(verdict = 'fail') AS f, sum(verdict = 'infra') AS i,"                  \
    " sum(iif(verdict = 'pass', took_us, 0)) AS passing FROM " JOBS              \
    " GROUP BY board, test, image_sha256)"                                       \
    " WHERE " name " IS NOT NULL GROUP BY " name                                 \
    " ORDER BY flaky DESC, sum(p) + sum(f) + sum(i) DESC, " name " LIMIT ?5"

int store_chart_shares(struct store *store, const struct store_filter *filter,
                       enum store_share_by by, struct store_share **ret, size_t *ret_count,
                       struct err *err)
{
    cleanup_statement struct statement *statement = NULL;
    void *rows = NULL;
    int rc = prepare(store, by == STORE_BY_TEST ? SHARES("test") : SHARES("board"), filter,
                     &statement, err);

    *ret_count = 0;
    if (rc == 0) {
        statement_bind_int(statement, 5, SHARES_MAX);
        rc = collect(statement, take_share, sizeof **ret, &rows, ret_count, err);
    }
    *ret = rows;
    return rc;
}

static void take_job(struct statement *statement, void *row)
{
    struct store_chart_job *job = row;

    *job = (struct store_chart_job){.verdict = VERDICT_INFRA};
    take_text(statement, 0, job->board, sizeof job->board);
    take_text(statement, 1, job->test, sizeof job->test);
    store_verdict(statement_text(statement, 2), &job->verdict);
    take_text(statement, 3, job->reason, sizeof job->reason);
    job->started_us = statement_int(statement, 4);
    job->took_us = statement_int(statement, 5);
}

int store_chart_jobs(struct store *store, const struct store_filter *filter, size_t most,
                     struct store_chart_job **ret, size_t *ret_count, struct err *err)
{
    cleanup_statement struct statement *statement = NULL;
    void *rows = NULL;
    int rc = prepare(store,
                     "SELECT board, test, verdict, reason, started_us, took_us FROM " JOBS
                     " ORDER BY id DESC LIMIT ?5",
                     filter, &statement, err);

    *ret_count = 0;
    if (rc == 0) {
        statement_bind_int(statement, 5, (int64_t)most);
        rc = collect(statement, take_job, sizeof **ret, &rows, ret_count, err);
    }
    *ret = rows;
    return rc;
}

static void take_total(struct statement *statement, void *row)
{
    struct store_total *total = row;

    *total = (struct store_total){.verdict = VERDICT_INFRA};
    take_text(statement, 0, total->board, sizeof total->board);
    store_verdict(statement_text(statement, 1), &total->verdict);
    total->count = take_count(statement, 2);
    total->took_us = statement_int(statement, 3);
}

int store_chart_totals(struct store *store, const char *lab, struct store_total **ret,
                       size_t *ret_count, struct err *err)
{
    cleanup_statement struct statement *statement = NULL;
    void *rows = NULL;
    int rc = db_prepare(store->db,
                        "SELECT board, verdict, count(*), sum(took_us) FROM jobs"
                        " WHERE lab IS ? AND board IS NOT NULL GROUP BY board, verdict",
                        &statement, err);

    *ret_count = 0;
    if (rc == 0) {
        store_bind_text(statement, 1, lab);
        rc = collect(statement, take_total, sizeof **ret, &rows, ret_count, err);
    }
    *ret = rows;
    return rc;
}
