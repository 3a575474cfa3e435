/* SPDX-License-Identifier: MIT
 *
 * keeper: the one thread of a process that holds and renews its shared leases.
 *
 *     keeper_new(&conf, &keeper)                          costs nothing
 *     keeper_take(keeper, &wish, ctx, &hold, &index, err)     starts it, once
 *     hold_check(hold, true, ctx, err)
 *     hold_drop(hold)
 *     keeper_free(keeper)
 *
 * It has a connection of its own and asks the server in everybody's place, so that no board's
 * thread, however busy, makes a renewal late, and a thousand boards need one connection. While
 * boards work it is the only one of a run: the store's, which other hosts may keep waiting, is
 * given up meanwhile (store_rest()). A lease is renewed four times in its ttl. How long it is safe
 * is counted from before the server was asked, on CLOCK_BOOTTIME, which no one sets and which goes
 * on while the host sleeps, less an eighth of the ttl for clocks that run at different speeds and
 * for programs to be ended.
 *
 * Must not be used before the guardian and workers are forked. Thread-safe but for _new and _free.
 */
#ifndef HIL_STORE_KEEPER_H
#define HIL_STORE_KEEPER_H

#include "board/fence.h"
#include "store/leases.h"

struct keeper;
struct hold; /* one board's row, ours */

struct keeper_conf { /* borrowed until keeper_free() */
    const char *url, *lab, *runtime_dir;
    int64_t ttl_ms;
    bool local; /* without the server, what was taken may be touched for as long as nobody has it */
};
struct keeper *keeper_new(const struct keeper_conf *conf);
/* Lets every row go that was dropped and is not gone yet, where the server answers within moments:
 * the others expire. */
void keeper_free(struct keeper *keeper); /* NULL is fine; all holds are dropped before */

struct keeper_wish {
    const char *const *boards; /* any of these */
    size_t count;
    const struct holder *self;
    bool wait;
    void (*waiting)(void *arg, const char *why); /* told once before the first wait; may be NULL */
    void *arg;
};
/* -ERR_BUSY, -ERR_TIMEOUT, -ERR_CANCELLED as lease_take(); -ERR_GONE: the server is away, for
 * longer than a restart of it takes where `wait` is true. */
int keeper_take(struct keeper *keeper, const struct keeper_wish *wish, const struct ctx *ctx,
                struct hold **ret, size_t *ret_index, struct err *err);
/* 0: ours. Asks the server where the time is over, or `anew`; -ERR_LOST. */
int hold_check(struct hold *hold, bool anew, const struct ctx *ctx, struct err *err);
/* For board_set_fence(); lives as long as the hold. */
const struct fence *hold_fence(const struct hold *hold);
/* Waits a second at most for the server to hear of it. NULL is fine. */
void hold_drop(struct hold *hold);

#endif
