/* SPDX-License-Identifier: MIT */
#include "store/history.h"

#include "base/str.h"
#include "store/query.h"

/* ---- runs ------------------------------------------------------------------------------------ */

struct run_query {
    int (*each)(void *arg, const struct history_run *run);
    void *arg;
};

static int take_run(void *arg, struct statement *row)
{
    const struct run_query *query = arg;
    struct history_run run = {.id = statement_int(row, 0),
                              .started_us = statement_int(row, 1),
                              .took_us = statement_int(row, 2),
                              .lab = query_text(row, 3),
                              .repository = query_text(row, 4),
                              .sha = query_text(row, 5),
                              .ref = query_text(row, 6),
                              .describe = query_text(row, 7),
                              .url = query_text(row, 8),
                              .verdict = VERDICT_INFRA,
                              .boards = query_size(row, 10),
                              .counts = {.pass = query_size(row, 11),
                                         .fail = query_size(row, 12),
                                         .error = query_size(row, 13),
                                         .skip = query_size(row, 14),
                                         .flaky = query_size(row, 15)}};

    store_verdict(query_text(row, 9), &run.verdict);
    run.counts.total = run.counts.pass + run.counts.fail + run.counts.error + run.counts.skip;
    return query->each(query->arg, &run);
}

int history_runs(struct store *store, const struct history_filter *filter,
                 int (*each)(void *arg, const struct history_run *run), void *arg, struct err *err)
{
    cleanup_statement struct statement *statement = NULL;
    int rc = db_prepare(
        store->db,
        "SELECT r.id, r.started_us, r.took_us, r.lab, r.repository, r.sha, r.ref, r.describe,"
        " r.url, r.verdict, count(DISTINCT j.board), ifnull(sum(j.passed), 0),"
        " ifnull(sum(j.failed), 0), ifnull(sum(j.errors), 0), ifnull(sum(j.skipped), 0),"
        " ifnull(sum(j.flaky), 0)"
        " FROM runs r LEFT JOIN jobs j ON j.run_id = r.id AND j.last = 1"
        " WHERE (?1 IS NULL OR r.lab = ?1) AND r.started_us >= ?3"
        " AND (?4 = 0 OR r.started_us < ?4) AND (?5 = 0 OR r.id = ?5)"
        " AND (?6 = 0 OR ((?6 >> CASE r.verdict WHEN 'pass' THEN 0 WHEN 'fail' THEN 1 ELSE 2 END)"
        " & 1) = 1) AND (?2 IS NULL OR EXISTS (SELECT 1 FROM jobs WHERE run_id = r.id AND board = "
        "?2))"
        " GROUP BY r.id ORDER BY r.id DESC LIMIT ?7",
        &statement, err);

    if (rc < 0)
        return rc;
    query_bind(statement, filter);
    statement_bind_int(statement, 7, filter->limit ? (int64_t)filter->limit : INT64_MAX);
    return query_each(statement, take_run, &(struct run_query){each, arg}, err);
}

/* ---- tries ----------------------------------------------------------------------------------- */

struct try_query {
    const struct history_filter *filter;
    int (*each)(void *arg, const struct history_try *row);
    void *arg;
    struct statement *cases; /* the wanted ones of a job; NULL: none is asked for */
    size_t count;
    struct err *err;
    struct store *store;
};

static struct history_try read_try(struct statement *row)
{
    struct history_try found = {.run = statement_int(row, TRY_RUN),
                                .watch = statement_int(row, TRY_WATCH),
                                .started_us = statement_int(row, TRY_AT),
                                .took_us = statement_int(row, TRY_TOOK),
                                .flash_us = statement_int(row, TRY_FLASH),
                                .test_us = statement_int(row, TRY_TEST_US),
                                .lab = query_text(row, TRY_LAB),
                                .board = query_text(row, TRY_BOARD),
                                .test = query_text(row, TRY_TEST),
                                .tool = query_text(row, TRY_TOOL),
                                .probe = query_text(row, TRY_PROBE),
                                .image = query_text(row, TRY_IMAGE),
                                .image_sha256 = query_text(row, TRY_SHA256),
                                .build_id = query_text(row, TRY_BUILD_ID),
                                .tag = query_text(row, TRY_TAG),
                                .asset = query_text(row, TRY_ASSET),
                                .sha = query_text(row, TRY_COMMIT),
                                .ref = query_text(row, TRY_REF),
                                .url = query_text(row, TRY_URL),
                                .attempt = (unsigned)statement_int(row, TRY_ATTEMPT),
                                .last = statement_int(row, TRY_LAST),
                                .golden = statement_int(row, TRY_GOLDEN),
                                .open = statement_int(row, TRY_OPEN),
                                .exit_code = statement_int(row, TRY_EXIT),
                                .verdict = VERDICT_INFRA,
                                .reason = query_text(row, TRY_REASON),
                                .blame = query_text(row, TRY_BLAME),
                                .counts = {.pass = query_size(row, TRY_PASSED),
                                           .fail = query_size(row, TRY_FAILED),
                                           .error = query_size(row, TRY_ERRORS),
                                           .skip = query_size(row, TRY_SKIPPED),
                                           .flaky = query_size(row, TRY_FLAKY)}};

    store_verdict(query_text(row, TRY_VERDICT), &found.verdict);
    found.counts.total =
        found.counts.pass + found.counts.fail + found.counts.error + found.counts.skip;
    return found;
}

static struct history_case read_case(struct statement *row, int64_t job)
{
    return (struct history_case){.job = job,
                                 .suite = query_text(row, 0),
                                 .name = query_text(row, 1),
                                 .result = (enum case_result)statement_int(row, 2),
                                 .duration_us =
                                     statement_null(row, 3) ? -1 : statement_int(row, 3)};
}

static bool is_full(const struct try_query *query)
{
    return query->filter->limit && query->count >= query->filter->limit;
}

static int hand_out(struct try_query *query, const struct history_try *row)
{
    query->count++;
    return query->each(query->arg, row);
}

struct found_query {
    struct try_query *tries;
    struct history_try of;
    int64_t job;
};

static int take_found(void *arg, struct statement *row)
{
    struct found_query *query = arg;
    struct history_case found = read_case(row, query->job);

    if (is_full(query->tries))
        return 0;
    query->of.found = &found;
    return hand_out(query->tries, &query->of);
}

static int take_try(void *arg, struct statement *row)
{
    struct try_query *query = arg;
    struct found_query found = {query, read_try(row), statement_int(row, TRY_JOB)};
    int rc;

    if (is_full(query))
        return 0;
    if (!query->filter->test || (found.of.test && str_glob(query->filter->test, found.of.test)))
        return hand_out(query, &found.of);
    statement_bind_int(query->cases, 1, found.job);
    rc = query_each(query->cases, take_found, &found, query->err);
    statement_reset(query->cases);
    return rc;
}

static int ask_tries(struct try_query *query)
{
    cleanup_statement struct statement *statement = NULL;
    const struct history_filter *filter = query->filter;
    bool by_plan = filter->run, in_sql = filter->limit && !filter->test;
    cleanup_free char *sql =
        xasprintf("%s ORDER BY %s LIMIT ?7", query_tries, by_plan ? "job" : "at DESC, job DESC");
    int rc = db_prepare(query->store->db, sql, &statement, query->err);

    if (rc < 0)
        return rc;
    query_bind(statement, filter);
    statement_bind_int(statement, 7, in_sql ? (int64_t)filter->limit : INT64_MAX);
    return query_each(statement, take_try, query, query->err);
}

int history_tries(struct store *store, const struct history_filter *filter,
                  int (*each)(void *arg, const struct history_try *row), void *arg, struct err *err)
{
    struct try_query query = {filter, each, arg, NULL, 0, err, store};
    int rc = db_begin(store->db, DB_READS, err);

    if (rc < 0)
        return rc;
    if (filter->test)
        rc = query_want(store, filter->test, err);
    if (rc == 0 && filter->test)
        rc = db_prepare(store->db,
                        "SELECT suite, name, result, duration_us FROM cases c"
                        " JOIN names n ON n.id = c.name_id"
                        " WHERE job_id = ? AND name_id IN (SELECT id FROM wanted) ORDER BY seq",
                        &query.cases, err);
    if (rc == 0)
        rc = ask_tries(&query);
    statement_free(query.cases);
    db_end(store->db, -1, NULL); /* nothing was written */
    return rc;
}

/* ---- cases ----------------------------------------------------------------------------------- */

struct case_query {
    int (*each)(void *arg, const struct history_try *of, const struct history_case *row);
    void *arg;
    struct statement *cases;
    struct history_try of;
    int64_t job;
    struct err *err;
};

static int take_case(void *arg, struct statement *row)
{
    struct case_query *query = arg;
    struct history_case found = read_case(row, query->job);

    return query->each(query->arg, &query->of, &found);
}

static int take_job(void *arg, struct statement *row)
{
    struct case_query *query = arg;
    int rc;

    query->of = read_try(row);
    query->job = statement_int(row, TRY_JOB);
    statement_bind_int(query->cases, 1, query->job);
    rc = query_each(query->cases, take_case, query, query->err);
    statement_reset(query->cases);
    return rc;
}

int history_cases(struct store *store, int64_t run, const char *board,
                  int (*each)(void *arg, const struct history_try *of,
                              const struct history_case *row),
                  void *arg, struct err *err)
{
    struct case_query query = {.each = each, .arg = arg, .err = err};
    cleanup_free char *sql = xasprintf("%s ORDER BY job", query_tries);
    cleanup_statement struct statement *jobs = NULL, *cases = NULL;
    int rc = db_prepare(store->db, sql, &jobs, err);

    if (rc == 0)
        rc = db_prepare(store->db,
                        "SELECT suite, name, result, duration_us FROM cases c"
                        " JOIN names n ON n.id = c.name_id WHERE job_id = ? ORDER BY seq",
                        &cases, err);
    if (rc < 0)
        return rc;
    query.cases = cases;
    query_bind(jobs, &(struct history_filter){.run = run, .board = board});
    return query_each(jobs, take_job, &query, err);
}

/* ---- events ---------------------------------------------------------------------------------- */

struct event_query {
    int (*each)(void *arg, const struct history_event *event);
    void *arg;
};

static int take_event(void *arg, struct statement *row)
{
    const struct event_query *query = arg;

    return query->each(query->arg, &(struct history_event){.id = statement_int(row, 0),
                                                           .at_us = statement_int(row, 1),
                                                           .lab = query_text(row, 2),
                                                           .board = query_text(row, 3),
                                                           .kind = query_text(row, 4),
                                                           .text = query_text(row, 5)});
}

int history_events(struct store *store, const struct history_filter *filter,
                   int (*each)(void *arg, const struct history_event *event), void *arg,
                   struct err *err)
{
    cleanup_statement struct statement *statement = NULL;
    int rc = db_prepare(store->db,
                        "SELECT id, at_us, lab, board, kind, text FROM events"
                        " WHERE (?1 IS NULL OR lab = ?1) AND (?2 IS NULL OR board = ?2)"
                        " AND at_us >= ?3 AND (?4 = 0 OR at_us < ?4)"
                        " ORDER BY id DESC LIMIT ?7",
                        &statement, err);

    if (rc < 0)
        return rc;
    query_bind(statement, filter);
    statement_bind_int(statement, 7, filter->limit ? (int64_t)filter->limit : INT64_MAX);
    return query_each(statement, take_event, &(struct event_query){each, arg}, err);
}
