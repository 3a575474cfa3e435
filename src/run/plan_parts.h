/* SPDX-License-Identifier: MIT
 *
 * plan_parts: how jobs come into a plan, for plan.c and the files of those that bring them.
 */
#ifndef HIL_RUN_PLAN_PARTS_H
#define HIL_RUN_PLAN_PARTS_H

#include "conf/testplan.h"
#include "run/choice.h"
#include "run/plan.h"

/* What to add for each image: one job for any board of the choice, or one for each; all of them
 * `repeat` times. */
struct plan_order {
    const struct plan_options *options;
    const struct test_conf *test; /* NULL: of no plan */
    const struct choice *choice;
    bool every;
    uint64_t repeat;
};

/* Adds the images of a source to plan->images, and what tests of theirs are called to `ret_names`.
 * A file that is not there is -ERR_USAGE: somebody has named it. */
int plan_load_images(struct plan *plan, const char *spec, const struct image_options *options,
                     const struct ctx *ctx, struct strv *ret_names, struct err *err);
/* A job without rules of its own. Takes over `name`; the pointer ends at the next call. */
struct job *plan_add_job(struct plan *plan, char *name, struct image *image,
                         const struct board_conf *const *boards, size_t count);
/* What the command line says wins over what the job says of itself. */
void plan_apply_options(struct job *job, const struct plan_options *options);
/* What the order says, called `base`, or "base (2)" and so on where that is taken. */
int plan_add_jobs(struct plan *plan, const struct plan_order *order, const char *base,
                  struct image *image, struct err *err);
/* `base`, or "base (2)" and so on, of which no round was there before. Caller frees. */
char *plan_unique_name(const struct plan *plan, const char *base, uint64_t repeat,
                       const struct choice *choice);

#endif
