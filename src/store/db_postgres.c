/* SPDX-License-Identifier: MIT */
#include "store/db_postgres.h"

#include "base/str.h"

#include <stdlib.h>

#define REACH_MS 5000
#define ANSWER_MS 30000
#define STALE_MAX ((size_t)64 << 10)

static struct postgres_db *of(const struct db *db)
{
    return (struct postgres_db *)(uintptr_t)db;
}

static void postgres_close(struct db *db)
{
    struct postgres_db *pg = of(db);

    if (pg->connection)
        pg->pq.finish(pg->connection);
    strv_done(&pg->hosts.names);
    strv_done(&pg->hosts.addresses);
    strv_done(&pg->hosts.ports);
    buf_done(&pg->stale);
    free(pg->url);
}

static int postgres_execute(struct db *db, const char *sql, struct err *err)
{
    cleanup_free char *text = postgres_sql(sql);
    struct postgres_db *pg = of(db);
    bool ends = str_eq(sql, "COMMIT") || str_eq(sql, "ROLLBACK");
    int rc;

    if (ends && !pg->connection) {
        pg->in_transaction = false;
        return err_set(err, ERR_GONE, "%s: the connection was lost", db->name);
    }
    rc = postgres_revive(pg, err);
    if (rc == 0)
        rc = postgres_ask(pg, text, err);
    if (ends && (rc == 0 || !pg->connection))
        pg->in_transaction = false;
    return rc;
}

/* The lock of all who write: between them it is as in a file of SQLite, one after the other. Ends
 * with the transaction. */
static int postgres_begin(struct db *db, enum db_use use, struct err *err)
{
    struct postgres_db *pg = of(db);
    int rc = postgres_revive(pg, err);

    if (rc == 0)
        rc = postgres_ask(
            pg,
            use == DB_WRITES
                ? "BEGIN; SELECT pg_advisory_xact_lock(6842732, hashtext(current_schema()))"
                : "BEGIN ISOLATION LEVEL REPEATABLE READ",
            err);
    if (rc < 0 && pg->connection)
        postgres_ask(pg, "ROLLBACK", NULL);
    pg->in_transaction = rc == 0;
    return rc;
}

static void postgres_within(struct db *db, const struct ctx *ctx)
{
    of(db)->ctx = *ctx;
}

static void postgres_rest(struct db *db)
{
    struct postgres_db *pg = of(db);

    if (pg->in_transaction || !pg->connection)
        return;
    pg->pq.finish(pg->connection);
    pg->connection = NULL;
}

static int64_t postgres_changes(const struct db *db)
{
    return of(db)->changes;
}

/* The first column of the only row. */
static int ask(struct db *db, const char *sql, int64_t *ret, struct err *err)
{
    struct statement *statement = NULL;
    int rc = db_prepare(db, sql, &statement, err);

    if (rc < 0)
        return rc;
    rc = statement_step(statement, err);
    if (rc == 1)
        *ret = statement_int(statement, 0);
    statement_free(statement);
    return rc < 0 ? rc : 0;
}

static int64_t postgres_insert_id(struct db *db)
{
    int64_t id = 0;

    ask(db, "SELECT lastval()", &id, NULL);
    return id;
}

/* ---- what a server sees to itself ------------------------------------------------------------ */

static int postgres_set_durable(struct db *db, bool durable, struct err *err)
{
    (void)db; /* synchronous_commit is on, or whoever turned it off knows why */
    (void)durable;
    (void)err;
    return 0;
}

static int postgres_used(struct db *db, uint64_t *ret, struct err *err)
{
    (void)db;
    (void)err;
    *ret = 0;
    return 0;
}

static int postgres_compact(struct db *db, struct err *err)
{
    (void)db; /* autovacuum */
    (void)err;
    return 0;
}

static const struct db_engine engine = {
    .statements = &postgres_statements,
    .close = postgres_close,
    .begin = postgres_begin,
    .set_durable = postgres_set_durable,
    .used = postgres_used,
    .compact = postgres_compact,
    .execute = postgres_execute,
    .prepare = postgres_prepare,
    .within = postgres_within,
    .rest = postgres_rest,
    .listen = postgres_listen,
    .wait = postgres_wait,
    .hurry = postgres_hurry,
    .changes = postgres_changes,
    .insert_id = postgres_insert_id,
};

/* ---- opening --------------------------------------------------------------------------------- */

/* 1: it is this program's. *ret 0: there is none yet. The catalog is read as a table: to_regclass()
 * asks a cache, which does not hear of what others commit while this one waits for its lock. */
static int read_version(struct db *db, int64_t *ret, struct err *err)
{
    int64_t there = 0, newest = 0;
    int rc = ask(db,
                 "SELECT count(*) FROM pg_tables WHERE tablename = 'hil_schema'"
                 " AND schemaname = ANY (current_schemas(false))",
                 &there, err);

    *ret = 0;
    for (const struct postgres_migration *each = postgres_migrations; each->sql; each++)
        newest = each->version;
    if (rc == 0 && there)
        rc = ask(db, "SELECT version FROM hil_schema", ret, err);
    if (rc == 0 && *ret > newest)
        return err_set(err, ERR_DATA, "%s: its schema is %d and this hil knows %d; use a newer hil",
                       db->name, (int)*ret, (int)newest);
    return rc < 0 ? rc : *ret == newest;
}

/* Under the lock of all who write, so that of several hosts only one migrates. */
static int migrate_locked(struct db *db, struct err *err)
{
    int64_t version = 0;
    int rc = read_version(db, &version, err);

    for (const struct postgres_migration *each = postgres_migrations; each->sql && rc == 0; each++)
        if (each->version > version)
            rc = postgres_ask(of(db), each->sql, err);
    return rc < 0 ? rc : 0;
}

static int set_up(struct db *db, bool create, struct err *err)
{
    int64_t version = 0;
    int rc = read_version(db, &version, err);

    if (rc != 0)
        return rc < 0 ? rc : 0;
    if (!version && !create)
        return err_set(err, ERR_NOT_FOUND, "%s: no run was recorded yet", db->name);
    rc = db_begin(db, DB_WRITES, err);
    return rc < 0 ? rc : db_end(db, migrate_locked(db, err), err);
}

/* For messages: where it is, without any password. And for how long it is tried to be reached. */
static int read_url(struct postgres_db *pg, struct err *err)
{
    PQconninfoOption *all = pg->pq.conninfoParse(pg->url, NULL);
    const char *service = NULL, *host = NULL, *name = NULL;

    if (!all)
        return err_set(err, ERR_CONFIG,
                       "the store's url is none that libpq reads; it looks like"
                       " postgresql://hil@db.example/lab");
    for (PQconninfoOption *each = all; each->keyword; each++) {
        if (str_eq(each->keyword, "service"))
            service = each->val;
        else if (str_eq(each->keyword, "host"))
            host = each->val;
        else if (str_eq(each->keyword, "dbname"))
            name = each->val;
        else if (str_eq(each->keyword, "connect_timeout") && each->val)
            pg->reach_ms = strtol(each->val, NULL, 10) * INT64_C(1000);
    }
    if (pg->reach_ms <= 0)
        pg->reach_ms = REACH_MS;
    pg->db.name = service ? xasprintf("PostgreSQL service %s", service)
                          : xasprintf("PostgreSQL %s on %s", name ? name : "database",
                                      host ? host : "this host");
    pg->pq.conninfoFree(all);
    return 0;
}

int db_open_server(const char *url, bool create, const struct ctx *ctx, struct db **ret,
                   struct err *err)
{
    struct postgres_db *new = xcalloc(1, sizeof *new);
    int rc = pq_api_load(&new->pq, err);

    new->db.engine = &engine;
    new->url = xstrdup(url);
    new->ctx = ctx ? *ctx : ctx_root(-1, NULL);
    new->answer_ms = ANSWER_MS;
    new->stale = (struct buf)BUF_INIT(STALE_MAX);
    if (rc == 0)
        rc = read_url(new, err);
    if (rc == 0)
        rc = postgres_reach(new, err);
    if (rc == 0)
        rc = set_up(&new->db, create, err);
    if (rc < 0)
        db_close(&new->db);
    else
        *ret = &new->db;
    return rc;
}
