/* SPDX-License-Identifier: MIT */
#include "store/query.h"

/* One line of the text a line. */
/* clang-format off */
#define IN_TIME(column) " AND " column " >= ?3 AND (?4 = 0 OR " column " < ?4)"
#define HAS_VERDICT(column)                                                        \
    " AND (?6 = 0 OR ((?6 >> CASE " column " WHEN 'pass' THEN 0 WHEN 'fail' THEN 1" \
    " ELSE 2 END) & 1) = 1)"

const char query_tries[] =
    "SELECT j.run_id, 0, j.at_us AS at, j.took_us AS took, j.flash_us, j.test_us,"
    "  j.lab AS lab, j.board AS board, j.test AS test, NULL, NULL,"
    "  j.image_file, j.image_sha256, j.image_build_id, NULL, NULL,"
    "  r.sha, r.ref, r.url, j.attempt, j.last, 0, 0,"
    "  CASE j.verdict WHEN 'pass' THEN 0 WHEN 'fail' THEN 1 ELSE 3 END,"
    "  j.verdict AS verdict, j.reason, j.blame,"
    "  j.passed AS passed, j.failed AS failed, j.errors AS errors, j.skipped AS skipped,"
    "  j.flaky, j.id AS job"
    " FROM jobs j JOIN runs r ON r.id = j.run_id"
    " WHERE (?1 IS NULL OR j.lab = ?1) AND (?2 IS NULL OR j.board = ?2)"
    IN_TIME("j.at_us")
    " AND (?5 = 0 OR j.run_id = ?5) AND (?8 IS NULL OR j.test = ?8)"
    HAS_VERDICT("j.verdict")
    " AND (?5 <> 0 OR NOT EXISTS (SELECT 1 FROM attempts WHERE run_id = j.run_id))"
    " UNION ALL "
    "SELECT ifnull(a.run_id, 0), a.id, a.started_us, a.took_us, ifnull(j.flash_us, 0),"
    "  ifnull(j.test_us, 0), a.lab, a.board, j.test, a.tool, a.probe,"
    "  ifnull(j.image_file, a.asset), a.image_sha256, j.image_build_id, a.tag, a.asset,"
    "  NULL, NULL, NULL, 1, 1, a.golden, CASE WHEN a.verdict IS NULL THEN 1 ELSE 0 END,"
    "  ifnull(a.exit_code, 3),"
    "  ifnull(a.verdict, 'infra'), a.reason, j.blame,"
    "  ifnull(j.passed, 0), ifnull(j.failed, 0), ifnull(j.errors, 0), ifnull(j.skipped, 0),"
    "  ifnull(j.flaky, 0), ifnull(j.id, 0)"
    " FROM attempts a LEFT JOIN jobs j ON j.run_id = a.run_id AND j.board = a.board AND j.last = 1"
    " WHERE ?5 = 0 AND (?1 IS NULL OR a.lab = ?1) AND (?2 IS NULL OR a.board = ?2)"
    IN_TIME("a.started_us")
    " AND (?8 IS NULL OR j.test = ?8)"
    HAS_VERDICT("a.verdict");
/* clang-format on */

void query_bind(struct statement *statement, const struct history_filter *filter)
{
    store_bind_text(statement, 1, filter->lab);
    store_bind_text(statement, 2, filter->board);
    statement_bind_int(statement, 3, filter->since_us);
    statement_bind_int(statement, 4, filter->until_us);
    statement_bind_int(statement, 5, filter->run);
    statement_bind_int(statement, 6, filter->verdicts);
    store_bind_text(statement, 8, filter->job); /* statements without ?8 have no such place */
}

int query_each(struct statement *statement, int (*row)(void *arg, struct statement *statement),
               void *arg, struct err *err)
{
    int rc, stop;

    while ((rc = statement_step(statement, err)) == 1) {
        stop = row(arg, statement);
        if (stop != 0)
            return stop;
    }
    return rc;
}

const char *query_text(struct statement *statement, int column)
{
    return statement_text(statement, column);
}

size_t query_size(struct statement *statement, int column)
{
    return (size_t)statement_int(statement, column);
}

/* ---- names ----------------------------------------------------------------------------------- */

struct wanted {
    struct statement *insert;
    const char *pattern;
    struct err *err;
};

static int want_name(void *arg, struct statement *row)
{
    struct wanted *wanted = arg;

    if (!case_like(query_text(row, 1), query_text(row, 2), wanted->pattern))
        return 0;
    return store_insert(wanted->insert, wanted->err, "i", statement_int(row, 0));
}

int query_want(struct store *store, const char *pattern, struct err *err)
{
    cleanup_statement struct statement *names = NULL, *insert = NULL;
    int rc = db_execute(store->db,
                        "CREATE TEMP TABLE IF NOT EXISTS wanted (id INTEGER PRIMARY KEY);"
                        "DELETE FROM wanted",
                        err);

    if (rc < 0 || !pattern)
        return rc;
    rc = db_prepare(store->db, "SELECT id, suite, name FROM names", &names, err);
    if (rc == 0)
        rc = db_prepare(store->db, "INSERT INTO wanted VALUES (?)", &insert, err);
    return rc < 0 ? rc : query_each(names, want_name, &(struct wanted){insert, pattern, err}, err);
}
