/* SPDX-License-Identifier: MIT
 *
 * place: in the queue for a board that hosts share, without the wish to have it at once: hil
 * watch's.
 *
 *     place_take(lab, runtime_dir, board, &holder, &place, err)
 *     while (place_look(place, ctx, &who, err) == 0 && who) ...
 *     holder.seat = place_number(place); place_hand_over(place); ... claim_take() goes on from there
 *
 * Who is first may look at what he needs the board for before he takes it, and nobody pushes in.
 * Uses a connection and no thread: it may be used before the guardian is started, and must be ended
 * by then.
 */
#ifndef HIL_STORE_PLACE_H
#define HIL_STORE_PLACE_H

#include "conf/lab.h"
#include "store/leases.h"

struct place;

/* *ret NULL: the lab has no database, and there is no such queue. */
int place_take(const struct lab *lab, const char *runtime_dir, const char *board,
               const struct holder *holder, struct place **ret, struct err *err);
/* *ret_who NULL: the board is free, and it is our turn; else who has it, which the caller frees.
 * Waits up to `ms` for that to change. */
int place_look(struct place *place, int64_t ms, const struct ctx *ctx, char **ret_who,
               struct err *err);
/* Its number, for a holder's `seat`; the caller frees. */
char *place_number(const struct place *place);
void place_hand_over(struct place *place); /* frees; the place stays for as long as a lease */
void place_leave(struct place *place);     /* NULL is fine, both */

#endif
