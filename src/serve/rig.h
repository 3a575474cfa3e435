/* SPDX-License-Identifier: MIT
 *
 * rig: the production table: every board that is plugged in is flashed, provisioned and tested.
 *
 *     the kernel tells → which slot → done before? → its turn → a worker → done, and remembered
 *
 * One process listens and decides (rig_slot.h); each board has a worker of its own (rig_work.h).
 * What a board got is in the store before it is done, so a restart does nothing twice. SIGHUP reads
 * lab.yaml again; one that is wrong is told, and the old one stays. The state of all slots is
 * published in the runtime directory, service-rig.json, at most four times a second.
 *
 * Must be called before any thread. On a terminal a table is repainted in place, elsewhere each
 * change is a line. Blocks until cancelled, with `once` until no board has anything left to do,
 * with `count` until so many are done; then for up to three seconds.
 */
#ifndef HIL_SERVE_RIG_H
#define HIL_SERVE_RIG_H

#include "base/term.h"
#include "board/holder.h"
#include "image/image.h"
#include "result/verdict.h"
#include "source/download.h"

struct rig_request {
    const char *lab;      /* what --lab says; NULL: look in the usual places */
    const char *firmware; /* a spec; NULL: `download`, or lab.yaml's */
    struct download_request download;
    struct image_options image; /* where a raw binary belongs, over lab.yaml's */
    uint64_t max_parallel;      /* 0: lab.yaml's */
    bool again;                 /* boards that are done, too */
    bool no_provision, once, quiet;
    uint64_t count;      /* ends when so many are done; 0: never */
    const char *summary; /* a file for the summary, .csv or .json; NULL: none */
    bool json;           /* the summary on stdout, as JSON */
    struct term term;
    struct holder holder;
    int cancel_fd; /* SIGINT, SIGTERM and SIGHUP */
};

/* 0: *ret is the worst of what came of the boards (`once`, `count`); -ERR_CANCELLED: a signal ended
 * it.
 */
int rig_run(const struct rig_request *request, enum verdict *ret, struct err *err);

struct rig_report_request { /* what the store knows of the last `since_ms` */
    const char *lab;
    int64_t since_ms;
    bool json, csv;
    struct term term;
};
int rig_report(const struct rig_report_request *request, struct err *err);

#endif
