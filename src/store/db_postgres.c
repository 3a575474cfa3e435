/* SPDX-License-Identifier: MIT */
#include "store/db_postgres.h"

#include "base/ctx.h"
#include "base/str.h"
#include "base/text.h"
#include "store/db_engine.h"
#include "store/db_rows.h"
#include "store/pq_api.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PARAMETERS_MAX 32
#define ANSWER_MS 30000
#define LOCK_MS 20000
#define SLACK_MS \
    5000 /* the server's own limit, postgres_set_limits(), comes first where it is alive */
#define WHY_MAX 512
/* Type numbers, from the catalog's pg_type.dat. */
#define TYPE_BOOL 16
#define TYPE_INT8 20
#define TYPE_TEXT 25
#define TYPE_TEXTS 1009 /* arrays of the two */
#define TYPE_INT8S 1016

struct postgres_statement {
    struct statement statement;
    char *sql, *values[PARAMETERS_MAX];
    Oid types[PARAMETERS_MAX];
    int count;
    unsigned runs, epoch; /* epoch 0: prepared nowhere */
    char name[16];
    PGresult *answer; /* NULL: not run */
    int row;
    struct db_rows *rows; /* NULL: it is run for one row */
};

static struct postgres_db *of(const struct db *db)
{
    return (struct postgres_db *)(uintptr_t)db;
}

static struct postgres_statement *one(struct statement *statement)
{
    return (struct postgres_statement *)statement;
}

/* ---- errors ---------------------------------------------------------------------------------- */

int postgres_lost(struct postgres_db *pg, const char *why, struct err *err)
{
    cleanup_free char *line =
        text_clean_dup(why ? why : pg->pq.errorMessage(pg->connection), WHY_MAX, TEXT_ONE_LINE);

    err_set(err, ERR_GONE, "%s: %s", pg->db.name, line);
    pg->pq.finish(pg->connection);
    pg->connection = NULL; /* a transaction lasts until it is ended: none goes on in another one */
    return -ERR_GONE;
}

/* What the server said, whose SQLSTATE is of its manual's appendix A. */
static int refused(const struct postgres_db *pg, const PGresult *answer, struct err *err)
{
    const char *state = pg->pq.resultErrorField(answer, PG_DIAG_SQLSTATE);
    const char *said = pg->pq.resultErrorField(answer, PG_DIAG_MESSAGE_PRIMARY);
    cleanup_free char *why =
        text_clean_dup(said ? said : "no reason given", WHY_MAX, TEXT_ONE_LINE);

    if (!state)
        state = "";
    if (str_eq(state, "55P03") || str_eq(state, "40P01") || str_starts(state, "40001"))
        return err_set(err, ERR_BUSY, "%s: another host has held it for too long", pg->db.name);
    if (str_eq(state, "57014"))
        return err_set(err, ERR_TIMEOUT, "%s: %s", pg->db.name, why);
    if (str_eq(state, "42501"))
        return err_set(err, ERR_REFUSED, "%s: %s; docs/postgresql.md has what a role needs",
                       pg->db.name, why);
    return err_set(err, ERR_IO, "%s: %s", pg->db.name, why);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static int wait_for_answer(struct postgres_db *pg, int64_t until_ns, struct err *err)
{
    for (;;) {
        int unsent = pg->pq.flush(pg->connection);
        struct pollfd wait = {.fd = pg->pq.socket(pg->connection),
                              .events = (short)(POLLIN | (unsent > 0 ? POLLOUT : 0))};
        int64_t left_ms = (until_ns - ctx_now_ns()) / 1000000;
        if (unsent < 0)
            return postgres_lost(pg, NULL, err);
        if (!unsent && !pg->pq.isBusy(pg->connection))
            return 0;
        if (left_ms <= 0)
            return postgres_lost(pg, "the server does not answer", err);
        if (poll(&wait, 1, (int)left_ms) < 0 && errno != EINTR)
            return postgres_lost(pg, strerror(errno), err);
        if ((wait.revents & ~POLLOUT) && !pg->pq.consumeInput(pg->connection))
            return postgres_lost(pg, NULL, err);
    }
}

/* Everything that the server answers to what was sent: the last result, or the first error. */
static int answer_to(struct postgres_db *pg, int sent, PGresult **ret, struct err *err)
{
    int64_t until_ns = ctx_now_ns() + 1000000 * (pg->answer_ms + SLACK_MS);
    PGresult *next;
    int rc = 0;

    *ret = NULL;
    if (!sent)
        return postgres_lost(pg, NULL, err);
    while ((rc = wait_for_answer(pg, until_ns, err)) == 0 &&
           (next = pg->pq.getResult(pg->connection))) {
        if (*ret && pg->pq.resultStatus(*ret) == PGRES_FATAL_ERROR) {
            pg->pq.clear(next);
            continue;
        }
        pg->pq.clear(*ret);
        *ret = next;
    }
    if (rc == 0 && pg->pq.status(pg->connection) != CONNECTION_OK)
        rc = postgres_lost(pg, NULL, err);
    else if (rc == 0 && !*ret)
        rc = postgres_lost(pg, "the server answered nothing", err);
    else if (rc == 0 && pg->pq.resultStatus(*ret) == PGRES_FATAL_ERROR)
        rc = refused(pg, *ret, err);
    if (rc == 0)
        pg->changes = strtoll(pg->pq.cmdTuples(*ret), NULL, 10);
    return rc;
}

int postgres_ask(struct postgres_db *pg, const char *sql, struct err *err)
{
    PGresult *answer;
    int rc = answer_to(pg, pg->pq.sendQuery(pg->connection, sql), &answer, err);

    pg->pq.clear(answer);
    return rc;
}

/* ---- the connection -------------------------------------------------------------------------- */

static void ignore_notice(void *arg, const char *message)
{
    (void)arg;
    (void)message;
}

/* Of this host, for days: $TZ, or where /etc/localtime leads; NULL: it has none. Caller frees. */
static char *time_zone(void)
{
    static const char folder[] = "zoneinfo/";
    const char *zone = getenv("TZ"), *name;
    char link[256] = "";

    if (zone && *zone)
        return xstrdup(zone + (*zone == ':'));
    if (zone || readlink("/etc/localtime", link, sizeof link - 1) < 0)
        return xstrdup("UTC");
    name = strstr(link, folder);
    return name ? xstrdup(name + strlen(folder)) : NULL;
}

/* A host that stands still in a transaction would hold up all others. */
int postgres_set_limits(struct postgres_db *pg, struct err *err)
{
    cleanup_free char *zone = time_zone();
    cleanup_free char *limits =
        xasprintf("SET statement_timeout = %" PRId64 "; SET lock_timeout = %" PRId64
                  "; SET idle_in_transaction_session_timeout = '30s';"
                  "SET client_min_messages = warning",
                  pg->answer_ms, pg->answer_ms < LOCK_MS ? pg->answer_ms : LOCK_MS);
    const char *const values[] = {zone};
    const char *is = pg->pq.parameterStatus(pg->connection, "TimeZone");
    PGresult *answer = NULL;
    int rc = postgres_ask(pg, limits, err);

    if (rc == 0 && pg->channel)
        rc = postgres_listen_again(pg, err);
    if (rc < 0 || !zone || str_eq(zone, is))
        return rc;
    rc = answer_to(pg,
                   pg->pq.sendQueryParams(pg->connection,
                                          "SELECT set_config('TimeZone', $1::text, false)", 1, NULL,
                                          values, NULL, NULL, 0),
                   &answer, NULL);
    pg->pq.clear(answer);
    return rc == -ERR_GONE ? err_set(err, ERR_GONE, "%s: the connection was lost", pg->db.name) : 0;
}

/* What stands before the address is what it may say otherwise. */
static int reach(struct postgres_db *pg, struct err *err)
{
    const char *const keys[] = {"connect_timeout", "tcp_user_timeout", "application_name",
                                "dbname",          "client_encoding",  NULL};
    const char *const values[] = {"5", "30000", "hil", pg->url, "UTF8", NULL};

    pg->connection = pg->pq.connectdbParams(keys, values, 1);
    if (!pg->connection)
        return err_set(err, ERR_IO, "%s: no memory", pg->db.name);
    if (pg->pq.status(pg->connection) != CONNECTION_OK)
        return postgres_lost(pg, NULL, err);
    pg->pq.setNoticeProcessor(pg->connection, ignore_notice, NULL);
    pg->pq.setnonblocking(pg->connection, 1);
    pg->epoch++;
    return postgres_set_limits(pg, err);
}

/* Between transactions a connection that the server has closed is noticed and made anew. */
int postgres_revive(struct postgres_db *pg, struct err *err)
{
    if (pg->in_transaction)
        return pg->connection ? 0
                              : err_set(err, ERR_GONE, "%s: the connection was lost", pg->db.name);
    while (pg->connection) { /* its last words, and then the end */
        struct pollfd news = {.fd = pg->pq.socket(pg->connection), .events = POLLIN};
        if (poll(&news, 1, 0) <= 0)
            return 0;
        if (!pg->pq.consumeInput(pg->connection))
            postgres_lost(pg, NULL, NULL);
        else
            pg->pq.isBusy(pg->connection);
    }
    return reach(pg, err);
}

static void postgres_close(struct db *db)
{
    struct postgres_db *pg = of(db);

    if (pg->connection)
        pg->pq.finish(pg->connection);
    free(pg->url);
}

/* ---- statements ------------------------------------------------------------------------------ */

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

static int postgres_prepare(struct db *db, const char *sql, struct statement **ret, struct err *err)
{
    struct postgres_statement *new = xcalloc(1, sizeof *new);
    cleanup_free char *of_rows = db_rows_of_arrays(sql);

    (void)err; /* the server reads it when it runs */
    new->statement.db = db;
    new->sql = postgres_sql(of_rows ? of_rows : sql);
    new->rows = of_rows ? db_rows_new() : NULL;
    *ret = &new->statement;
    return 0;
}

static void postgres_reset(struct statement *statement)
{
    struct postgres_statement *this = one(statement);

    of(statement->db)->pq.clear(this->answer);
    this->answer = NULL;
}

static void postgres_free(struct statement *statement)
{
    struct postgres_db *pg = of(statement->db);
    struct postgres_statement *this = one(statement);
    char sql[64];

    postgres_reset(statement);
    snprintf(sql, sizeof sql, "DEALLOCATE %s", this->name);
    if (pg->connection && this->epoch == pg->epoch)
        postgres_ask(pg, sql, NULL);
    for (int i = 0; i < PARAMETERS_MAX; i++)
        free(this->values[i]);
    db_rows_free(this->rows);
    free(this->sql);
    free(this);
}

static void bind(struct statement *statement, int at, char *value, Oid type)
{
    struct postgres_statement *this = one(statement);

    if (at < 1 || at > PARAMETERS_MAX)
        abort();                           /* the program's own mistake */
    for (int i = this->count; i < at; i++) /* a number that is left out must have a type, too */
        this->types[i] = TYPE_TEXT;
    free(this->values[at - 1]);
    this->values[at - 1] = value;
    this->types[at - 1] = type;
    this->count = at > this->count ? at : this->count;
}

static void postgres_bind_text(struct statement *statement, int at, char *text)
{
    bind(statement, at, text, TYPE_TEXT);
}

static void postgres_bind_int(struct statement *statement, int at, int64_t value)
{
    bind(statement, at, xasprintf("%" PRId64, value), TYPE_INT8);
}

/* What runs more than once is prepared the second time. */
static int prepare_here(struct postgres_db *pg, struct postgres_statement *this, struct err *err)
{
    PGresult *answer;
    int rc;

    if (this->runs++ == 0 || this->epoch == pg->epoch)
        return 0;
    snprintf(this->name, sizeof this->name, "hil%u", ++pg->prepared);
    rc = answer_to(
        pg, pg->pq.sendPrepare(pg->connection, this->name, this->sql, this->count, this->types),
        &answer, err);
    pg->pq.clear(answer);
    this->epoch = rc == 0 ? pg->epoch : 0;
    return rc;
}

static int run(struct statement *statement, struct err *err)
{
    struct postgres_db *pg = of(statement->db);
    struct postgres_statement *this = one(statement);
    const char *const *values = (const char *const *)this->values;
    int rc = postgres_revive(pg, err), sent;

    if (rc == 0)
        rc = prepare_here(pg, this, err);
    if (rc < 0)
        return rc;
    sent = this->epoch == pg->epoch ? pg->pq.sendQueryPrepared(pg->connection, this->name,
                                                               this->count, values, NULL, NULL, 0)
                                    : pg->pq.sendQueryParams(pg->connection, this->sql, this->count,
                                                             this->types, values, NULL, NULL, 0);
    rc = answer_to(pg, sent, &this->answer, err);
    if (rc < 0)
        postgres_reset(statement);
    this->row = -1;
    return rc;
}

/* An answer is here as a whole, so others may be asked for between its rows. */
static int postgres_step(struct statement *statement, struct err *err)
{
    struct postgres_db *pg = of(statement->db);
    struct postgres_statement *this = one(statement);
    int rc = this->answer ? 0 : run(statement, err);

    if (rc < 0)
        return rc;
    return ++this->row < pg->pq.ntuples(this->answer);
}

static int postgres_flush(struct statement *statement, struct err *err)
{
    struct postgres_statement *this = one(statement);
    int rc, columns = db_rows_columns(this->rows);
    bool is_number;

    for (int i = 0; i < columns; i++) {
        char *array = db_rows_array(this->rows, i, &is_number);
        bind(statement, i + 1, array, is_number ? TYPE_INT8S : TYPE_TEXTS);
    }
    db_rows_clear(this->rows);
    rc = columns ? run(statement, err) : 0;
    postgres_reset(statement);
    return rc;
}

static int postgres_add(struct statement *statement, struct err *err)
{
    struct postgres_statement *this = one(statement);
    bool is_text[PARAMETERS_MAX];

    for (int i = 0; i < this->count; i++)
        is_text[i] = this->types[i] == TYPE_TEXT;
    db_rows_add(this->rows, this->values, is_text, this->count);
    return db_rows_full(this->rows) ? postgres_flush(statement, err) : 0;
}

static bool postgres_null(struct statement *statement, int column)
{
    struct postgres_statement *this = one(statement);

    return of(statement->db)->pq.getisnull(this->answer, this->row, column);
}

static const char *postgres_text(struct statement *statement, int column)
{
    struct postgres_statement *this = one(statement);

    return postgres_null(statement, column)
               ? NULL
               : of(statement->db)->pq.getvalue(this->answer, this->row, column);
}

static int64_t postgres_number(struct statement *statement, int column)
{
    const char *text = postgres_text(statement, column);

    if (!text)
        return 0;
    if (of(statement->db)->pq.ftype(one(statement)->answer, column) == TYPE_BOOL)
        return *text == 't';
    return strtoll(text, NULL, 10); /* sums of int8 are numeric, and whole */
}

static int64_t postgres_changes(const struct db *db)
{
    return of(db)->changes;
}

/* The first column of the only row. */
static int ask(struct db *db, const char *sql, int64_t *ret, struct err *err)
{
    struct statement *statement = NULL;
    int rc = postgres_prepare(db, sql, &statement, err);

    if (rc < 0)
        return rc;
    rc = postgres_step(statement, err);
    if (rc == 1)
        *ret = postgres_number(statement, 0);
    postgres_free(statement);
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
    .close = postgres_close,
    .begin = postgres_begin,
    .set_durable = postgres_set_durable,
    .used = postgres_used,
    .compact = postgres_compact,
    .execute = postgres_execute,
    .prepare = postgres_prepare,
    .listen = postgres_listen,
    .wait = postgres_wait,
    .hurry = postgres_hurry,
    .changes = postgres_changes,
    .insert_id = postgres_insert_id,
    .free = postgres_free,
    .bind_text = postgres_bind_text,
    .bind_int = postgres_bind_int,
    .step = postgres_step,
    .reset = postgres_reset,
    .add = postgres_add,
    .flush = postgres_flush,
    .text = postgres_text,
    .number = postgres_number,
    .null = postgres_null,
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

/* For messages: where it is, without any password. */
static int name_it(struct postgres_db *pg, struct err *err)
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
    }
    pg->db.name = service ? xasprintf("PostgreSQL service %s", service)
                          : xasprintf("PostgreSQL %s on %s", name ? name : "database",
                                      host ? host : "this host");
    pg->pq.conninfoFree(all);
    return 0;
}

int db_open_server(const char *url, bool create, struct db **ret, struct err *err)
{
    struct postgres_db *new = xcalloc(1, sizeof *new);
    int rc = pq_api_load(&new->pq, err);

    new->db.engine = &engine;
    new->url = xstrdup(url);
    new->answer_ms = ANSWER_MS;
    if (rc == 0)
        rc = name_it(new, err);
    if (rc == 0)
        rc = reach(new, err);
    if (rc == 0)
        rc = set_up(&new->db, create, err);
    if (rc < 0)
        db_close(&new->db);
    else
        *ret = &new->db;
    return rc;
}
