/* SPDX-License-Identifier: MIT
 *
 * result: what a run found, as plain data. Parsers fill it, reports read it. A run has jobs
 * (job.h).
 */
#ifndef HIL_RESULT_RESULT_H
#define HIL_RESULT_RESULT_H

#include "result/job.h"

/* Which commit was tested, and where its run is to be seen. All borrowed, NULL where not known. */
struct run_origin {
    const char *server_url; /* "https://github.com" */
    const char *repository; /* "owner/name" */
    const char *sha;
    const char *ref; /* the branch or tag, of a pull request its branch */
    const char *run_url;
    const char *describe;  /* as git describe says */
    bool dirty_known;      /* somebody looked, to the end */
    bool dirty;            /* files differ from the commit */
    const char *work_tree; /* where its files are on this host; NULL: not known */
    bool files_known;      /* the repository was asked for every case's file: one without a path is
                           * none that can be linked to */
};

struct run_result {
    struct arena arena;  /* of what belongs to no single job */
    const char *lab;     /* borrowed; NULL for a replay without one */
    const char *version; /* hil's own; borrowed; NULL: not known */
    struct run_origin origin;
    enum verdict verdict;
    struct job_result **jobs; /* in the order of the plan; owned */
    size_t count;
    int64_t started_unix_us;
    int64_t took_us;
};

struct test_counts run_counts(const struct run_result *run);
/* Ends its jobs, too. */
void run_result_done(struct run_result *run);

#endif
