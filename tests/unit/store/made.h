/* SPDX-License-Identifier: MIT
 *
 * made: a store in a directory of its own, and runs in it that tests make up.
 */
#ifndef MADE_H
#define MADE_H

#include "store/store.h"

#define MADE_HOUR INT64_C(3600000000)
#define MADE_DAY (24 * MADE_HOUR)
#define MADE_BEGAN INT64_C(1700000000000000) /* 2023-11-14 22:13 UTC */

struct made_store {
    char *dir, *file;
    struct store *store;
};
void made_enter(struct made_store *made);
void made_leave(struct made_store *made);

struct made_job {
    const char *board, *test, *image;
    const char *cases; /* "boots:pass uart.echo:fail": a case each; NULL: none */
    enum verdict verdict;
    const char *reason;
    bool last_of; /* the job before this one is an earlier attempt of it */
};
/* One run that began at `at_us` and took a second a job. */
void made_run(struct store *store, int64_t at_us, const struct made_job *jobs, size_t count);
/* One job: board, image and what its cases came to; the verdict follows from them. */
void made_simple(struct store *store, int64_t at_us, const char *board, const char *image,
                 const char *cases);

/* The first column of the first row, asked past the module, must be this. */
void made_expect(const struct made_store *made, const char *sql, const char *answer);

#endif
