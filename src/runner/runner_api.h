/* SPDX-License-Identifier: MIT
 *
 * runner_api: GitHub's list of self-hosted runners, asked and changed.
 *
 *     runner_find(github, &place, "bench-a", ctx, &runner, err)
 *     runner_set_labels(github, &place, &runner, &wanted, ctx, err)
 *     runner_done(&runner)
 *
 * All of it needs a token that may administer the runners; errors say which permission that is, and
 * that a job's own token never has it. Threads and blocking are github_api's.
 */
#ifndef HIL_RUNNER_RUNNER_API_H
#define HIL_RUNNER_RUNNER_API_H

#include "runner/runner_json.h"
#include "source/github_api.h"

struct runner_place { /* one of them */
    const char *repo; /* "owner/name" */
    const char *org;
};
/* -ERR_USAGE: none, both, or not names. */
int runner_place_check(const struct runner_place *place, struct err *err);
const char *runner_place_name(const struct runner_place *place); /* for messages */

/* By name, or by number where it is one. -ERR_NOT_FOUND lists some that there are. */
int runner_find(struct github *github, const struct runner_place *place, const char *which,
                const struct ctx *ctx, struct runner *ret, struct err *err);
int runner_get(struct github *github, const struct runner_place *place, int64_t id,
               const struct ctx *ctx, struct runner *ret, struct err *err);
/* Replaces all of its custom labels. */
int runner_set_labels(struct github *github, const struct runner_place *place,
                      const struct runner *runner, const struct strv *labels, const struct ctx *ctx,
                      struct err *err);

struct runner_order { /* for a runner that takes one job */
    const char *name; /* not in use yet */
    int64_t group;    /* 1: the default group */
    const char *work; /* folder, relative to the runner's; NULL: _work */
    const struct strv *labels;
};
/* The configuration is a secret; the caller wipes and frees it. */
int runner_new_jit(struct github *github, const struct runner_place *place,
                   const struct runner_order *order, const struct ctx *ctx, struct runner *ret,
                   char **ret_config, struct err *err);
/* *ret_gone: it was gone already, as after its job. */
int runner_delete(struct github *github, const struct runner_place *place,
                  const struct runner *runner, const struct ctx *ctx, bool *ret_gone,
                  struct err *err);

#endif
