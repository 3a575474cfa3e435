/* SPDX-License-Identifier: MIT
 *
 * spawn: fork and exec while other threads run; the half of proc that starts a program.
 *
 * All that needs memory or locks is done before fork(); between fork() and exec only functions that
 * signal-safety(7) allows are called.
 */
#ifndef HIL_BASE_SPAWN_H
#define HIL_BASE_SPAWN_H

#include "base/proc.h"

/* Starts spec->argv with `out_fd` as its stdout and, unless there is an err_fd, stderr; *ret_pid
 * leads a group of its own, known to the guardian, and is the caller's to reap. -ERR_TOOL where it
 * cannot be started. Waits until exec has happened or the ctx is over, which is no error here. */
int spawn(const struct proc_spec *spec, int out_fd, const struct ctx *ctx, pid_t *ret_pid,
          struct err *err);

#endif
