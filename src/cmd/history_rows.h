/* SPDX-License-Identifier: MIT
 *
 * history_rows: what programs get of the history: one description of a row for JSON and for CSV.
 */
#ifndef HIL_CMD_HISTORY_ROWS_H
#define HIL_CMD_HISTORY_ROWS_H

#include "cmd/history_print.h"

enum rows_format history_format(enum history_form form);
void history_rows_time(struct rows *rows, const char *name, int64_t unix_us);
void history_rows_counts(struct rows *rows, const struct test_counts *counts);
void history_rows_case(struct rows *rows, const struct history_case *found); /* NULL: no case */
void history_rows_try(struct rows *rows, const struct history_try *row);
/* history_tries() with struct rows * as `arg`. */
int history_rows_add_try(void *arg, const struct history_try *row);
/* The list "tries" as a whole. */
int history_rows_tries(struct store *store, const struct history_filter *filter, struct rows *rows,
                       struct err *err);
/* Ends the document whatever went wrong, so that what came before is seen; returns rc, or what then
 * fails. */
int history_rows_end(struct rows *rows, int rc, struct err *err);

#endif
