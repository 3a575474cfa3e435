/* SPDX-License-Identifier: MIT
 *
 * detached: jobs that go on on their servers without this host, and how their files come home.
 *
 *     detached_lock(path, &fd, err)                 nobody else writes there
 *     detached_collect(&request, ctx, &home, err)   what has ended
 *     ... collected.h: reports, events, the history ...
 *     detached_settle(&request, &home, ctx)         nothing of it is needed any more
 *
 * Such a job's directory has a detached.json (detached_file.h), so that it is found whatever
 * becomes of hil. Files come into a draft, and into the job's directory only when all are here.
 * Each step may be done again after a break: nothing is lost before it is in the history, and the
 * history takes nothing twice. What is broken for good, here or as its server has kept it, is no
 * reason to come again: the job is infra, and its detached.json is set aside (DETACHED_BROKEN). The
 * server keeps its files as long as it keeps any. Blocks as the network does, within the ctx.
 */
#ifndef HIL_RUN_DETACHED_H
#define HIL_RUN_DETACHED_H

#include "base/ctx.h"
#include "board/inventory.h"
#include "run/detached_file.h"

#define DETACHED_FETCH_MS (30 * 60 * 1000) /* of one job's files */

struct detached_request {
    const char *path; /* the run directory */
    const struct lab *lab;
    int64_t wait_ms; /* for those at work */
};

/* *ret_fd is the caller's to close. -ERR_USAGE: no such directory; -ERR_BUSY: its
 * hil run is still there. */
int detached_lock(const char *path, int *ret_fd, struct err *err);
/* Adds the directories, relative to `path`, of those that came home, or are given up. -ERR_BUSY:
 * one is still at work, and what had ended is here. */
int detached_collect(const struct detached_request *request, const struct ctx *ctx,
                     struct strv *home, struct err *err);
/* Of the run at `path` what is home is in the history now, and its servers were told. */
void detached_remembered(const char *path);
/* What it cannot tell a server goes there with age. */
void detached_settle(const struct detached_request *request, const struct strv *home,
                     const struct ctx *ctx);

#endif
