/* SPDX-License-Identifier: MIT
 *
 * service_lock: one hil watch, one hil rig a lab. A second one is refused at once; workers that one
 * has left which was killed are waited for.
 *
 *     service_lock(state_dir, "rig", lab, &ctx, &fd, err)     close_fd(&fd) gives it back
 */
#ifndef HIL_SERVE_SERVICE_LOCK_H
#define HIL_SERVE_SERVICE_LOCK_H

#include "base/ctx.h"

/* Makes state_dir/NAME. -ERR_BUSY: another one is at work, or what it left does not end.
 * -ERR_CANCELLED. Called once a process for each name; processes forked afterwards share it. */
int service_lock(const char *state_dir, const char *name, const char *lab, const struct ctx *ctx,
                 int *ret_fd, struct err *err);

#endif
