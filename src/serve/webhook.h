/* SPDX-License-Identifier: MIT
 *
 * webhook: the ear for GitHub's deliveries: a process of its own that knows nothing but the secret.
 *
 *     webhook_open(&webhook, &conf, err)     binds, reads the secret, starts the process
 *     webhook.events_fd                      readable: webhook_next(&webhook, &event)
 *     worker_fd(&webhook.worker)             readable: it ended, webhook_close() and open again
 *     webhook_close(&webhook, ctx)
 *
 * What comes from the network is read and judged there; what comes out are plain structs. A
 * delivery is answered at once: 202, and the work is done afterwards. 401 no good signature, 409
 * known already, 413 too large, 503 too many at once. The opener must have no other thread.
 */
#ifndef HIL_SERVE_WEBHOOK_H
#define HIL_SERVE_WEBHOOK_H

#include "serve/hook.h"
#include "serve/worker.h"

struct webhook {
    struct worker worker;
    int events_fd;    /* -1: closed */
    char address[64]; /* that it listens at */
};
int webhook_open(struct webhook *webhook, const struct webhook_conf *conf, int cancel_fd,
                 struct err *err);
bool webhook_next(struct webhook *webhook, struct hook_event *ret);
void webhook_close(struct webhook *webhook, const struct ctx *ctx); /* zeroed fd -1 is fine */

#endif
