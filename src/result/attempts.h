/* SPDX-License-Identifier: MIT
 *
 * attempts: a job that was tried again: what failed before, and what is flaky, since it passed on
 * one of them and failed on another, with the same image on the same board.
 */
#ifndef HIL_RESULT_ATTEMPTS_H
#define HIL_RESULT_ATTEMPTS_H

#include "result/result.h"

/* Says of each case of the last attempt how it failed in those before, and of none elsewhere.
 * Returns the first test that failed before and did not pass in the last attempt, which it must:
 * skipped or not seen again is no proof. NULL: there is none. */
const char *attempts_settle(struct job_result *job);
/* It passed, and failed in an earlier attempt. */
bool case_flaky(const struct test_case *test_case);
/* It passed, and an earlier attempt failed for which the lab was not to blame. */
bool job_flaky(const struct job_result *job);
/* It is, and no case of it is: it crashed, or fell silent. */
bool job_flaky_whole(const struct job_result *job);

#endif
