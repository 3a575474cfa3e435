/* SPDX-License-Identifier: MIT
 *
 * serial_pattern: how DTR and RTS move to reset a board: steps and waits.
 *
 *     pattern: esptool                            one that has a name
 *     pattern: [dtr=0, rts=1, 100ms, rts=0]       or step by step
 *
 * What stands without a wait between happens at once. Any thread.
 */
#ifndef HIL_BOARD_RESET_SERIAL_PATTERN_H
#define HIL_BOARD_RESET_SERIAL_PATTERN_H

#include "base/ctx.h"
#include "base/str.h"

#define SERIAL_STEPS_MAX 16

struct serial_pattern {
    struct serial_step {
        unsigned set, clear; /* MODEM_DTR, MODEM_RTS */
        int64_t wait_ms;     /* afterwards */
    } steps[SERIAL_STEPS_MAX];
    size_t count;
};

/* -ERR_CONFIG says what is wrong with words->items[*ret_bad]. */
int serial_pattern_read(const struct strv *words, struct serial_pattern *ret, size_t *ret_bad,
                        struct err *err);

/* Moves lines, all at once. */
typedef int serial_change(void *arg, unsigned set, unsigned clear, struct err *err);
/* Waits within the ctx. A board is not left in reset: where the time is over or the run cancelled,
 * the lines go where the pattern would have left them. */
int serial_pattern_run(const struct serial_pattern *pattern, serial_change *change, void *arg,
                       const struct ctx *ctx, struct err *err);

#endif
