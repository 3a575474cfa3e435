/* SPDX-License-Identifier: MIT
 *
 * remote_flash: one image onto one board of a server; flashing.h's work, done there.
 *
 * Fills outcome, reason and time of `result`, and work_dir/flash.log where a tool printed anything.
 * Blocks until it has ended there, or SERVER_END_MS after a cancel.
 */
#ifndef HIL_RUN_REMOTE_FLASH_H
#define HIL_RUN_REMOTE_FLASH_H

#include "run/flashing.h"

struct remote_flash {
    const struct job *job;
    const struct board_conf *board;
    const char *work_dir;
    const struct holder *holder; /* who wants it */
    int64_t wait_ms;             /* for the board; -1: as the server's lab.yaml says */
    bool if_changed, no_reset;
    struct events *events;
};

/* 0: the board has the image, now or already; else err says why it has not. */
int remote_flash_run(const struct remote_flash *how, const struct ctx *ctx,
                     struct flash_result *result, struct err *err);

#endif
