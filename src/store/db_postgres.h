/* SPDX-License-Identifier: MIT
 *
 * db_postgres: what the parts of PostgreSQL, the engine, its SQL and its schema, share.
 */
#ifndef HIL_STORE_DB_POSTGRES_H
#define HIL_STORE_DB_POSTGRES_H

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
