/* SPDX-License-Identifier: MIT
 *
 * db_postgres: what the parts of PostgreSQL, the engine, its SQL and its schema, share.
 */
#ifndef HIL_STORE_DB_POSTGRES_H
#define HIL_STORE_DB_POSTGRES_H

#include "store/db_engine.h"
#include "store/pq_api.h"

struct postgres_db {
    struct db db;
    struct pq_api pq;
    PGconn *connection;
    char *url;
    unsigned epoch;    /* of the connection: what was prepared on another is not there */
    unsigned prepared; /* names given */
    bool in_transaction;
    int64_t changes;
    int64_t answer_ms;
    const char *channel; /* listened to; NULL: none */
};

/* The engine's, for its parts. The connection is gone, for that reason; NULL: libpq knows why. */
int postgres_lost(struct postgres_db *pg, const char *why, struct err *err);
/* Between transactions a connection that the server has closed is noticed and made anew. */
int postgres_revive(struct postgres_db *pg, struct err *err);
int postgres_ask(struct postgres_db *pg, const char *sql, struct err *err); /* for no rows */
int postgres_set_limits(struct postgres_db *pg, struct err *err);

/* db_postgres_listen.c: news. */
int postgres_hurry(struct db *db, int64_t answer_ms, struct err *err);
int postgres_listen(struct db *db, const char *channel, struct err *err);
int postgres_listen_again(struct postgres_db *pg, struct err *err); /* on a new connection */
int postgres_wait(struct db *db, const struct ctx *ctx, char **ret, struct err *err);

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
