/* SPDX-License-Identifier: MIT */
#include "store/db_sqlite.h"

#include "base/fs.h"
#include "base/str.h"
#include "store/db_engine.h"
#include "store/db_rows.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#define BUSY_MS 2000

struct sqlite_db {
    struct db db;
    sqlite3 *sqlite;
};

struct sqlite_statement {
    struct statement statement;
    sqlite3_stmt *sqlite;
};

static sqlite3 *handle(const struct db *db)
{
    return ((const struct sqlite_db *)db)->sqlite;
}

static sqlite3_stmt *compiled(const struct statement *statement)
{
    return ((const struct sqlite_statement *)statement)->sqlite;
}

/* What SQLite's last error means for the user. */
static int failed(const struct db *db, struct err *err)
{
    const char *why = sqlite3_errmsg(handle(db));

    switch (sqlite3_errcode(handle(db)) & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return err_set(err, ERR_BUSY, "%s: another process has held it for %d s", db->name,
                       BUSY_MS / 1000);
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        return err_set(err, ERR_DATA, "%s: %s; move it away and a new one is begun", db->name, why);
    case SQLITE_CANTOPEN: /* the errno is that of its last try, to read a file that is not there */
    case SQLITE_READONLY:
        return err_set(err, ERR_IO, "%s: this user cannot write it or its directory", db->name);
    }
    return err_set(err, ERR_IO, "%s: %s", db->name, why);
}

/* ---- statements ------------------------------------------------------------------------------ */

static int sqlite_execute(struct db *db, const char *sql, struct err *err)
{
    return sqlite3_exec(handle(db), sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : failed(db, err);
}

static int sqlite_prepare(struct db *db, const char *sql, struct statement **ret, struct err *err)
{
    cleanup_free char *of_rows = db_rows_of_one(sql);
    struct sqlite_statement *new;
    sqlite3_stmt *sqlite = NULL;

    if (sqlite3_prepare_v2(handle(db), of_rows ? of_rows : sql, -1, &sqlite, NULL) != SQLITE_OK)
        return failed(db, err);
    new = xcalloc(1, sizeof *new);
    *new = (struct sqlite_statement){.statement.db = db, .sqlite = sqlite};
    *ret = &new->statement;
    return 0;
}

static void sqlite_free(struct statement *statement)
{
    sqlite3_finalize(compiled(statement));
    free(statement);
}

static void sqlite_bind_text(struct statement *statement, int at, char *text)
{
    if (text)
        sqlite3_bind_text(compiled(statement), at, text, -1, free);
    else
        sqlite3_bind_null(compiled(statement), at);
}

static void sqlite_bind_int(struct statement *statement, int at, int64_t value)
{
    sqlite3_bind_int64(compiled(statement), at, value);
}

static int sqlite_step(struct statement *statement, struct err *err)
{
    int step = sqlite3_step(compiled(statement));

    return step == SQLITE_ROW ? 1 : step == SQLITE_DONE ? 0 : failed(statement->db, err);
}

static void sqlite_reset(struct statement *statement)
{
    sqlite3_reset(compiled(statement));
}

static int sqlite_add(struct statement *statement, struct err *err)
{
    int rc = sqlite_step(statement, err);

    sqlite_reset(statement);
    return rc;
}

static int sqlite_flush(struct statement *statement, struct err *err)
{
    (void)statement;
    (void)err;
    return 0;
}

static const char *sqlite_text(struct statement *statement, int column)
{
    return (const char *)sqlite3_column_text(compiled(statement), column);
}

static int64_t sqlite_number(struct statement *statement, int column)
{
    return sqlite3_column_int64(compiled(statement), column);
}

static bool sqlite_null(struct statement *statement, int column)
{
    return sqlite3_column_type(compiled(statement), column) == SQLITE_NULL;
}

static int64_t sqlite_changes(const struct db *db)
{
    return sqlite3_changes(handle(db));
}

static int64_t sqlite_insert_id(struct db *db)
{
    return sqlite3_last_insert_rowid(handle(db));
}

/* The first column of the only row. */
static int ask(struct db *db, const char *sql, int64_t *ret, struct err *err)
{
    struct statement *statement = NULL;
    int rc = sqlite_prepare(db, sql, &statement, err);

    if (!statement)
        return rc;
    rc = sqlite_step(statement, err);
    if (rc == 1)
        *ret = sqlite_number(statement, 0);
    sqlite_free(statement);
    return rc < 0 ? rc : 0;
}

/* ---- the whole database ---------------------------------------------------------------------- */

static int sqlite_begin(struct db *db, enum db_use use, struct err *err)
{
    return sqlite_execute(db, use == DB_WRITES ? "BEGIN IMMEDIATE" : "BEGIN", err);
}

static int sqlite_set_durable(struct db *db, bool durable, struct err *err)
{
    return sqlite_execute(db, durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL",
                          err);
}

static int sqlite_used(struct db *db, uint64_t *ret, struct err *err)
{
    int64_t bytes = 0;
    int rc = ask(db,
                 "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count,"
                 " pragma_freelist_count, pragma_page_size",
                 &bytes, err);

    *ret = (uint64_t)bytes;
    return rc;
}

static int sqlite_compact(struct db *db, struct err *err)
{
    return sqlite_execute(db, "VACUUM; PRAGMA wal_checkpoint(TRUNCATE)", err);
}

static void sqlite_close(struct db *db)
{
    sqlite3_close(handle(db));
}

static const struct statement_engine statements = {
    .free = sqlite_free,
    .bind_text = sqlite_bind_text,
    .bind_array = sqlite_bind_text, /* which only a server is asked about */
    .bind_int = sqlite_bind_int,
    .step = sqlite_step,
    .reset = sqlite_reset,
    .add = sqlite_add,
    .flush = sqlite_flush,
    .text = sqlite_text,
    .number = sqlite_number,
    .null = sqlite_null,
};

static const struct db_engine engine = {
    .statements = &statements,
    .close = sqlite_close,
    .begin = sqlite_begin,
    .set_durable = sqlite_set_durable,
    .used = sqlite_used,
    .compact = sqlite_compact,
    .execute = sqlite_execute,
    .prepare = sqlite_prepare,
    .changes = sqlite_changes,
    .insert_id = sqlite_insert_id,
};

/* ---- opening --------------------------------------------------------------------------------- */

static int read_version(struct db *db, int64_t *ret, struct err *err)
{
    int rc = ask(db, "PRAGMA user_version", ret, err);

    if (rc < 0 || (*ret >= 0 && *ret <= sqlite_newest))
        return rc;
    return err_set(err, ERR_DATA, "%s: its schema is %d and this hil knows %d; use a newer hil",
                   db->name, (int)*ret, sqlite_newest);
}

/* Inside a transaction that writes, so that of two processes only one migrates. */
static int migrate_locked(struct db *db, struct err *err)
{
    char set_version[64];
    int64_t version = 0;
    int rc = read_version(db, &version, err);

    for (; rc == 0 && version < sqlite_newest; version++)
        rc = sqlite_execute(db, sqlite_migrations[version], err);
    if (rc < 0)
        return rc;
    snprintf(set_version, sizeof set_version, "PRAGMA user_version = %d", (int)version);
    return sqlite_execute(db, set_version, err);
}

static int set_up(struct db *db, struct err *err)
{
    int64_t version = 0;
    int rc;

    sqlite3_busy_timeout(handle(db), BUSY_MS);
    /* Closing need not wait for the disk: the log is folded in when it has grown. */
    sqlite3_db_config(handle(db), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    rc = read_version(db, &version, err);
    /* A log of at most 1 MiB or so: whoever opens the file first reads all of it. */
    if (rc == 0)
        rc = sqlite_execute(db,
                            "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 250;"
                            "PRAGMA temp_store = MEMORY",
                            err);
    if (rc < 0 || version == sqlite_newest)
        return rc;
    /* Kept in the file. Where another process is at it too, either may be refused: one of the next
     * migrations or the rollback journal will do. */
    sqlite_execute(db, "PRAGMA journal_mode = WAL", NULL);
    rc = sqlite_begin(db, DB_WRITES, err);
    return rc < 0 ? rc : db_end(db, migrate_locked(db, err), err);
}

int db_open_file(const char *path, bool create, struct db **ret, struct err *err)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (create ? SQLITE_OPEN_CREATE : 0);
    struct sqlite_db *new = xcalloc(1, sizeof *new);
    struct db *db = &new->db;
    int rc;

    *db = (struct db){&engine, xstrdup(path), true};
    if (!create && !fs_exists(path))
        rc = err_set(err, ERR_NOT_FOUND, "%s: no run was recorded yet", path);
    else if (sqlite3_open_v2(path, &new->sqlite, flags, NULL) != SQLITE_OK)
        rc = failed(db, err);
    else
        rc = set_up(db, err);
    if (rc < 0)
        db_close(db);
    else
        *ret = db;
    return rc;
}
