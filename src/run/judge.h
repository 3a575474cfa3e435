/* SPDX-License-Identifier: MIT
 *
 * judge: from what was seen to a verdict. The one place that says pass.
 *
 * Used by the pipeline and by replay alike, so both say the same of the same bytes. Nothing is a
 * pass by silence: no tests, no end marker, a missing required test, a crash are fail; a console
 * that vanished and everything before the first byte of the test is infra.
 */
#ifndef HIL_RUN_JUDGE_H
#define HIL_RUN_JUDGE_H

#include "result/result.h"
#include "run/job.h"

/* `trouble` is what parser_finish() returned. Sets result->verdict, reason and trouble. */
void judge(struct job_result *result, const char *trouble, const struct expect *expect,
           const struct timeouts *timeouts);
/* The lab's fault, with its words. */
void judge_infra(struct job_result *result, const char *reason);
/* Of a job with earlier attempts: settles what they mean for its cases, and, where flaky tests are
 * to fail, for its verdict. */
void judge_attempts(struct job_result *result, bool flaky_fails);
/* Sets run->verdict: the worst of its jobs'; infra where it has none. */
void judge_run(struct run_result *run);

#endif
