/* SPDX-License-Identifier: MIT
 *
 * dump: all that a store remembers as lines of JSON, and back into another one, of either engine.
 *
 *     {"hil-store":1}
 *     {"table":"names","columns":["id","suite","name","seen_day"]}
 *     [1,"uart","echo",20419]
 *     {"end":1}                                    so many rows; without it the file was cut short
 *
 * Both are streamed. Import is a merge, in one transaction: what is there is not added again, so a
 * file may come twice. A run is known by its lab, when it began and where it came from, and gets
 * the jobs that it has not; its number is the store's own and may become another one. What a board
 * carries is the newest that either knows. An identity that both have given to different boards,
 * ranges that overlap, or a pool of two kinds end the import, as nobody could tell which one is
 * right. Blocking, threads: as store.
 */
#ifndef HIL_STORE_DUMP_H
#define HIL_STORE_DUMP_H

#include "store/store.h"

#define DUMP_LINE_MAX ((size_t)1 << 18) /* a row has at most some twenty texts of 1 KiB */
#define DUMP_COLUMNS_MAX 32

/* As it is at one moment. `name`: the file, for messages. */
int store_export(struct store *store, int fd, const char *name, uint64_t *ret_rows,
                 struct err *err);
/* -ERR_DATA, -ERR_LIMIT with the line: what came before it is not kept either. *ret_rows: that were
 * not there yet. */
int store_import(struct store *store, int fd, const char *name, uint64_t *ret_rows,
                 struct err *err);
/* Rows of history, pools and what is known of boards. */
int store_rows(struct store *store, uint64_t *ret, struct err *err);
struct store_facts {
    const char *place; /* borrowed from the store: a path, or which database where */
    int schema;
    bool writable; /* this user may add runs */
    uint64_t bytes, rows, runs;
};
int store_facts(struct store *store, struct store_facts *ret, struct err *err);

/* ---- the file alone -------------------------------------------------------------------------- */

struct dump_table {
    const char *name;
    const char *columns; /* "id,suite,name,seen_day", which the file may have in another order */
    const char *kinds;   /* one letter each: 'i' a number, 's' a text */
    const char *order;
};
/* In the order in which they are written: what others point to comes first. */
#define DUMP_TABLES 14
extern const struct dump_table dump_tables[DUMP_TABLES + 1];

struct dump_value {
    const char *text; /* NULL where it is a number or null */
    int64_t number;
    bool null;
};
/* each(arg, table, values in the order of `columns`) for every row; what it returns other than 0
 * ends it. A column that the file has not is null; one that is not known is passed over. */
int dump_read(int fd, const char *name,
              int (*each)(void *arg, size_t table, const struct dump_value *values,
                          struct err *err),
              void *arg, struct err *err);

#endif
