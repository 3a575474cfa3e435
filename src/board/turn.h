/* SPDX-License-Identifier: MIT
 *
 * turn: how many boards are flashed at once, in the whole lab, on one hub, on one USB controller.
 *
 *     max-parallel: {lab: 8, hub: 2, controller: 4}        in lab.yaml
 *
 * Supplies and hubs take only so much. A turn is a locked byte of a file in the runtime directory
 * for each of the limits (lock_file.h), so that it counts for all processes of the host, and ends
 * with the one that has it. Who waits looks again ten times a second; there is no queue.
 */
#ifndef HIL_BOARD_TURN_H
#define HIL_BOARD_TURN_H

#include "base/ctx.h"
#include "conf/lab.h"

struct turn;

/* Where a board hangs, for its limits. NULL: not known, or it is no USB board. */
struct turn_place {
    const char *hub;        /* "1-1" */
    const char *controller; /* its device: "0000:00:14.0" */
    const struct server_conf *server;
};

/* Blocks until there is room, as long as the ctx lets; *ret is NULL where there are no limits. */
int turn_take(const char *runtime_dir, const struct lab *lab, const struct turn_place *place,
              const struct ctx *ctx, struct turn **ret, struct err *err);
/* The same for boards of a server, for as long as they are at work (its max-parallel). */
int turn_take_server(const char *runtime_dir, const char *lab, const struct server_conf *server,
                     const struct ctx *ctx, struct turn **ret, struct err *err);
void turn_drop(struct turn *turn); /* NULL is fine */

#endif
