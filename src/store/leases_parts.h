/* SPDX-License-Identifier: MIT
 *
 * What the two files of leases share: the handle, and how its statements are run.
 */
#ifndef HIL_STORE_LEASES_PARTS_H
#define HIL_STORE_LEASES_PARTS_H

#include "store/db.h"
#include "store/leases.h"

#define NOW "clock_timestamp()" /* not now(), which is when a transaction began */

struct leases {
    struct leases_conf conf;
    struct db *db;
    struct statement *take, *look, *renew; /* asked over and over; NULL: not yet */
    bool cleared;                          /* of those who died while they waited */
};

/* Runs it up to its first row: 1, or 0 where it has none. *ret NULL: rows are not of interest. The
 * values by `kinds`: 's' a text, 'a' a list, 'i' a number. */
int leases_run(struct leases *leases, const char *sql, struct statement **ret, struct err *err,
               const char *kinds, ...);
/* The same of a statement that is kept, and to be reset behind its last row. */
int leases_run_kept(struct leases *leases, const char *sql, struct statement **kept,
                    struct err *err, const char *kinds, ...);

#endif
