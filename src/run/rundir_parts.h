/* SPDX-License-Identifier: MIT
 *
 * rundir_parts: what rundir's files, for the directory and for its JSON files, use of each other.
 */
#ifndef HIL_RUN_RUNDIR_PARTS_H
#define HIL_RUN_RUNDIR_PARTS_H

#include "base/json.h"
#include "run/rundir.h"

/* run.json as an object that hil run wrote; the caller frees it with cJSON_Delete(). */
int rundir_read_marker(const char *file, cJSON **ret, struct err *err);
/* Adds the directories below `path` that hold a job.json, named relative to it: BOARD, BOARD/TEST.
 */
void rundir_find_jobs(const char *path, struct strv *ret);

#endif
