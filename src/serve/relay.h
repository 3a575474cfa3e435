/* SPDX-License-Identifier: MIT
 *
 * relay: what one host's webhook heard, told to the services of the lab's other hosts.
 *
 *     relay_open(&relay, lab, cancel_fd, err)     starts a process that listens at the lab's database
 *     relay.events_fd                             readable: relay_next(&relay, &event)
 *     relay_tell(&relay, &event)                  to the others
 *     worker_fd(&relay.worker)                    readable: it ended, relay_close() and open again
 *     relay_close(&relay, ctx)
 *
 * A connection would not live through the forks of a service, and what comes from elsewhere is
 * judged apart from it. GitHub's delivery reaches one host, and without this the others would look
 * when it is time; so what is lost while the database is away costs no more than that. The opener
 * must have no other thread; nothing here blocks but relay_close().
 */
#ifndef HIL_SERVE_RELAY_H
#define HIL_SERVE_RELAY_H

#include "conf/lab.h"
#include "serve/hook.h"
#include "serve/worker.h"

struct relay {
    struct worker worker;
    int events_fd; /* -1: closed */
};
int relay_open(struct relay *relay, const struct lab *lab, int cancel_fd, struct err *err);
void relay_tell(const struct relay *relay, const struct hook_event *event);
bool relay_next(struct relay *relay, struct hook_event *ret);
void relay_close(struct relay *relay, const struct ctx *ctx);

/* An event as it goes from host to host. Caller frees. `from`: whose it is. */
char *relay_write(const char *lab, const char *from, const struct hook_event *event);
/* False: it is none of this lab's, or our own. */
bool relay_read(const char *text, const char *lab, const char *self, struct hook_event *ret);

#endif
