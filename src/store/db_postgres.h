/* SPDX-License-Identifier: MIT
 *
 * db_postgres: what the parts of PostgreSQL, the engine, its SQL and its schema, share.
 */
#ifndef HIL_STORE_DB_POSTGRES_H
#define HIL_STORE_DB_POSTGRES_H

#include "base/buf.h"
#include "base/str.h"
#include "store/db_engine.h"
#include "store/pq_api.h"

struct postgres_hosts { /* of the url, all that libpq has found; count 0: not known yet */
    struct strv names, addresses, ports;
    size_t count;
};

struct postgres_db {
    struct db db;
    struct pq_api pq;
    PGconn *connection;
    char *url;
    struct postgres_hosts hosts;
    int64_t silent_ns; /* it has not answered, and is left alone until then */
    struct ctx ctx;    /* all that is waited for ends with it */
    unsigned epoch;    /* of the connection: what was prepared on another is not there */
    unsigned prepared; /* names given */
    struct buf stale;  /* SQL that frees what was prepared and is not needed any more */
    bool in_transaction;
    int64_t changes;
    int64_t reach_ms, answer_ms;
    const char *channel; /* listened to; NULL: none */
};

/* ---- db_postgres_connection.c ---------------------------------------------------------------- */

/* Between transactions a connection that the server has closed is noticed and made anew. */
int postgres_revive(struct postgres_db *pg, struct err *err);
/* How long it may answer, wait for locks and stand still in a transaction. */
int postgres_set_limits(struct postgres_db *pg, struct err *err);
/* The connection is gone, for that reason; NULL: libpq knows why. */
int postgres_lost(struct postgres_db *pg, enum err_code code, const char *why, struct err *err);
/* The same after ctx_wait() has said `waited`. */
int postgres_unanswered(struct postgres_db *pg, int waited, struct err *err);
int postgres_ask(struct postgres_db *pg, const char *sql, struct err *err); /* for no rows */
/* Everything that the server answers to what was sent: the last result, which the caller clears, or
 * the first error. `sent`: what libpq said to sending it. */
int postgres_answer(struct postgres_db *pg, int sent, PGresult **ret, struct err *err);

/* ---- db_postgres_reach.c --------------------------------------------------------------------- */

int postgres_reach(struct postgres_db *pg, struct err *err);

/* ---- db_postgres_statement.c ----------------------------------------------------------------- */

extern const struct statement_engine postgres_statements;
int postgres_prepare(struct db *db, const char *sql, struct statement **ret, struct err *err);

/* ---- db_postgres_listen.c: news -------------------------------------------------------------- */

int postgres_hurry(struct db *db, int64_t answer_ms, struct err *err);
int postgres_listen(struct db *db, const char *channel, struct err *err);
int postgres_listen_again(struct postgres_db *pg, struct err *err); /* on a new connection */
int postgres_wait(struct db *db, const struct ctx *ctx, char **ret, struct err *err);

/* ---- its SQL and its schema ------------------------------------------------------------------ */

/* The store's SQL, which is SQLite's, as PostgreSQL has it. Caller frees. */
char *postgres_sql(const char *sql);

/* Each leads from the version of the one before to `version`, the numbers being those of SQLite's
 * schema; the last has a NULL sql. Never change one that was released: add another. */
struct postgres_migration {
    int version;
    const char *sql;
};
extern const struct postgres_migration postgres_migrations[];

#endif
