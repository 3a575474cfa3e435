/* SPDX-License-Identifier: MIT
 *
 * inventory: a lab's file and all of its boards, opened and checked as one.
 *
 * Every mistake of lab.yaml, the drivers' options included, comes in one error. Touches no board.
 */
#ifndef HIL_BOARD_INVENTORY_H
#define HIL_BOARD_INVENTORY_H

#include "board/board.h"

struct inventory {
    struct lab *lab;
    struct board **boards; /* lab->count of them, in the lab's order */
    char *runtime_dir;
};

/* `lab_option`: what --lab says, NULL: look in the usual places. Boards on other hosts are left
 * out: remote/servers.h has them, too. */
int inventory_open(const char *lab_option, struct inventory *ret, struct err *err);
/* -ERR_USAGE: no board of the lab has memory of one of these names; what servers' boards have is
 * for the server to judge. */
int inventory_check_memory(const struct inventory *inventory, const struct strv *names,
                           struct err *err);
/* `join` may add boards to the lab, once it is known to be without mistakes; an error of its ends
 * all. */
int inventory_open_joined(const char *lab_option,
                          int (*join)(void *arg, struct lab *lab, struct err *err), void *arg,
                          struct inventory *ret, struct err *err);
/* The board that is described there. Borrowed. */
struct board *inventory_board(const struct inventory *inventory, const struct board_conf *conf);
void inventory_close_boards(struct inventory *inventory); /* the lab stays */
void inventory_close(struct inventory *inventory);

#endif
