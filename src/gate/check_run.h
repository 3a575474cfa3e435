/* SPDX-License-Identifier: MIT
 *
 * check_run: a ruling told to GitHub, where branch protection and people look for it.
 *
 *     check_run_post(github, &place, &ruling, ctx, err)     a check run, with annotations
 *     commit_status_post(github, &place, &ruling, ctx, err) a commit status
 *
 * https://docs.github.com/en/rest/checks/runs, https://docs.github.com/en/rest/commits/statuses.
 * A check run is a failure where the verdict is infra, too, and says so in its title: GitHub takes
 * what is neutral, skipped or cancelled for no obstacle, and nobody has said yes. Annotations go in
 * batches of 50, the most that one request may have. Threads and blocking are github_api's.
 */
#ifndef HIL_GATE_CHECK_RUN_H
#define HIL_GATE_CHECK_RUN_H

#include "gate/decide.h"
#include "source/github_api.h"

struct check_place {
    const char *repo;    /* "owner/name" */
    const char *sha;     /* of the commit, 40 digits */
    const char *name;    /* of the check, or the status's context */
    const char *run_url; /* where more is to be seen; NULL: nowhere */
};

/* -ERR_USAGE: not OWNER/NAME, not a whole SHA, no name. */
int check_place_check(const struct check_place *place, struct err *err);
/* *ret_annotations: how many places in the source were marked. */
int check_run_post(struct github *github, const struct check_place *place,
                   const struct ruling *ruling, const struct ctx *ctx, size_t *ret_annotations,
                   struct err *err);
int commit_status_post(struct github *github, const struct check_place *place,
                       const struct ruling *ruling, const struct ctx *ctx, struct err *err);

#endif
