/* SPDX-License-Identifier: MIT
 *
 * remember: a run into the lab's store; where its database is away, into the spool of this host.
 *
 *     remember_open(lab, &memory, err)
 *     remember_run(&memory, run, err)
 *     remember_close(&memory)
 *
 * No run fails for that: what goes wrong is a warning. One thread; blocks as the store does, but
 * what is remembered has REMEMBER_MS, or REMEMBER_CANCELLED_MS where the run was cancelled.
 */
#ifndef HIL_RUN_REMEMBER_H
#define HIL_RUN_REMEMBER_H

#include "conf/lab.h"
#include "store/store.h"

#define REMEMBER_MS 20000
#define REMEMBER_CANCELLED_MS 500

struct memory {
    const struct lab *lab;
    const struct ctx *ctx;
    struct store *store; /* NULL: history is not to be had, which stops no run */
    bool scratch;        /* it is in memory: the database is away, the spool gets it */
    bool missing;        /* of runs that are there already only what is missing */
};

/* 0; or it is away, and err says what becomes of what there is to remember. Borrows both; `ctx`
 * ends its waits until it is remembered, and was cancelled where the run was. */
int remember_open(const struct lab *lab, const struct ctx *ctx, struct memory *ret,
                  struct err *err);
/* The boards' work is over: from now on that is how long the store may take. NULL is fine. */
void remember_within(struct store *store, const struct ctx *ctx);
/* All of it but the jobs that go on on their servers (detached.h): those are remembered once their
 * results are here. 0; or err says what went wrong, also where the spool has it now. */
int remember_run(const struct memory *memory, const struct run_result *run, struct err *err);
/* For a bounded time: what waits from when the database was away. */
void remember_send(const struct memory *memory);
void remember_close(struct memory *memory); /* zeroed is fine */

#endif
