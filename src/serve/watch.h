/* SPDX-License-Identifier: MIT
 *
 * watch: the service that keeps the newest firmware on every board.
 *
 *     look at GitHub → which file is whose → what the store knows → decide → fetch → flash
 *
 * One process looks and decides; a worker (worker.h) fetches a file once for all of its boards, and
 * each board has a worker of its own, so that one which is waited for holds up nobody. What a
 * worker did is in the store before it ends: a restart does nothing twice. SIGHUP reads lab.yaml
 * again; one that is wrong is told, and the old one stays.
 *
 * Must be called before any thread. Prints what it does, a line a change. Blocks until cancelled,
 * or with `once` until every board had its turn; then for up to three seconds.
 */
#ifndef HIL_SERVE_WATCH_H
#define HIL_SERVE_WATCH_H

#include "board/lease.h"
#include "serve/watch_conf.h"
#include "source/download.h"

#include <stdio.h>

struct watch_request {
    const char *lab; /* what --lab says; NULL: look in the usual places */
    /* The watch of the command line, made anew each time the lab is read; NULL: lab.yaml's. */
    struct watch_conf (*make)(void *arg);
    void *arg;
    struct download_request download; /* how patiently, with which token, as who */
    bool once, dry_run, json;
    int64_t wait_ms;  /* for a board that is held; negative: as lab.yaml says with `once`, else for
                         ever */
    int64_t retry_ms; /* the first pause after a failure */
    int64_t retry_max_ms;
    FILE *out; /* lines for people */
    int json_fd;
    struct holder holder;
    int cancel_fd; /* SIGINT, SIGTERM and SIGHUP */
};

/* 0: *ret is the worst of what came of each board (`once`, `dry_run`); -ERR_CANCELLED: a signal
 * ended it. */
int watch_run(const struct watch_request *request, enum verdict *ret, struct err *err);
/* What failed on the board has another chance, and the board comes out of quarantine. */
int watch_forget(const char *lab, const char *board, struct err *err);

#endif
