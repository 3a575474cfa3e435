/* SPDX-License-Identifier: MIT
 *
 * rig_give: the identities of one board: drawn before anything is written, read back, and only then
 * given.
 *
 *     rig_give_draw(&give, ctx, err)             in one transaction; what the board has already it keeps
 *     rig_give_patch(&give, image, &patched, err)
 *     ... flash, verify ...
 *     rig_give_write(&give, board, ctx, err)     commands and one-time-programmable memory; read back; given
 *     rig_give_done(&give)
 *
 * After any error before the end they are in doubt: the board's, and nobody else's. Blocks within
 * the ctx.
 */
#ifndef HIL_SERVE_RIG_GIVE_H
#define HIL_SERVE_RIG_GIVE_H

#include "board/board.h"
#include "serve/rig_conf.h"
#include "store/identities.h"

struct rig_give {
    const struct rig_conf *conf;
    struct store *store;
    const struct rig_device *device;
    unsigned slot;
    struct store_identity *drawn; /* conf->recipe_count of them; NULL: not drawn */
};
int rig_give_draw(struct rig_give *give, const struct ctx *ctx, struct err *err);
/* *ret is NULL where no recipe is a patch. */
int rig_give_patch(const struct rig_give *give, const struct image *image, struct image **ret,
                   struct err *err);
int rig_give_write(const struct rig_give *give, struct board *board, const struct ctx *ctx,
                   struct err *err);
/* "02:00:00:00:10:00, SN0001", keys as digests; the caller frees. */
char *rig_give_text(const struct rig_give *give);
void rig_give_done(struct rig_give *give);

#endif
