/* SPDX-License-Identifier: MIT */
#include "run/remember.h"

#include "base/fs.h"
#include "store/spool.h"

#include <stdlib.h>

int remember_open(const struct lab *lab, const struct ctx *ctx, struct memory *ret, struct err *err)
{
    cleanup_free char *dir = fs_state_dir();
    int rc;

    *ret = (struct memory){.lab = lab, .ctx = ctx};
    rc = store_open_within(&lab->store, dir, true, ctx, &ret->store, err);
    if (rc == 0)
        return 0;
    ret->scratch = lab->store.url && store_scratch(&ret->store, NULL) == 0;
    return err_wrap(err, ret->scratch ? "no quarantine is known, and what this run has to remember"
                                        " waits on this host"
                                      : "no quarantine is known, and no history is kept");
}

void remember_close(struct memory *memory)
{
    store_close(memory->store);
    *memory = (struct memory){.lab = memory->lab};
}

void remember_within(struct store *store, const struct ctx *ctx)
{
    int64_t ms = ctx_cancelled(ctx) ? REMEMBER_CANCELLED_MS : REMEMBER_MS;
    struct ctx last = ctx_cleanup(ctx, ms);

    store_within(store, &last);
}

/* Into the spool; what was written into a scratch store meanwhile goes with it. */
static int keep(const struct memory *memory, const struct run_result *run, const char *state_dir,
                struct err *err)
{
    struct store *scratch = memory->scratch ? memory->store : NULL;
    int rc = scratch ? 0 : store_scratch(&scratch, err);

    if (rc == 0)
        rc = store_record(scratch, run, err);
    if (rc == 0)
        rc = spool_keep(state_dir, memory->lab->name, scratch, err);
    if (!memory->scratch)
        store_close(scratch);
    return rc;
}

/* Who finds that others wait stands behind them, so that runs are remembered in their order. A run
 * that the server has though nobody heard of it is known by the import. */
static int record(const struct memory *memory, const struct run_result *run, struct err *err)
{
    cleanup_free char *dir = fs_state_dir();
    bool may_wait = memory->lab->store.url;
    struct spool_waiting waiting = {0};
    struct err told = {0};
    int rc;

    if (may_wait)
        spool_look(dir, memory->lab->name, &waiting);
    if (memory->scratch || waiting.files)
        return keep(memory, run, dir, err);
    rc = memory->missing ? store_record_missing(memory->store, run, err)
                         : store_record(memory->store, run, err);
    if (rc == 0 || !may_wait)
        return rc;
    if (keep(memory, run, dir, &told) < 0) {
        *err = told;
        return -(int)told.code;
    }
    return err_wrap(err, "what this run has to remember waits on this host");
}

int remember_run(const struct memory *memory, const struct run_result *run, struct err *err)
{
    struct run_result known = *run; /* but for `jobs`, the caller's */
    int rc = 0;

    if (!memory->store)
        return 0;
    remember_within(memory->store, memory->ctx);
    known.count = 0;
    known.jobs = xcalloc(run->count, sizeof *known.jobs);
    for (size_t i = 0; i < run->count; i++)
        if (!run->jobs[i]->detached)
            known.jobs[known.count++] = run->jobs[i];
    if (known.count)
        rc = record(memory, &known, err);
    free(known.jobs);
    return rc;
}

void remember_send(const struct memory *memory)
{
    cleanup_free char *dir = fs_state_dir();
    size_t sent;

    if (memory->store && !memory->scratch && memory->lab->store.url && !ctx_cancelled(memory->ctx))
        spool_send(dir, memory->lab->name, memory->store, SPOOL_SEND_MS, &sent, NULL);
}
