/* SPDX-License-Identifier: MIT
 *
 * history_table: tries in a table, for people.
 */
#ifndef HIL_CMD_HISTORY_TABLE_H
#define HIL_CMD_HISTORY_TABLE_H

#include "base/term.h"
#include "store/history.h"

struct term_table *history_table(void); /* with its heading */
/* history_tries() with the table as `arg`. */
int history_table_add(void *arg, const struct history_try *row);
void history_table_print(struct term_table *table); /* any table, to stdout; frees it */

const char *history_or_dash(const char *text);
char *history_case_name(const struct history_case *found); /* "suite.name"; caller frees */

#endif
