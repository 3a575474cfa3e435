/* SPDX-License-Identifier: MIT
 *
 * board_work_parts: what the parts of one attempt on a watched board share. One thread.
 */
#ifndef HIL_SERVE_BOARD_WORK_PARTS_H
#define HIL_SERVE_BOARD_WORK_PARTS_H

#include "base/ctx.h"
#include "base/hash.h"
#include "board/inventory.h"
#include "remote/servers.h"
#include "serve/board_work.h"
#include "store/place.h"

struct board_attempt {
    const struct board_work *of;
    struct worker_report *report;
    struct ctx ctx;
    struct inventory inventory;
    struct board *opened;
    struct store *store;
    struct store_watched known;
    struct store_attempt attempt;
    int64_t id;           /* of the attempt */
    struct place *place;  /* in the queue of a board that hosts share; NULL: none */
    struct holder holder; /* of->holder's, with `seat`, the number of that place */
    char *seat;
    char *spec; /* the firmware: a file, or a member of it */
    char sha256[SHA256_HEX_SIZE];
};

void board_work_say(struct board_attempt *work, const char *text);

/* board_work_turn.c: waits until nobody else has the board or waits for it, on this host or, where
 * hosts share it, on any. -ERR_BUSY with who has it once the time is over. */
int board_work_turn(struct board_attempt *work, struct err *err);

/* ---- board_work_onto.c ----------------------------------------------------------------------- */

/* Fills in `spec` and `sha256`. With {label}, the one of its patterns that an archive has. */
int board_work_find_file(struct board_attempt *work, struct err *err);
/* -ERR_BUSY: the board was not to be had after all; what the program prints goes nowhere. */
int board_work_flash(struct board_attempt *work, FILE *nowhere, struct err *err);
int board_work_test(struct board_attempt *work, FILE *nowhere, struct err *err);

#endif
