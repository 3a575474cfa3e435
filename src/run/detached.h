/* SPDX-License-Identifier: MIT
 *
 * detached: jobs that go on on their servers without this host, and how their files come home.
 *
 * Such a job's directory has a detached.json, {server, key}, from before it begins there until its
 * files are here, so that they are found whatever becomes of hil. detached_collect() fetches what
 * has ended into the run directory, which is then as if hil had stayed: replay.h reads it. Doing it
 * again after a break is harmless. Blocks as the network does, within the ctx.
 */
#ifndef HIL_RUN_DETACHED_H
#define HIL_RUN_DETACHED_H

#include "base/ctx.h"
#include "board/inventory.h"
#include "remote/kept.h"

#define DETACHED_FILE "detached.json"

int detached_write(const char *work_dir, const char *server, const char *key, struct err *err);
void detached_remove(const char *work_dir);

struct detached_request {
    const char *path; /* the run directory */
    const struct lab *lab;
    int64_t wait_ms; /* for those at work */
};

/* Adds the directories, relative to `path`, of those that came home, or are given up. -ERR_BUSY: one
 * is still at work, and what had ended is here. */
int detached_collect(const struct detached_request *request, const struct ctx *ctx,
                     struct strv *collected, struct err *err);

#endif
