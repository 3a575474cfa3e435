/* SPDX-License-Identifier: MIT */
#include "store/parts.h"

#include "base/fs.h"
#include "base/str.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUSY_MS 2000
#define TEXT_MAX 1024 /* bytes of one text that a board or a person gave */
#define MEDIAN_OF 5
#define DURATIONS_LOOKED_AT 100 /* good runs, for some on the right board */

/* Entry i leads from user_version i to i + 1. Never change one that was released: add another. */
static const char *const migrations[] = {
    "CREATE TABLE runs ("
    "  id INTEGER PRIMARY KEY, lab TEXT, verdict TEXT NOT NULL,"
    "  started_us INTEGER NOT NULL, took_us INTEGER NOT NULL);"
    "CREATE TABLE jobs ("
    "  id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL REFERENCES runs(id),"
    "  lab TEXT, board TEXT, test TEXT,"
    "  image_file TEXT, image_sha256 TEXT, image_build_id TEXT,"
    "  verdict TEXT NOT NULL, reason TEXT,"
    "  started_us INTEGER NOT NULL, took_us INTEGER NOT NULL,"
    "  flash_us INTEGER NOT NULL, test_us INTEGER NOT NULL);"
    "CREATE TABLE cases ("
    "  job_id INTEGER NOT NULL REFERENCES jobs(id),"
    "  suite TEXT NOT NULL, name TEXT NOT NULL, result TEXT NOT NULL, duration_us INTEGER);"
    "CREATE INDEX jobs_by_run ON jobs(run_id);"
    "CREATE INDEX jobs_by_test ON jobs(lab, test, verdict);"
    "CREATE INDEX jobs_by_board ON jobs(lab, board);"
    "CREATE INDEX cases_by_job ON cases(job_id);",
    "CREATE TABLE quarantine ("
    "  lab TEXT NOT NULL, board TEXT NOT NULL, reason TEXT NOT NULL, since_us INTEGER NOT NULL,"
    "  PRIMARY KEY (lab, board));",
    /* The firmware file that was written onto a board last, whoever did it. */
    "CREATE TABLE carried ("
    "  lab TEXT NOT NULL, board TEXT NOT NULL, image_sha256 TEXT, image_file TEXT,"
    "  since_us INTEGER NOT NULL, PRIMARY KEY (lab, board));"
    /* What hil watch knows of a board, and all that it did. */
    "CREATE TABLE watched ("
    "  lab TEXT NOT NULL, board TEXT NOT NULL,"
    "  image TEXT, image_sha256 TEXT, tag TEXT, asset TEXT, flashed_us INTEGER NOT NULL,"
    "  failed TEXT, failures INTEGER NOT NULL, retry_us INTEGER NOT NULL,"
    "  reason TEXT, aside TEXT, verdict TEXT, PRIMARY KEY (lab, board));"
    "CREATE TABLE attempts ("
    "  id INTEGER PRIMARY KEY, lab TEXT NOT NULL, board TEXT NOT NULL, tool TEXT, probe TEXT,"
    "  image TEXT, image_sha256 TEXT, tag TEXT, asset TEXT, golden INTEGER NOT NULL,"
    "  started_us INTEGER NOT NULL, took_us INTEGER NOT NULL, exit_code INTEGER,"
    "  verdict TEXT, reason TEXT, wrote INTEGER NOT NULL);"
    "CREATE INDEX attempts_by_board ON attempts(lab, board, started_us);",
    /* What history asks for. A case's name is kept once: names.seen_day is the last day that it was
     * recorded. cases.result is enum case_result. jobs.at_us is when it began, or the run where it
     * never did. quarantine.image: the image that hil watch gave up with; another one lifts it. */
    "ALTER TABLE runs ADD COLUMN repository TEXT;"
    "ALTER TABLE runs ADD COLUMN sha TEXT;"
    "ALTER TABLE runs ADD COLUMN ref TEXT;"
    "ALTER TABLE runs ADD COLUMN describe TEXT;"
    "ALTER TABLE runs ADD COLUMN url TEXT;"
    "ALTER TABLE jobs ADD COLUMN at_us INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE jobs ADD COLUMN attempt INTEGER NOT NULL DEFAULT 1;"
    "ALTER TABLE jobs ADD COLUMN last INTEGER NOT NULL DEFAULT 1;"
    "ALTER TABLE jobs ADD COLUMN blame TEXT;"
    "ALTER TABLE jobs ADD COLUMN passed INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE jobs ADD COLUMN failed INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE jobs ADD COLUMN errors INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE jobs ADD COLUMN skipped INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE jobs ADD COLUMN flaky INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE attempts ADD COLUMN run_id INTEGER;"
    "ALTER TABLE quarantine ADD COLUMN image TEXT;"
    "CREATE TABLE names ("
    "  id INTEGER PRIMARY KEY, suite TEXT NOT NULL, name TEXT NOT NULL,"
    "  seen_day INTEGER NOT NULL, UNIQUE (suite, name));"
    "INSERT INTO names (suite, name, seen_day)"
    "  SELECT suite, name, max(started_us) / 86400000000 FROM cases JOIN jobs ON jobs.id = job_id"
    "  GROUP BY suite, name;"
    "DROP INDEX cases_by_job;"
    "ALTER TABLE cases RENAME TO cases_3;"
    "CREATE TABLE cases ("
    "  job_id INTEGER NOT NULL REFERENCES jobs(id), name_id INTEGER NOT NULL REFERENCES names(id),"
    "  seq INTEGER NOT NULL, result INTEGER NOT NULL, duration_us INTEGER,"
    "  PRIMARY KEY (job_id, name_id, seq)) WITHOUT ROWID;"
    "INSERT INTO cases SELECT job_id, names.id, cases_3.rowid, CASE result WHEN 'pass' THEN 0"
    "  WHEN 'fail' THEN 1 WHEN 'error' THEN 2 ELSE 3 END, duration_us"
    "  FROM cases_3 JOIN names USING (suite, name);"
    "DROP TABLE cases_3;"
    "UPDATE jobs SET"
    "  at_us = iif(started_us, started_us, (SELECT r.started_us FROM runs r WHERE r.id = run_id)),"
    "  passed = (SELECT count(*) FROM cases WHERE job_id = jobs.id AND result = 0),"
    "  failed = (SELECT count(*) FROM cases WHERE job_id = jobs.id AND result = 1),"
    "  errors = (SELECT count(*) FROM cases WHERE job_id = jobs.id AND result = 2),"
    "  skipped = (SELECT count(*) FROM cases WHERE job_id = jobs.id AND result = 3);"
    "CREATE TABLE events ("
    "  id INTEGER PRIMARY KEY, at_us INTEGER NOT NULL, lab TEXT, board TEXT, kind TEXT NOT NULL,"
    "  text TEXT NOT NULL);"
    "CREATE INDEX runs_by_time ON runs(started_us);"
    "CREATE INDEX jobs_by_time ON jobs(at_us);"
    "CREATE INDEX attempts_by_time ON attempts(started_us);"
    "CREATE INDEX attempts_by_run ON attempts(run_id) WHERE run_id IS NOT NULL;"
    "CREATE INDEX events_by_time ON events(at_us);",
    /* Identities that are given once, and what they come from. A value is there once for its kind,
     * whatever pool it is in; a board has at most one of a pool. */
    "CREATE TABLE pools (name TEXT PRIMARY KEY, kind TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE pool_ranges ("
    "  id INTEGER PRIMARY KEY, pool TEXT NOT NULL, prefix TEXT NOT NULL, digits INTEGER NOT NULL,"
    "  first INTEGER NOT NULL, last INTEGER NOT NULL, next INTEGER NOT NULL);"
    "CREATE TABLE identities ("
    "  id INTEGER PRIMARY KEY, pool TEXT NOT NULL, kind TEXT NOT NULL, value TEXT NOT NULL,"
    "  state TEXT NOT NULL, board TEXT, drawn_us INTEGER, since_us INTEGER NOT NULL, note TEXT,"
    "  UNIQUE (kind, value));"
    "CREATE INDEX identities_by_state ON identities(pool, state, id);"
    "CREATE UNIQUE INDEX identities_of_board ON identities(pool, board)"
    "  WHERE board IS NOT NULL AND state <> 'retired';"
    /* What hil rig did with each board, also with one whose end nobody wrote down. */
    "CREATE TABLE rigged ("
    "  id INTEGER PRIMARY KEY, lab TEXT NOT NULL, board TEXT, slot INTEGER NOT NULL, path TEXT,"
    "  image_sha256 TEXT, image_file TEXT, started_us INTEGER NOT NULL, took_us INTEGER NOT NULL,"
    "  outcome TEXT, step TEXT, reason TEXT, identity TEXT);"
    "CREATE INDEX rigged_by_board ON rigged(lab, board, outcome);"
    "CREATE INDEX rigged_by_time ON rigged(lab, started_us);",
    /* Jobs as they are counted, whatever is forgotten of them later; from what is there now. */
    "CREATE TABLE totals ("
    "  lab TEXT NOT NULL, board TEXT NOT NULL, verdict TEXT NOT NULL,"
    "  jobs INTEGER NOT NULL, took_us INTEGER NOT NULL,"
    "  PRIMARY KEY (lab, board, verdict)) WITHOUT ROWID;"
    "INSERT INTO totals SELECT ifnull(lab, ''), board, verdict, count(*), sum(took_us) FROM jobs"
    "  WHERE board IS NOT NULL GROUP BY 1, 2, 3;",
};

int store_failed(const struct store *store, struct err *err)
{
    const char *why = sqlite3_errmsg(store->db);

    switch (sqlite3_errcode(store->db) & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return err_set(err, ERR_BUSY, "%s: another process has held it for %d s", store->path,
                       BUSY_MS / 1000);
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        return err_set(err, ERR_DATA, "%s: %s; move it away and a new one is begun", store->path,
                       why);
    case SQLITE_CANTOPEN: /* the errno is that of its last try, to read a file that is not there */
    case SQLITE_READONLY:
        return err_set(err, ERR_IO, "%s: this user cannot write it or its directory", store->path);
    }
    return err_set(err, ERR_IO, "%s: %s", store->path, why);
}

int store_execute(struct store *store, const char *sql, struct err *err)
{
    return sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0
                                                                       : store_failed(store, err);
}

void store_statement_done(sqlite3_stmt **statement)
{
    sqlite3_finalize(*statement);
}

int store_prepare(struct store *store, const char *sql, sqlite3_stmt **ret, struct err *err)
{
    return sqlite3_prepare_v2(store->db, sql, -1, ret, NULL) == SQLITE_OK
               ? 0
               : store_failed(store, err);
}

/* ---- opening ------------------------------------------------------------------------------- */

static int read_version(struct store *store, int *ret, struct err *err)
{
    cleanup_statement sqlite3_stmt *statement = NULL;
    int rc = store_prepare(store, "PRAGMA user_version", &statement, err);

    if (rc < 0)
        return rc;
    if (sqlite3_step(statement) != SQLITE_ROW)
        return store_failed(store, err);
    *ret = sqlite3_column_int(statement, 0);
    return 0;
}

static int check_version(const struct store *store, int version, struct err *err)
{
    int newest = (int)ARRAY_SIZE(migrations);

    if (version >= 0 && version <= newest)
        return 0;
    return err_set(err, ERR_DATA, "%s: its schema is %d and this hil knows %d; use a newer hil",
                   store->path, version, newest);
}

/* Inside a transaction that began IMMEDIATE, so that of two processes only one migrates. */
static int migrate_locked(struct store *store, struct err *err)
{
    char set_version[64];
    int version = 0, rc;

    rc = read_version(store, &version, err);
    if (rc == 0)
        rc = check_version(store, version, err);
    for (; rc == 0 && version < (int)ARRAY_SIZE(migrations); version++)
        rc = store_execute(store, migrations[version], err);
    if (rc < 0)
        return rc;
    snprintf(set_version, sizeof set_version, "PRAGMA user_version = %d", version);
    return store_execute(store, set_version, err);
}

int store_end_transaction(struct store *store, int rc, struct err *err)
{
    if (rc == 0)
        rc = store_execute(store, "COMMIT", err);
    if (rc < 0)
        store_execute(store, "ROLLBACK", NULL);
    return rc;
}

static int set_up(struct store *store, struct err *err)
{
    int version = 0, rc;

    sqlite3_busy_timeout(store->db, BUSY_MS);
    /* Closing need not wait for the disk: the log is folded in when it has grown. */
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    rc = read_version(store, &version, err);
    if (rc == 0)
        rc = check_version(store, version, err);
    /* A log of at most 1 MiB or so: whoever opens the file first reads all of it. */
    if (rc == 0)
        rc = store_execute(store,
                           "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 250;"
                           "PRAGMA temp_store = MEMORY",
                           err);
    if (rc < 0 || version == (int)ARRAY_SIZE(migrations))
        return rc;
    /* Kept in the file. Where another process is at it too, either may be refused: one of the next
     * migrations or the rollback journal will do. */
    store_execute(store, "PRAGMA journal_mode = WAL", NULL);
    rc = store_execute(store, "BEGIN IMMEDIATE", err);
    return rc < 0 ? rc : store_end_transaction(store, migrate_locked(store, err), err);
}

int store_open(const char *state_dir, bool create, struct store **ret, struct err *err)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (create ? SQLITE_OPEN_CREATE : 0);
    struct store *store;
    int rc = create ? fs_mkdirs(state_dir, 0755, err) : 0;

    if (rc < 0)
        return rc;
    store = xcalloc(1, sizeof *store);
    store->path = fs_join(state_dir, "history.db");
    if (!create && !fs_exists(store->path))
        rc = err_set(err, ERR_NOT_FOUND, "%s: no run was recorded yet", store->path);
    else if (sqlite3_open_v2(store->path, &store->db, flags, NULL) != SQLITE_OK)
        rc = store_failed(store, err);
    else
        rc = set_up(store, err);
    if (rc < 0)
        store_close(store);
    else
        *ret = store;
    return rc;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    sqlite3_finalize(store->last);
    sqlite3_finalize(store->quarantined);
    sqlite3_close(store->db);
    free(store->path);
    free(store);
}

/* ---- statements ---------------------------------------------------------------------------- */

void store_bind_text(sqlite3_stmt *statement, int at, const char *text)
{
    if (text)
        sqlite3_bind_text(statement, at, text_clean_dup(text, TEXT_MAX, TEXT_ONE_LINE), -1, free);
    else
        sqlite3_bind_null(statement, at);
}

static int step_once(struct store *store, sqlite3_stmt *statement, struct err *err,
                     const char *kinds, va_list args)
{
    int done;

    for (int at = 1; kinds[at - 1]; at++) {
        if (kinds[at - 1] == 's')
            store_bind_text(statement, at, va_arg(args, const char *));
        else
            sqlite3_bind_int64(statement, at, va_arg(args, int64_t));
    }
    done = sqlite3_step(statement);
    sqlite3_reset(statement);
    return done == SQLITE_DONE ? 0 : store_failed(store, err);
}

int store_insert(struct store *store, sqlite3_stmt *statement, struct err *err, const char *kinds,
                 ...)
{
    va_list args;
    int rc;

    va_start(args, kinds);
    rc = step_once(store, statement, err, kinds, args);
    va_end(args);
    return rc;
}

int store_run(struct store *store, const char *sql, struct err *err, const char *kinds, ...)
{
    cleanup_statement sqlite3_stmt *statement = NULL;
    va_list args;
    int rc = store_prepare(store, sql, &statement, err);

    va_start(args, kinds);
    if (rc == 0)
        rc = step_once(store, statement, err, kinds, args);
    va_end(args);
    return rc;
}

bool store_verdict(const char *name, enum verdict *ret)
{
    for (enum verdict verdict = VERDICT_PASS; verdict <= VERDICT_INFRA; verdict++) {
        if (str_eq(verdict_name(verdict), name)) {
            *ret = verdict;
            return true;
        }
    }
    return false;
}

/* ---- asking -------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

    return (left > right) - (left < right);
}

static int64_t median(int64_t *values, size_t count)
{
    if (!count)
        return -1;
    qsort(values, count, sizeof *values, by_value);
    return values[count / 2];
}

int64_t store_duration(struct store *store, const char *lab, const char *test,
                       const struct strv *boards)
{
    cleanup_statement sqlite3_stmt *statement = NULL;
    int64_t here_us[MEDIAN_OF], any_us[MEDIAN_OF];
    size_t here = 0, any = 0;

    if (store_prepare(store,
                      "SELECT took_us, board FROM jobs"
                      " WHERE lab IS ? AND test = ? AND verdict = 'pass' ORDER BY id DESC LIMIT ?",
                      &statement, NULL) < 0)
        return -1;
    store_bind_text(statement, 1, lab);
    store_bind_text(statement, 2, test);
    sqlite3_bind_int(statement, 3, boards ? DURATIONS_LOOKED_AT : MEDIAN_OF);
    while (here < MEDIAN_OF && sqlite3_step(statement) == SQLITE_ROW) {
        const char *board = (const char *)sqlite3_column_text(statement, 1);
        if (any < MEDIAN_OF)
            any_us[any++] = sqlite3_column_int64(statement, 0);
        if (boards && board && strv_has(boards, board))
            here_us[here++] = sqlite3_column_int64(statement, 0);
    }
    return here ? median(here_us, here) : median(any_us, any);
}

static bool read_last(sqlite3_stmt *statement, struct store_last *ret)
{
    const char *test;

    if (sqlite3_step(statement) != SQLITE_ROW ||
        !store_verdict((const char *)sqlite3_column_text(statement, 0), &ret->verdict))
        return false;
    test = (const char *)sqlite3_column_text(statement, 1);
    cleanup_free char *fits = text_clean_dup(test ? test : "", sizeof ret->test - 1, 0);
    snprintf(ret->test, sizeof ret->test, "%s", fits);
    ret->unix_s = sqlite3_column_int64(statement, 2) / 1000000;
    return true;
}

bool store_last(struct store *store, const char *lab, const char *board, struct store_last *ret)
{
    bool found;

    if (!store->last && store_prepare(store,
                                      "SELECT verdict, test, started_us FROM jobs"
                                      " WHERE lab IS ? AND board = ? ORDER BY id DESC LIMIT 1",
                                      &store->last, NULL) < 0)
        return false;
    store_bind_text(store->last, 1, lab);
    store_bind_text(store->last, 2, board);
    found = read_last(store->last, ret);
    sqlite3_reset(store->last); /* ends the read, which would hold up the write-ahead log */
    return found;
}

unsigned store_infra_streak(struct store *store, const char *lab, const char *board, unsigned max,
                            int64_t *ret_unix_s)
{
    cleanup_statement sqlite3_stmt *statement = NULL;
    unsigned count = 0;

    *ret_unix_s = 0;
    if (store_prepare(store,
                      "SELECT verdict, started_us + took_us FROM jobs"
                      " WHERE lab IS ? AND board = ? AND NOT (verdict = 'infra' AND"
                      " (took_us = 0 OR reason LIKE '%cancelled%')) ORDER BY id DESC LIMIT ?",
                      &statement, NULL) < 0)
        return 0;
    store_bind_text(statement, 1, lab);
    store_bind_text(statement, 2, board);
    sqlite3_bind_int64(statement, 3, max);
    while (sqlite3_step(statement) == SQLITE_ROW &&
           str_eq((const char *)sqlite3_column_text(statement, 0), verdict_name(VERDICT_INFRA)))
        if (count++ == 0)
            *ret_unix_s = sqlite3_column_int64(statement, 1) / 1000000;
    return count;
}

int64_t store_last_start_us(struct store *store, const char *lab, const char *board,
                            const char *test)
{
    cleanup_statement sqlite3_stmt *statement = NULL;

    if (store_prepare(store,
                      "SELECT max(started_us) FROM jobs WHERE lab IS ? AND board = ? AND test = ?",
                      &statement, NULL) < 0)
        return 0;
    store_bind_text(statement, 1, lab);
    store_bind_text(statement, 2, board);
    store_bind_text(statement, 3, test);
    return sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
}
