/* SPDX-License-Identifier: MIT
 *
 * conveyor: bytes from one thread to another, in large blocks and without a copy by the kernel.
 *
 * One thread puts, another takes; both wait within their ctx. A few blocks of CONVEYOR_BLOCK bytes
 * go round, so that each side sleeps and wakes once a block, however small the pieces are that are
 * put.
 *
 *     put, put, ..., end     |     take until it returns 0
 */
#ifndef HIL_SOURCE_CONVEYOR_H
#define HIL_SOURCE_CONVEYOR_H

#include "base/ctx.h"

#define CONVEYOR_BLOCK ((size_t)256 << 10)

struct conveyor;
int conveyor_new(struct conveyor **ret, struct err *err);
int conveyor_put(struct conveyor *belt, const void *bytes, size_t count, const struct ctx *ctx,
                 struct err *err);
void conveyor_end(struct conveyor *belt); /* nothing is put any more; never blocks */
/* The next bytes, good until the next take; 0: that was all. */
ssize_t conveyor_take(struct conveyor *belt, const void **ret, const struct ctx *ctx,
                      struct err *err);
void conveyor_free(struct conveyor *belt); /* when no thread uses it; NULL is fine */

#endif
