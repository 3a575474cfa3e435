/* SPDX-License-Identifier: MIT
 *
 * lease: the exclusive right to use a board, held for as long as a process lives.
 *
 * A lease is an open-file-description lock (fcntl F_OFD_SETLK) on a byte of RUNTIME/LAB+BOARD.lock;
 * the kernel drops it when the last process that holds the descriptor ends, which after a SIGKILL
 * is the guardian, once the board's children are dead. The file's text is the holder's record
 * (JSON), for people. Waiting is first come, first served: each waiter holds a numbered ticket (a
 * lock on a byte of its own in the same file, so tickets die with their process, too), and only the
 * lowest may take the lease. Who waits for any of several boards has a ticket for each.
 *
 * Waiters wake by inotify, and look again at least every 200 ms. Thread-safe.
 */
#ifndef HIL_BOARD_LEASE_H
#define HIL_BOARD_LEASE_H

#include "base/ctx.h"
#include "base/err.h"
#include "board/holder.h"

#include <stdbool.h>
#include <stddef.h>

struct lease;

/* Takes the first of `count` boards that is free, waiting until the ctx is over: *ret_index says
 * which. `wait` false asks once. -ERR_BUSY (or -ERR_TIMEOUT after waiting) says who holds what.
 * `waiting`, if given, is called once before the first wait with a line about the holders. */
int lease_take(const char *runtime_dir, const char *lab, const char *const *boards, size_t count,
               const struct holder *self, bool wait, const struct ctx *ctx,
               void (*waiting)(void *arg, const char *why), void *arg, struct lease **ret,
               size_t *ret_index, struct err *err);
void lease_drop(struct lease *lease); /* NULL is fine */

/* The name of a board's file in the runtime directory. Caller frees. */
char *lease_file(const char *lab, const char *board);
/* Looks without touching: *ret_held, the record where it could be read (ret->pid 0 where not; the
 * caller calls holder_done() in any case), and how many wait. */
int lease_peek(const char *runtime_dir, const char *lab, const char *board, bool *ret_held,
               struct holder *ret, size_t *ret_waiting, struct err *err);

#endif
