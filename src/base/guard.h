/* SPDX-License-Identifier: MIT
 *
 * guard: a small process that tidies up should hil be killed.
 *
 * Forked before any thread is started, it waits on a socket. Told of process groups, of held
 * descriptors (leases) and of the commands that bring a board to rest, it does nothing for as long
 * as hil lives. When the socket closes without guard_stop(), as after SIGKILL, it ends the groups
 * (SIGTERM, half a second later SIGKILL), runs the resting commands (10 s each), and only then lets
 * the held descriptors go, so that a lease ends after the last process that could touch its board.
 * (PR_SET_PDEATHSIG would not do: it follows the thread that forked, not the process.)
 *
 * All functions but guard_start() and guard_stop() may be called from any thread, with NULL too,
 * and never fail: where the guardian is gone, its help is gone. One that does not listen keeps its
 * teller for 2 s at most, then for 0.1 s each.
 */
#ifndef HIL_BASE_GUARD_H
#define HIL_BASE_GUARD_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct guard;

int guard_start(struct guard **ret, struct err *err);
void guard_stop(struct guard *guard); /* says goodbye, waits for the guardian, frees */

/* Called in the child between fork and exec (async-signal-safe), so that no child is ever unknown.
 */
void guard_add_group(struct guard *guard, pid_t group);
void guard_drop_group(struct guard *guard, pid_t group); /* after the child was reaped */

/* Keeps a duplicate of `fd` open under `key` (any number that the caller does not use twice). */
void guard_hold(struct guard *guard, int64_t key, int fd);
void guard_unhold(struct guard *guard, int64_t key);

#define GUARD_REST_MAX 32768 /* bytes of a resting command's words, a NUL behind each */

/* Runs `argv` (NULL-terminated, in the directory /) if hil dies before guard_drop_rest(key).
 * Several are run at the same time. False: it is too long. */
bool guard_add_rest(struct guard *guard, int64_t key, const char *const *argv);
void guard_drop_rest(struct guard *guard, int64_t key);
/* The command of that key is left out where `fd` (a duplicate is kept) is readable by then:
 * somebody else has the board. */
void guard_bar_rest(struct guard *guard, int64_t key, int fd);

#endif
