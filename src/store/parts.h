/* SPDX-License-Identifier: MIT
 *
 * parts: what the store's files share: the handle, and statements run with their errors told.
 */
#ifndef HIL_STORE_PARTS_H
#define HIL_STORE_PARTS_H

#include "store/store.h"

#include "store/db.h"

struct store {
    struct db *db;
    /* store_last()'s and store_quarantined()'s, which a lab asks of every board; NULL: not asked
     * yet */
    struct statement *last, *quarantined;
    struct err trouble; /* of calls that give no error; code 0: none */
};

/* By what a run is known wherever it is told twice: start, lab, repository, sha, ref, URL; and one
 * of its jobs: run_id, board, test, start, attempt. */
#define STORE_FIND_RUN                                                          \
    "SELECT id FROM runs WHERE started_us = ? AND lab IS ? AND repository IS ?" \
    " AND sha IS ? AND ref IS ? AND url IS ? ORDER BY id LIMIT 1"
#define STORE_FIND_JOB                                                                     \
    "SELECT id FROM jobs WHERE run_id = ? AND board IS ? AND test IS ? AND started_us = ?" \
    " AND attempt = ?"

void store_statement_done(struct statement **statement);
#define cleanup_statement __attribute__((cleanup(store_statement_done)))
/* Cleaned and cut; NULL is null. Caller frees. */
char *store_clean(const char *text);
void store_bind_text(struct statement *statement, int at, const char *text);
/* A statement and its values, one letter of `kinds` each: 's' a text that may be NULL, 'i' an
 * int64_t. Runs it and makes it ready for the next. */
int store_insert(struct statement *statement, struct err *err, const char *kinds, ...);
/* The same for a statement of many rows: statement_add(). */
int store_add(struct statement *statement, struct err *err, const char *kinds, ...);
/* The same of a statement that is run once. */
int store_run(struct store *store, const char *sql, struct err *err, const char *kinds, ...);
bool store_verdict(const char *name, enum verdict *ret);
/* store_quarantine() within a transaction; `image`: another one lifts it; NULL: none does. */
int store_quarantine_locked(struct store *store, const char *lab, const char *board,
                            const char *reason, const char *image, int64_t unix_us,
                            struct err *err);

#endif
