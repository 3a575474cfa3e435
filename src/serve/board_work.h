/* SPDX-License-Identifier: MIT
 *
 * board_work: one image onto one watched board: what a worker does, and what the store keeps of it.
 *
 *     wait until nobody wants the board → firmware file → attempt begins → flash or test → it ends
 *
 * Whoever else holds the board or queues for it goes first. Starts the guardian: it must be called
 * before any thread. Blocks until all of that is done, or two to three seconds after a cancel.
 */
#ifndef HIL_SERVE_BOARD_WORK_H
#define HIL_SERVE_BOARD_WORK_H

#include "board/lease.h"
#include "serve/watch_conf.h"
#include "serve/worker.h"

#include <stdio.h>

struct board_work {
    const struct watch_conf *conf;
    const struct board_conf *board;
    const struct lab *lab; /* for who is told */
    const char *lab_name, *lab_path, *version;
    const char *image, *tag, *asset;
    const char *path;      /* of the file that was fetched, or of the golden one */
    const char *state_dir; /* where test runs are kept, below it */
    bool golden;
    int64_t wait_ms;        /* for the board; negative: as long as it takes */
    int64_t retry_first_ms; /* after the first failure */
    struct holder holder;
    int cancel_fd;
    void (*note)(void *arg, const char *board, const char *text); /* who is waited for */
    void *arg;
};

void board_work_run(void *board_work, struct worker_report *ret);

/* The worker of an attempt died, and could not write down what became of it: it failed. Of the work
 * only what names the board and the image is looked at. */
int board_work_lost(const struct board_work *of, const char *reason, struct err *err);

#endif
