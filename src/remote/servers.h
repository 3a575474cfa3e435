/* SPDX-License-Identifier: MIT
 *
 * servers: a lab with the boards of its servers in it.
 *
 *     servers_inventory(&wanted, ctx, &inventory, &servers, err)
 *     ...
 *     servers_forget(&servers)
 *     inventory_close(&inventory)
 *
 * A server is asked (hil boards --json) where what is wanted cannot be told from lab.yaml alone:
 * all of its boards are to be taken, or the labels of one, or a board by its full name,
 * pi1/nucleo-3, which needs no line in `boards:`. All are asked at once, a thread each, and waited
 * for SSH_OPEN_MS (ssh.h) at most. One that does not answer is away: its named boards stay in the
 * lab without labels, and `away` says why.
 */
#ifndef HIL_REMOTE_SERVERS_H
#define HIL_REMOTE_SERVERS_H

#include "base/json.h"
#include "board/inventory.h"

struct server_look {
    const struct server_conf *conf;
    cJSON *json; /* what hil boards --json says there; NULL: was not asked, or is away */
    char *away;  /* why; NULL: it is not */
};

struct servers {
    struct server_look *looks; /* of each server of the lab, in its order */
    size_t count;
};

struct servers_wanted {
    const char *lab_option;       /* what --lab says; NULL: look in the usual places */
    const struct strv *selectors; /* names and labels; NULL or none: everything */
    enum { ASK_NEEDED, ASK_ALL, ASK_NONE } ask;
};

int servers_inventory(const struct servers_wanted *wanted, const struct ctx *ctx,
                      struct inventory *ret, struct servers *ret_servers, struct err *err);
void servers_forget(struct servers *servers); /* zeroed is fine */
/* The board as its server described it; NULL: it did not. */
const cJSON *servers_board(const struct servers *servers, const struct board_conf *board);

const char *servers_away(const struct servers *servers, const struct board_conf *board);
/* A selector met nothing while servers are away: then that is the reason, and the lab's fault. */
void servers_blame(const struct servers *servers, struct err *err);

#endif
