/* SPDX-License-Identifier: MIT
 *
 * collected: a run directory whose detached jobs have come home, made as if hil had stayed.
 *
 * What the run meant to do and never began is infra: a hil that was killed can hide no test. The
 * files that cases name are looked up in the commit that was tested; run.json and the reports are
 * written anew; events.jsonl says where it was cut, and how each of them ended; the history gets
 * what it has not yet; and once none is at work any more, whom lab.yaml names under notify: is
 * told. Only for who has the run directory's lock (detached.h). Blocks as the disk and the store
 * do.
 */
#ifndef HIL_RUN_COLLECTED_H
#define HIL_RUN_COLLECTED_H

#include "conf/lab.h"
#include "result/result.h"

struct collected {
    const char *path; /* the run directory */
    const struct lab *lab;
    const struct strv *home; /* directories of those that came now, relative to `path` */
    void (*warn)(const char *text);
};

/* The run as it is now, the caller's to end, also after an error: then it is not all of it on the
 * disk, and may be done again. Jobs that are still at work are `detached`, and infra. What goes
 * wrong with the history is a warning. */
int collected_run(const struct collected *collected, struct run_result *ret, struct err *err);

#endif
