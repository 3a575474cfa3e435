/* SPDX-License-Identifier: MIT
 *
 * failures: what broke in a run, ranked, and each failure once however many boards showed it.
 *
 * Crashes come first, then other errors, what concerns a board as a whole (what a crash
 * left undone, too), failed assertions, and
 * last what the lab is to blame for; among equals what more boards saw, then the plan's order. Two
 * cases are the same failure where suite, name, result, place and message are. Borrows from the
 * run; the caller ends it with failures_done(). Never blocks.
 */
#ifndef HIL_REPORT_FAILURES_H
#define HIL_REPORT_FAILURES_H

#include "result/result.h"

#include <stddef.h>

struct sighting {
    const struct job_result *job;      /* NULL: of the run as a whole */
    const struct test_suite *suite;    /* NULL: of the job as a whole */
    const struct test_case *test_case; /* likewise */
    const char *message;
    size_t job_number, case_number; /* from 0: of the run's jobs, of the job's cases */
    size_t failure;                 /* its failure's place among those met so far */
};

struct failure {
    const struct sighting *seen; /* in the plan's order; all alike but for job and numbers */
    size_t count;
    const char *kind; /* "crash" "hang" "reset" "unfinished" "error" "fail" "infra" */
    int rank;
    size_t met; /* in the plan's order */
};

struct failures {
    struct failure *items;
    size_t count;
    struct sighting *sightings; /* of one failure after the other, in the plan's order */
    size_t sighting_count;
};

struct failures failures_of(const struct run_result *run);
void failures_done(struct failures *failures);

#endif
