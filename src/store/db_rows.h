/* SPDX-License-Identifier: MIT
 *
 * db_rows: many rows for one statement (db.h, statement_add()): its SQL for either engine, and the
 * arrays that a server takes them in.
 *
 * Pure but for memory.
 */
#ifndef HIL_STORE_DB_ROWS_H
#define HIL_STORE_DB_ROWS_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

/* The SQL with `rows(a, b)` put into an engine's words; NULL: it has none. Caller frees. */
char *db_rows_of_one(const char *sql);    /* one row: (SELECT ?1 AS a, ?2 AS b) AS r */
char *db_rows_of_arrays(const char *sql); /* unnest(?1, ?2) AS r(a, b) */

struct db_rows;
struct db_rows *db_rows_new(void);
void db_rows_free(struct db_rows *rows); /* NULL is fine */
/* Values as text, NULL for null; is_text: to be quoted. The first row says how many columns. */
void db_rows_add(struct db_rows *rows, char *const *values, const bool *is_text, int columns);
bool db_rows_full(const struct db_rows *rows);   /* they should go now */
int db_rows_columns(const struct db_rows *rows); /* 0: there are no rows */
/* Of a column: PostgreSQL's array literal (its manual, 8.15.6); caller frees. One of nulls alone is
 * of texts. */
char *db_rows_array(const struct db_rows *rows, int column, bool *ret_is_number);
void db_rows_clear(struct db_rows *rows);
/* An element of such a literal. */
void db_rows_quote(struct buf *out, const char *text);

#endif
