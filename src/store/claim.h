/* SPDX-License-Identifier: MIT
 *
 * claim: a board in our hands, whoever else could have it: the lab's row first, the kernel's lock
 * second.
 *
 *     claims_open(lab, runtime_dir, &claims)
 *     claim_take(claims, &wish, ctx, &claim, &index, err)
 *     board_set_fence(board, claim_fence(claim)) ... board_set_fence(board, NULL)
 *     claim_drop(claim)
 *     claims_close(claims)
 *
 * Where the lab keeps its store in a file it is the kernel's lock (board/lease.h) and nothing else.
 * In PostgreSQL there is a row (leases.h), which one thread keeps for all boards of the process
 * (keeper.h). The lock stays the truth on one host: it ends with the last process that could touch
 * the board, which no row knows of. After the lock is had the row is asked for once more, so that
 * who waited for the lock too long does not begin.
 *
 * Thread-safe but for claims_open() and claims_close(). No process may fork workers or its guardian
 * after the first claim_take().
 */
#ifndef HIL_STORE_CLAIM_H
#define HIL_STORE_CLAIM_H

#include "conf/lab.h"
#include "store/keeper.h"
#include "store/store.h"

struct claims; /* of a process in a lab */
struct claim;

/* Asks nobody anything. Both are borrowed. */
struct claims *claims_open(const struct lab *lab, const char *runtime_dir);
void claims_close(struct claims *claims); /* NULL is fine */

/* The first of the boards that is to be had, as lease_take(). Also -ERR_GONE, where the database is
 * away and the lab does not say `away: local`; where it does, *ret_warning says so, once for all
 * boards, else it is NULL. Caller frees. */
int claim_take(struct claims *claims, const struct keeper_wish *wish, const struct ctx *ctx,
               struct claim **ret, size_t *ret_index, char **ret_warning, struct err *err);
const struct fence *claim_fence(const struct claim *claim); /* NULL: there is no row */
void claim_drop(struct claim *claim);                       /* NULL is fine */

/* Who has the lab's boards by their rows: none where the store is no database, or NULL. */
int claims_look(struct store *store, const char *lab, const char *runtime_dir,
                struct leases_row **ret, size_t *ret_count, struct err *err);

#endif
