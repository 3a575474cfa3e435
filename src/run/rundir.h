/* SPDX-License-Identifier: MIT
 *
 * rundir: the run directory: what one `hil run` leaves behind, and how replay reads it back.
 *
 *     hil-out/run.json            which jobs there were, lab, version, start, commit, source files
 *     hil-out/junit.xml report.json events.jsonl
 *     hil-out/BOARD/              or BOARD/TEST/ where a run has several tests
 *         job.json                what the log cannot tell: image, board, options, how it ended,
 *                                 and where its earlier attempts are
 *         uart.log uart.timing flash.log
 *     hil-out/BOARD@2/            the second attempt at it, on this board or another
 *
 * An earlier run's files in the same directory are removed first; anything that hil did not write
 * is left alone, and a directory that holds such files and no run.json is refused.
 */
#ifndef HIL_RUN_RUNDIR_H
#define HIL_RUN_RUNDIR_H

#include "result/result.h"
#include "run/job.h"

/* *ret_lock_fd is the caller's to close when the run is over: until then no other run may have the
 * directory. -1 on error. */
int rundir_prepare(const char *path, int *ret_lock_fd, struct err *err);
/* -ERR_BUSY: a run that is still at work has it. */
int rundir_check_ended(const char *path, struct err *err);
/* The files that a job leaves in its directory, and that a server may send; NULL-terminated. */
extern const char *const rundir_job_files[];
/* Those of them that grow while the job runs. */
extern const char *const rundir_growing_files[];
/* Appends a directory's name for each job's test, "" where all jobs have the same test: two tests
 * never share one. */
void rundir_test_dirs(const struct job *jobs, size_t count, struct strv *ret);
/* The directory of a job's attempt (from 1) relative to the run directory. Caller frees. */
char *rundir_job_dir(const char *board, const char *test_dir, size_t attempt);
/* Written once when the job begins and again when it has ended, so that a killed run can be read.
 * `job` as it ran on its board (job_on_board). */
int rundir_write_job(const char *work_dir, const struct job_result *result, const struct job *job,
                     struct err *err);
/* Reads job.json: a result without cases, its earlier attempts with `dir` and nothing else, and a
 * job whose parse options, expectations and timeouts are as they were. The strings live as long as
 * the result; the caller calls job_done(), after an error, too. -ERR_DATA where the file says what
 * hil run never writes. */
int rundir_read_job(const char *work_dir, struct job_result *ret, struct job *ret_job,
                    struct err *err);
int rundir_write_run(const char *path, const struct run_result *run, struct err *err);
/* Of one that has only begun, with the jobs that it means to do: what is known of it should nobody
 * come to write its end. */
int rundir_write_begun(const char *path, const struct run_result *run, const struct job *jobs,
                       size_t count, struct err *err);
/* Those jobs, test and first board; none where the run has ended, or did not say. */
int rundir_read_planned(const char *path, struct strv *ret_tests, struct strv *ret_boards,
                        struct err *err);
/* *ret has the jobs with `dir` set and nothing else of them. */
int rundir_read_run(const char *path, struct run_result *ret, struct err *err);
/* Gives the cases in the jobs from `first` on the paths that the run found for their files. */
int rundir_read_files(const char *path, struct run_result *run, size_t first, struct err *err);

#endif
