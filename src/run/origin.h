/* SPDX-License-Identifier: MIT
 *
 * origin: what surrounds a run: the commit that is tested, and the CI job that does it.
 *
 * Read from the variables that GitHub Actions sets; without them nothing is known. Never blocks.
 */
#ifndef HIL_RUN_ORIGIN_H
#define HIL_RUN_ORIGIN_H

#include "result/result.h"

#include <stdbool.h>

struct origin { /* owns what a run_origin borrows */
    char *run_url;
};

/* True in a step of GitHub Actions. */
bool origin_in_actions(void);
/* The file that the step's summary goes into; NULL: none. */
const char *origin_step_summary(void);
/* The file that the step's outputs go into; NULL: none. */
const char *origin_step_outputs(void);
struct run_origin origin_find(struct origin *origin);
void origin_done(struct origin *origin);

#endif
