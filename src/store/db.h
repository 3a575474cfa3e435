/* SPDX-License-Identifier: MIT
 *
 * db: the one door to a database: SQLite in a file, or PostgreSQL on a server.
 *
 *     struct statement *statement = NULL;
 *     rc = db_prepare(db, "SELECT took_us FROM jobs WHERE board = ?", &statement, err);
 *     statement_bind_text(statement, 1, xstrdup("nucleo-3"));
 *     while ((rc = statement_step(statement, err)) == 1)
 *         sum += statement_int(statement, 0);
 *     statement_free(statement);
 *
 * SQL is SQLite's; what PostgreSQL has other words for is in postgres_sql.c. Its numbers are all
 * int8: a comparison is no number there, and a number no condition.
 *
 * A call blocks for two seconds at most where somebody else has a file; a server has 5 s to be
 * reached, 20 s for a lock, 30 s for an answer. A connection that was lost between transactions is
 * made anew, but for a second after a server was silent: then calls fail at once. One thread at a
 * time for one handle, and none lives through a fork. Errors begin with db_name(): -ERR_BUSY:
 * somebody else has it; -ERR_DATA: this is no database, or its schema is newer than this program;
 * -ERR_GONE: the server cannot be reached; -ERR_TIMEOUT, -ERR_REFUSED, -ERR_IO.
 */
#ifndef HIL_STORE_DB_H
#define HIL_STORE_DB_H

#include "base/ctx.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct db;
struct statement;

/* Its schema is made, or brought up to this program's. */
int db_open_file(const char *path, bool create, struct db **ret, struct err *err);
/* `url` as libpq has it. Nothing on this handle waits longer than `ctx` lets it (NULL: than below).
 * -ERR_TOOL: libpq is not installed; -ERR_CONFIG: the url is none. */
int db_open_server(const char *url, bool create, const struct ctx *ctx, struct db **ret,
                   struct err *err);
void db_close(struct db *db);             /* NULL is fine; all statements are freed before */
const char *db_name(const struct db *db); /* for messages */
const char *db_file(const struct db *db); /* NULL: it is no file of this host */

/* ---- transactions ---------------------------------------------------------------------------- */

enum db_use {
    DB_READS,  /* all that is read is of one moment */
    DB_WRITES, /* nobody else writes until it ends */
};
int db_begin(struct db *db, enum db_use use, struct err *err);
int db_end(struct db *db, int rc, struct err *err); /* COMMIT where rc is 0, else ROLLBACK */
/* Whether what is committed from now on is on the disk before the call returns, whatever it
 * costs. */
int db_set_durable(struct db *db, bool durable, struct err *err);
/* *ret: bytes that rows take; 0 where that is somebody else's care. */
int db_used(struct db *db, uint64_t *ret, struct err *err);
int db_compact(struct db *db, struct err *err); /* gives the room of forgotten rows back */

/* From now on nothing waits for a server longer than `ctx` lets it. */
void db_within(struct db *db, const struct ctx *ctx);
/* Outside of transactions: a connection is given up until the next call makes another. Who has
 * nothing to ask for a while does this: a server has few. */
void db_rest(struct db *db);

/* ---- news: what one host tells the others ---------------------------------------------------- */

/* From now on an answer, or a lock, has that long. A file's two seconds stay as they are. */
int db_hurry(struct db *db, int64_t answer_ms, struct err *err);
/* From now on db_wait() hears what is told there by SQL's pg_notify(). `channel` is a plain word,
 * and lives as long as the handle. In a file nobody tells anything. */
int db_listen(struct db *db, const char *channel, struct err *err);
/* Waits for the next piece of news: 0, and *ret is its text, which the caller frees. -ERR_TIMEOUT,
 * -ERR_CANCELLED as the ctx says: there was none; look for yourself now and then. -ERR_GONE: the
 * connection was lost, and so may be some news; the next call on the handle makes another. */
int db_wait(struct db *db, const struct ctx *ctx, char **ret, struct err *err);

/* ---- statements ------------------------------------------------------------------------------ */

/* Several, that give no rows and have no parameters. */
int db_execute(struct db *db, const char *sql, struct err *err);
/* Parameters are `?`, or `?1` to `?32` throughout. */
int db_prepare(struct db *db, const char *sql, struct statement **ret, struct err *err);
void statement_free(struct statement *statement); /* NULL is fine */
void statement_bind_text(struct statement *statement, int at,
                         char *text); /* takes it; NULL: null */
void statement_bind_int(struct statement *statement, int at, int64_t value);
/* A list as PostgreSQL writes it, taken as text is; the SQL says of what: `?1::text[]`. Bound as a
 * text it would be read anew for each row that it is compared with. */
void statement_bind_array(struct statement *statement, int at, char *list);
/* 1: a row; 0: no more; negative: an error. A loop that ends early is followed by a reset. */
int statement_step(struct statement *statement, struct err *err);
/* Ready to run again. Ends the read, too, which would hold up others. */
void statement_reset(struct statement *statement);
/* Of the row: texts live until the next step. A null is NULL, and 0. */
const char *statement_text(struct statement *statement, int column);
int64_t statement_int(struct statement *statement, int column);
bool statement_null(struct statement *statement, int column);

/* Many rows for one statement, which gives none: "... SELECT r.a, r.b FROM rows(a, b)" has as many
 * parameters as the rows have columns; a column that has numbers in it is one of numbers. Each row
 * is bound and added. A file takes it at once; a server gets many of them with one question, some
 * when they have become many and the rest with the flush, so errors may come late. */
int statement_add(struct statement *statement, struct err *err);
int statement_flush(struct statement *statement, struct err *err);

int64_t db_changes(const struct db *db); /* rows that the last statement changed */
int64_t db_insert_id(struct db *db);     /* of the row that was inserted last */

#endif
