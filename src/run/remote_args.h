/* SPDX-License-Identifier: MIT
 *
 * remote_args: what hil's verbs are told on a server, in the words of their own options.
 */
#ifndef HIL_RUN_REMOTE_ARGS_H
#define HIL_RUN_REMOTE_ARGS_H

#include "base/str.h"
#include "conf/timeouts.h"
#include "image/image.h"

void remote_option(struct strv *args, const char *option, const char *value); /* NULL: not said */
/* Those that are not -1. `wait_ms` is for the lease; -1: timeouts->lease. */
void remote_timeouts(struct strv *args, const struct timeouts *timeouts, int64_t wait_ms);
void remote_at(struct strv *args, const struct image *image); /* of a raw binary */

#endif
