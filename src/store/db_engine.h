/* SPDX-License-Identifier: MIT
 *
 * db_engine: what a database engine gives; the heads of a db and a statement that db.c calls it by.
 *
 * An engine's own structs begin with them. What each function does is in db.h.
 */
#ifndef HIL_STORE_DB_ENGINE_H
#define HIL_STORE_DB_ENGINE_H

#include "store/db.h"

struct statement_engine {
    void (*free)(struct statement *statement);
    void (*bind_text)(struct statement *statement, int at, char *text);
    void (*bind_array)(struct statement *statement, int at, char *list);
    void (*bind_int)(struct statement *statement, int at, int64_t value);
    int (*step)(struct statement *statement, struct err *err);
    void (*reset)(struct statement *statement);
    int (*add)(struct statement *statement, struct err *err);
    int (*flush)(struct statement *statement, struct err *err);
    const char *(*text)(struct statement *statement, int column);
    int64_t (*number)(struct statement *statement, int column);
    bool (*null)(struct statement *statement, int column);
};

struct db_engine {
    const struct statement_engine *statements;
    void (*close)(struct db *db); /* all but `name` */
    int (*begin)(struct db *db, enum db_use use, struct err *err);
    int (*set_durable)(struct db *db, bool durable, struct err *err);
    int (*used)(struct db *db, uint64_t *ret, struct err *err);
    int (*compact)(struct db *db, struct err *err);
    int (*execute)(struct db *db, const char *sql, struct err *err);
    int (*prepare)(struct db *db, const char *sql, struct statement **ret, struct err *err);
    /* NULL, all of them: it is a file, and nobody tells anything */
    void (*within)(struct db *db, const struct ctx *ctx);
    void (*rest)(struct db *db);
    int (*listen)(struct db *db, const char *channel, struct err *err);
    int (*wait)(struct db *db, const struct ctx *ctx, char **ret, struct err *err);
    int (*hurry)(struct db *db, int64_t answer_ms, struct err *err);
    int64_t (*changes)(const struct db *db);
    int64_t (*insert_id)(struct db *db);
};

struct db {
    const struct db_engine *engine;
    char *name;
    bool is_file;
};

struct statement {
    struct db *db;
};

#endif
