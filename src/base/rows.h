/* SPDX-License-Identifier: MIT
 *
 * rows: lists for programs to read, as JSON or as CSV, from one description of a row.
 *
 *     static void describe(struct rows *rows, const struct thing *thing)
 *     {
 *         rows_string(rows, "name", thing->name);
 *         rows_int(rows, "count", thing->count);
 *     }
 *     rows_begin(&rows, ROWS_CSV, fd);
 *     rows_list(&rows, "things"); describe(&rows, &(struct thing){0}); rows_list_rows(&rows);
 *     rows_row(&rows); describe(&rows, thing); rows_row_end(&rows);      for each
 *     rows_list_end(&rows); rc = rows_end(&rows, err);
 *
 * Between rows_list() and rows_list_rows() what is described are the columns: CSV's first line, of
 * which JSON has no need. JSON is one object with "schema": 1 and the lists as its members; CSV
 * follows RFC 4180, is UTF-8, and has one list only. What is not known is null, or empty. Not
 * thread-safe; blocks as long as the file does; errors are kept for rows_end().
 */
#ifndef HIL_BASE_ROWS_H
#define HIL_BASE_ROWS_H

#include "base/json.h"

#include <stdbool.h>

enum rows_format { ROWS_JSON, ROWS_CSV };

struct rows {
    enum rows_format format;
    struct json_out json;
    struct buf line; /* of CSV */
    int fd, rc;
    bool columns; /* names, not values */
    bool first;   /* of a line */
    struct err err;
};

void rows_begin(struct rows *rows, enum rows_format format, int fd);
void rows_list(struct rows *rows, const char *name);
void rows_list_rows(struct rows *rows);
void rows_row(struct rows *rows);
void rows_row_end(struct rows *rows);
void rows_list_end(struct rows *rows);
/* Returns the first error met, and frees. */
int rows_end(struct rows *rows, struct err *err);

void rows_string(struct rows *rows, const char *name, const char *text); /* NULL: not known */
void rows_int(struct rows *rows, const char *name, int64_t value);
void rows_bool(struct rows *rows, const char *name, bool value);
void rows_double(struct rows *rows, const char *name, double value, int decimals);
/* Microseconds as seconds; negative: not known. */
void rows_seconds(struct rows *rows, const char *name, int64_t us);

#endif
