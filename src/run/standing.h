/* SPDX-License-Identifier: MIT
 *
 * standing: how a board stands: its drivers, who holds it, its last verdict, quarantine.
 *
 *     standing_look(&inventory, store, i, &standing, err)
 *     standing_json(&standing, out)                  what hil boards --json says of a board
 *     standing_done(&standing)
 *
 * Touches no board; blocks as long as a file's reading does. The inventory is borrowed.
 */
#ifndef HIL_RUN_STANDING_H
#define HIL_RUN_STANDING_H

#include "base/json.h"
#include "board/inventory.h"
#include "board/lease.h"
#include "store/claim.h"
#include "store/store.h"

struct standing {
    const struct board_conf *conf;
    const char *away; /* why its server says nothing of it; NULL: it is here, or was described */
    struct board_drivers drivers;
    bool held;
    struct holder holder;
    size_t waiting;
    bool has_last;
    struct store_last last;
    bool quarantined;
    struct store_quarantine quarantine;
    char *held_back; /* why hil watch does not try an image again; NULL: there is none */
};
/* Of the inventory's board `i`; without a store (NULL) nothing is remembered. To be done with, also
 * after an error. */
int standing_look(const struct inventory *inventory, struct store *store, size_t i,
                  struct standing *ret, struct err *err);
/* Out of store_watched_aside()'s lists, which are asked for once for all boards. */
void standing_hold_back(struct standing *standing, const struct strv *boards,
                        const struct strv *reasons);
/* Who has the board on another host, and how many wait there, out of claims_look()'s rows. */
void standing_share(struct standing *standing, const struct leases_row *rows, size_t count);
void standing_done(struct standing *standing); /* zeroed is fine */
/* Its members, into an object that is open. */
void standing_json(const struct standing *standing, struct json_out *out);

#endif
