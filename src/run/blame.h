/* SPDX-License-Identifier: MIT
 *
 * blame: after a red run, whose fault is it: the board's, the firmware's, or nobody's for sure?
 *
 * Of each test that failed, three questions, of which the later ones are only asked where the
 * earlier ones leave it open:
 *
 *     does the board pass its golden image (lab.yaml's health:)?          no: the board
 *     does the same firmware fail on a sibling, too?                      yes: the firmware
 *     does it fail on the same board once more?                           no: flaky
 *
 * What is run for it is kept in the run directory's blame/, and changes no verdict.
 */
#ifndef HIL_RUN_BLAME_H
#define HIL_RUN_BLAME_H

#include "run/plan.h"
#include "run/pool.h"

/* What is known when the questions were asked: NULL: not asked, or nobody could tell. */
struct blame_facts {
    const struct job_result *golden, *sibling, *again;
};
/* Sets result->blame, where the facts are enough, and result->blame_why. */
void blame_judge(struct job_result *result, const struct blame_facts *facts);

/* `pool` as it was for the run, whose jobs and results these are. Blocks as a run does. */
void blame_run(const struct pool_options *pool, const struct plan_options *options,
               const struct job *jobs, struct job_result **results, size_t count,
               const struct ctx *ctx);

#endif
