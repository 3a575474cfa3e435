/* SPDX-License-Identifier: MIT
 *
 * flashing: firmware onto boards and nothing else, all of them at once.
 *
 *     flashing_run(&request, &results, &count, err)
 *
 * Each board has its thread: lease, power on, (does it hold the image already?), flash, verify,
 * reset, and back to how it was found: a board that was off, and whose switch can tell, is switched
 * off again. As many flash at once as lab.yaml's max-parallel lets. What the tools printed is kept
 * where it was asked for, and of boards that failed; the store learns what each board carries now.
 *
 * Starts the guardian, so it must be called before any thread. Prints through the live view only.
 * Blocks until every board has an outcome, or two to three seconds after a cancel.
 */
#ifndef HIL_RUN_FLASHING_H
#define HIL_RUN_FLASHING_H

#include "base/term.h"
#include "board/lease.h"
#include "run/plan.h"

enum flash_outcome {
    FLASH_FAILED,    /* or cancelled: `reason` says why */
    FLASH_DONE,      /* written and verified */
    FLASH_UNCHANGED, /* the board held the image already */
};

struct flash_result {
    char *board, *firmware; /* the image's name */
    char sha256[65];        /* of the firmware file */
    uint64_t bytes;
    enum flash_outcome outcome;
    char *reason;    /* NULL where nothing failed */
    int64_t took_us; /* without the wait for the board */
    char *log;       /* what the tools printed; NULL: nothing is kept */
};

struct flash_order {      /* what goes onto which boards */
    const char *board;    /* a name, or labels: every board that has them; NULL: plan.selectors */
    const char *firmware; /* a spec; NULL: the download */
};

struct flashing_request {
    const char *lab; /* what --lab says; NULL: look in the usual places */
    const struct flash_order *orders;
    size_t order_count;
    struct download_request download;
    struct plan_options plan; /* selectors, image, timeouts; the rest is filled in here */
    const char *server;       /* boards are names there; NULL: of the lab */
    int64_t wait_ms;          /* for a lease; -1: as lab.yaml says */
    uint64_t max_parallel;    /* over lab.yaml's for the lab; 0: lab.yaml's */
    bool if_changed, no_reset;
    bool no_quarantine;  /* a board that nothing helps is the caller's to set aside */
    const char *out_dir; /* logs are kept there; NULL: in a temporary one, of boards that failed */
    const char *events_path; /* every event, as a line of JSON; NULL: nowhere */
    int verbosity;           /* -1 quiet */
    struct term term;
    struct holder holder;
    int cancel_fd;
};

/* 0: every board has its result, in the orders' order. Otherwise no board was touched. The caller
 * calls flashing_done(). */
int flashing_run(struct flashing_request *request, struct flash_result **ret, size_t *ret_count,
                 struct err *err);
void flashing_done(struct flash_result *results, size_t count);

#endif
