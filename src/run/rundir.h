/* SPDX-License-Identifier: MIT
 *
 * rundir: the run directory: what one `hil run` leaves behind, and how replay reads it back.
 *
 *     hil-out/run.json            which jobs there were, lab, version, start
 *     hil-out/junit.xml report.json events.jsonl
 *     hil-out/BOARD/              or BOARD/TEST/ where a run has several tests
 *         job.json                what the log cannot tell: image, board, options, how it ended
 *         uart.log uart.timing flash.log
 *
 * An earlier run's files in the same directory are removed first; anything that hil did not write
 * is left alone, and a directory that holds such files and no run.json is refused.
 */
#ifndef HIL_RUN_RUNDIR_H
#define HIL_RUN_RUNDIR_H

#include "run/job.h"

int rundir_prepare(const char *path, struct err *err);
/* The job's directory relative to the run directory; unique. Caller frees. */
char *rundir_job_dir(const char *board, const char *test, bool several_tests);
/* Written once when the job begins and again when it has ended, so that a killed run can be read. `job` as it
 * ran on its board (job_on_board). */
int rundir_write_job(const char *work_dir, const struct job_result *result, const struct job *job,
                     struct err *err);
/* Reads job.json: a result without cases, and a job whose parse options, expectations and timeouts
 * are as they were. The strings live as long as the result; the caller calls job_done(). */
int rundir_read_job(const char *work_dir, struct job_result *ret, struct job *ret_job,
                    struct err *err);
int rundir_write_run(const char *path, const struct run_result *run, struct err *err);
/* *ret has the jobs with `dir` set and nothing else. */
int rundir_read_run(const char *path, struct run_result *ret, struct err *err);

#endif
