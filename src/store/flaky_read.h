/* SPDX-License-Identifier: MIT
 *
 * flaky_read: all results that tell flips, added up by test and board. Of flaky.c's, and only its.
 */
#ifndef HIL_STORE_FLAKY_READ_H
#define HIL_STORE_FLAKY_READ_H

#include "store/flaky.h"
#include "store/query.h"

/* Of `FROM jobs j`: the tries that count. Parameters are the filter's, query_bind()'s. */
#define FLAKY_TRIES                                                                 \
    " WHERE (?1 IS NULL OR j.lab = ?1) AND (?2 IS NULL OR j.board = ?2)"            \
    " AND j.at_us >= ?3 AND (?4 = 0 OR j.at_us < ?4) AND (?5 = 0 OR j.run_id = ?5)" \
    " AND (?8 IS NULL OR j.test = ?8)"                                              \
    " AND j.verdict <> 'infra' AND j.image_sha256 IS NOT NULL AND j.board IS NOT NULL"

/* Within a transaction that reads. Fills ret's tests in the order in which they were met, their
 * counts and boards; rates are left to do. What was read before an error is in it, too. */
int flaky_read(struct store *store, const struct history_filter *filter, struct flaky *ret,
               struct err *err);
void flaky_add(struct flaky_count *to, const struct flaky_count *count);

#endif
