/* SPDX-License-Identifier: MIT
 *
 * spool: notices that wait on disk, a queue for each sink, and how its last message went.
 *
 *     <state directory>/notify/<lab>/<sink>/<time>-<process>-<number>.json     a notice each
 *                                   /<sink>/state                              what the sender knows
 *                                   /lock                                      there is one sender
 *
 * Adding is a small file that appears whole, so it may be done by anybody at any time. A queue
 * holds SPOOL_MAX notices: the oldest one goes, and the next one says how many went. Only who has
 * the lock sends and takes away. Blocks as long as the disk does.
 */
#ifndef HIL_NOTIFY_SPOOL_H
#define HIL_NOTIFY_SPOOL_H

#include "base/str.h"
#include "notify/notice.h"

#define SPOOL_MAX 200
#define SPOOL_AGE_MAX_US (INT64_C(3) * 86400 * 1000000) /* older news is none */

char *spool_root(const char *state_dir, const char *lab); /* caller frees */
int spool_add(const char *root, const char *sink, const struct notice *notice, struct err *err);
/* The paths of what waits, the oldest first; none where there is no such queue. */
void spool_list(const char *root, const char *sink, struct strv *ret);
/* 0 with the descriptor that holds the lock in *ret; -ERR_BUSY: somebody else sends. */
int spool_lock(const char *root, int *ret, struct err *err);
/* Takes away the queues of sinks that are not among the names, and what a killed writer left. */
void spool_tidy(const char *root, const struct strv *sinks);

struct spool_state {   /* of a sink */
    unsigned failures; /* in a row */
    int64_t next_us;   /* nothing is sent before; 0: at any time */
    int64_t sent_us;   /* the last message; 0: none yet */
    char error[512];   /* of the last failure; "" once it went */
};
/* What cannot be read is as if it were not there. */
void spool_state_read(const char *root, const char *sink, struct spool_state *ret);
int spool_state_write(const char *root, const char *sink, const struct spool_state *state,
                      struct err *err);

#endif
