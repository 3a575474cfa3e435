/* SPDX-License-Identifier: MIT
 *
 * ephemeral: one just-in-time runner a job.
 *
 *     ephemeral_run(&request, github, ctx, err)
 *
 * Each turn: the labels of the boards that are good right now, a registration for a single job, the
 * runner's own run.sh with that registration in its environment (never in its arguments, which any
 * user of the host can read), and when it has ended, the removal of what is left of the
 * registration. While it waits for a job its labels follow the boards. A runner that ends soon and
 * without a job is trouble: the next one comes after a pause that doubles each time.
 *
 * A cancel is passed on: run.sh and all that it started get SIGTERM, and `grace_ms` to end their
 * job, before SIGKILL. The token is in no environment but ours.
 *
 * Blocks until cancelled, or with `once` until a job is done. The ctx's guardian knows the
 * children.
 */
#ifndef HIL_RUNNER_EPHEMERAL_H
#define HIL_RUNNER_EPHEMERAL_H

#include "runner/sync.h"

#define EPHEMERAL_PAUSE_MAX_MS (5 * 60 * 1000)

struct ephemeral_request {
    struct sync_request sync; /* lab, rules, place, every_ms, note; `runner` begins each name */
    const char *dir;          /* of the runner: run.sh is there */
    const char *user;         /* that the runner becomes; NULL: stays who we are */
    const char *work;         /* NULL: _work */
    int64_t group;
    bool once;
    int64_t pause_ms; /* after the first trouble */
    int64_t grace_ms;
};

/* -ERR_USAGE: no run.sh, no such user, or it cannot be become. The errors of the first registration
 * are returned, too; later ones are noted and waited out. */
int ephemeral_run(const struct ephemeral_request *request, struct github *github,
                  const struct ctx *ctx, struct err *err);

#endif
