/* SPDX-License-Identifier: MIT */
#include "store/prune.h"

#include "store/parts.h"

struct pruning {
    struct store *store;
    const struct store_conf *limits;
    const char *lab;
    int64_t before_us;
    uint64_t runs, rows, rows_max;
    struct err *err;
};

/* The first column of the first row; 0 where there is none. */
static int ask(struct pruning *pruning, const char *sql, int64_t *ret)
{
    cleanup_statement struct statement *statement = NULL;
    int rc = db_prepare(pruning->store->db, sql, &statement, pruning->err);

    *ret = 0;
    if (rc < 0)
        return rc;
    store_bind_text(statement, 1, pruning->lab);
    statement_bind_int(statement, 2, pruning->before_us);
    rc = statement_step(statement, pruning->err);
    if (rc == 1)
        *ret = statement_int(statement, 0);
    return rc < 0 ? rc : 0;
}

/* ---- runs ------------------------------------------------------------------------------------ */

static int forget_locked(struct pruning *pruning, int64_t run)
{
    static const char *const deletes[] = {
        "DELETE FROM cases WHERE job_id IN (SELECT id FROM jobs WHERE run_id = ?)",
        "DELETE FROM jobs WHERE run_id = ?",
        "UPDATE attempts SET run_id = NULL WHERE run_id = ?",
        "DELETE FROM runs WHERE id = ?",
    };
    int rc = 0;

    for (size_t i = 0; i < sizeof deletes / sizeof *deletes && rc == 0; i++) {
        rc = store_run(pruning->store, deletes[i], pruning->err, "i", run);
        pruning->rows += (uint64_t)db_changes(pruning->store->db);
    }
    return rc;
}

static int forget(struct pruning *pruning, int64_t run)
{
    int rc = db_begin(pruning->store->db, DB_WRITES, pruning->err);

    if (rc == 0)
        rc = db_end(pruning->store->db, forget_locked(pruning, run), pruning->err);
    pruning->runs += rc == 0;
    return rc;
}

static int forget_old(struct pruning *pruning)
{
    int64_t run;

    while (pruning->rows < pruning->rows_max) {
        int rc = ask(pruning,
                     "SELECT id FROM runs WHERE lab IS ? AND started_us < ?"
                     " AND id <> (SELECT max(id) FROM runs) ORDER BY started_us LIMIT 1",
                     &run);
        if (rc == 0 && run)
            rc = forget(pruning, run);
        if (rc < 0 || !run)
            return rc;
    }
    return 0;
}

/* A tenth more than must be, so that it is not done again after each run. */
static int forget_much(struct pruning *pruning)
{
    uint64_t limit = pruning->limits->max_bytes;

    while (pruning->rows < pruning->rows_max) {
        uint64_t used = 0;
        int64_t run = 0;
        int rc = db_used(pruning->store->db, &used, pruning->err);
        if (rc < 0 || used <= limit)
            return rc;
        limit = pruning->limits->max_bytes / 10 * 9;
        rc = ask(pruning,
                 "SELECT id FROM runs WHERE id <> (SELECT max(id) FROM runs)"
                 " ORDER BY started_us LIMIT 1",
                 &run);
        if (rc == 0 && run)
            rc = forget(pruning, run);
        if (rc < 0 || !run)
            return rc;
    }
    return 0;
}

/* ---- the rest -------------------------------------------------------------------------------- */

static int forget_others(struct pruning *pruning)
{
    int rc = store_run(pruning->store, "DELETE FROM attempts WHERE lab IS ? AND started_us < ?",
                       pruning->err, "si", pruning->lab, pruning->before_us);

    return rc < 0 ? rc
                  : store_run(pruning->store, "DELETE FROM events WHERE lab IS ? AND at_us < ?",
                              pruning->err, "si", pruning->lab, pruning->before_us);
}

/* A name was seen last on the day of the last job that has it, or later. */
static int forget_names(struct pruning *pruning, int64_t first_day_before)
{
    int64_t first_day = 0;
    int rc = ask(pruning, "SELECT min(at_us) / 86400000000 FROM jobs", &first_day);

    return rc < 0 || first_day <= first_day_before
               ? rc
               : store_run(pruning->store, "DELETE FROM names WHERE seen_day < ?", pruning->err,
                           "i", first_day);
}

int store_prune(struct store *store, const char *lab, const struct store_conf *limits,
                int64_t now_us, bool all, uint64_t *ret, struct err *err)
{
    struct pruning pruning = {.store = store,
                              .limits = limits,
                              .lab = lab,
                              .before_us = now_us - limits->keep_ms * 1000,
                              .rows_max = all ? UINT64_MAX : STORE_PRUNE_ROWS,
                              .err = err};
    int64_t first_day = 0;
    int rc = ask(&pruning, "SELECT min(at_us) / 86400000000 FROM jobs", &first_day);

    if (rc == 0)
        rc = forget_old(&pruning);
    if (rc == 0)
        rc = forget_others(&pruning);
    if (rc == 0)
        rc = forget_much(&pruning);
    if (rc == 0 && pruning.runs)
        rc = forget_names(&pruning, all ? 0 : first_day);
    if (rc == 0 && all)
        rc = db_compact(store->db, err);
    if (ret)
        *ret = pruning.runs;
    return rc;
}
