/* SPDX-License-Identifier: MIT
 *
 * agent_work: one verb that runs for an agent, and what comes out of it.
 *
 *     work = agent_work_begin(&frame, &dirs, ctx)   "do": the process is started
 *     count = agent_work_fds(work, fds)             for link_turn()
 *     agent_work_turn(&work, fds, link, err)        its output, its files, its end
 *
 * A verb that cannot be started is an "end" with a reason, no error of the link's. Its output is
 * always read, however much waits for the link, since a run that cannot print would lose what its
 * board says. All is one thread's.
 */
#ifndef HIL_REMOTE_AGENT_WORK_H
#define HIL_REMOTE_AGENT_WORK_H

#include "image/image.h"
#include "remote/link.h"

#include <string.h>

#define AGENT_WORK_FDS 4

struct agent_dirs {
    char *images;  /* the cache */
    char *kept;    /* what runs without a link have left */
    char *scratch; /* this agent's: NULL until something is put there */
    int lock_fd;   /* held for as long as scratch is somebody's */
};

/* Also removes what agents that were killed have left. */
int agent_dirs_open(struct agent_dirs *dirs, const struct ctx *ctx, struct err *err);
void agent_dirs_close(struct agent_dirs *dirs);

struct agent_work;
struct agent_work *agent_work_begin(const struct frame *frame, const struct agent_dirs *dirs,
                                    const struct ctx *ctx);
int agent_work_input(struct agent_work *work, const char *bytes, size_t count, struct err *err);
/* What lies under a frame's key: its files and "end", as of a verb that has just ended. Code 0:
 * they are all; KEPT_AT_WORK, KEPT_NONE. */
struct agent_work *agent_work_kept(const struct frame *frame, const struct agent_dirs *dirs);
/* Its client asked that it outlives the link, and had let it begin. */
bool agent_work_goes_on(const struct agent_work *work);
void agent_work_ask(struct agent_work *work); /* to end */
size_t agent_work_fds(const struct agent_work *work, struct pollfd *fds);
/* *work is NULL once it has ended and all of it was said. */
int agent_work_turn(struct agent_work **work, const struct pollfd *fds, struct link *link,
                    struct err *err);
void agent_work_drain(struct agent_work *work, const struct ctx *ctx); /* until it has ended */
void agent_work_free(struct agent_work *work);                         /* ends it by force */

#endif
