/* SPDX-License-Identifier: MIT
 *
 * sender: takes what waits in the spool to its sinks.
 *
 * A sink gets everything that waits for it as one message, then nothing for its `every`; what fails
 * is tried again after `retry`, doubled each time up to an hour. A notice is taken away once it was
 * received, so a sender that dies sends it again: a sink may get it twice, never not at all.
 * Notices older than three days are dropped.
 *
 * There is one sender a lab. sender_run() goes on until nothing waits or the ctx is over; while it
 * waits for a pause to end, another one may take over.
 */
#ifndef HIL_NOTIFY_SENDER_H
#define HIL_NOTIFY_SENDER_H

#include "base/ctx.h"
#include "notify/sinks.h"

/* *ret_left: notices that still wait, once. 0 also where another process is at it. */
int sender_run(const struct sinks *sinks, const char *root, const char *version,
               const struct ctx *ctx, size_t *ret_left, struct err *err);
/* Sends a test message to the sink at once, past its queue and its filter. */
int sender_test(const struct sinks *sinks, const struct sink *sink, const char *version,
                const struct ctx *ctx, struct err *err);

/* A process of its own, with no terminal and nothing of ours but the environment, that runs
 * `hil notify --flush` for the lab and outlives us: nobody waits for a mail server. */
void sender_start(const char *lab_path);

#endif
