/* SPDX-License-Identifier: MIT
 *
 * origin: what surrounds a run: the commit that is tested, and the CI job that does it.
 *
 *     look = origin_look_begin(plan_path)      while the boards work
 *     run.origin = origin_find(&run.arena)     what GitHub Actions says of its job
 *     origin_look_end(look, &run, &err)        what the firmware's repository says
 *
 * Where the two differ the repository is right: the job's commit need not be the one that was
 * checked out. Neither is needed.
 */
#ifndef HIL_RUN_ORIGIN_H
#define HIL_RUN_ORIGIN_H

#include "base/err.h"
#include "result/result.h"

#include <stdbool.h>

/* True in a step of GitHub Actions. */
bool origin_in_actions(void);
/* The file that the step's summary goes into; NULL: none. */
const char *origin_step_summary(void);
/* The file that the step's outputs go into; NULL: none. */
const char *origin_step_outputs(void);
/* From the variables that GitHub Actions sets; without them nothing is known. Never blocks. */
struct run_origin origin_find(struct arena *arena);
/* Looks at the repository around the plan, $GITHUB_WORKSPACE or the current directory, whichever
 * comes first; in Actions only one within the workspace counts. That takes 10 ms and more, most of
 * them to start libgit2, so it is done in a thread of its own. On whether files differ from the
 * commit it gives up after a quarter of a second: `dirty` is not known then. */
struct origin_look *origin_look_begin(const char *plan_path);
/* Waits for it, and tells the run its commit alone. */
void origin_look_commit(struct origin_look *look, struct run_result *run);
/* Waits for it, and tells the run its commit and which files its cases name. No repository is no
 * error, and the run is none the worse for one: tell it as a note. Frees `look`. */
int origin_look_end(struct origin_look *look, struct run_result *run, struct err *err);
/* Later: which files of its commit the run's cases name, as far as its work tree is still there.
 * What it knows of them already stays otherwise. Errors are notes. */
int origin_find_files(struct run_result *run, struct err *err);

#endif
