/* SPDX-License-Identifier: MIT
 *
 * recovery: what is tried when a board cannot be flashed, one step after the other.
 *
 *     again → into the bootloader → USB reset → power cycle → the probe's power cycle
 *
 * After each step the flash is tried once more; the first time that it works ends it. Steps that
 * the board has no means for are passed over, and those that lab.yaml's `recovery: {steps: ...}`
 * does not name. Nothing is tried where trying again cannot help: a mistake of the configuration, a
 * program that is not installed, a cancel. Each step is told as a warning, with why it came to it.
 */
#ifndef HIL_BOARD_RECOVERY_H
#define HIL_BOARD_RECOVERY_H

#include "board/board.h"

struct recovery_tried {
    enum recovery_step step;
    char why[256]; /* it did not help; "": it did */
};

struct recovery {
    struct recovery_tried tried[RECOVERY_STEPS];
    size_t count; /* 0: nothing was wrong, or nothing could be tried */
    /* All that could be tried was, and nothing helped, though the board is there: a person must
     * look at it */
    bool gave_up;
};

struct recovery_flash {
    /* One whole try: flashes, and verifies. It opens what it needs, `let_go` closes it. */
    int (*flash)(void *arg, const struct ctx *ctx, struct err *err);
    void (*let_go)(void *arg); /* before a step; may be NULL */
    void (*tell)(void *arg, enum event_kind kind, const char *text);
    void *arg;
};
/* Blocks within ctx. The error is that of the first try, and names what was tried then. */
int recovery_flash(struct board *board, const struct recovery_flash *how, const struct ctx *ctx,
                   struct recovery *ret, struct err *err);

#endif
