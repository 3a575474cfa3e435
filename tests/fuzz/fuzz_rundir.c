/* SPDX-License-Identifier: MIT
 *
 * Any bytes as the files of a run directory: refused with the file's name, or replayed to verdicts
 * that their cases bear out.
 *
 * The input is run.json, job.json, uart.timing and uart.log, each but the last ended by a line
 * "==". Where run.json is empty, the job's directory is replayed alone.
 */
#include "base/fs.h"
#include "base/str.h"
#include "run/replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define END_OF_FILE "==\n"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "not so: %s\n", what);
    abort();
}

/* Where every input's files are: removed at the end of the program, for libFuzzer calls exit(). */
static char dir[64], job_dir[80];

static void remove_dir(void)
{
    static const char *const names[] = {"run.json", "uno/job.json", "uno/uart.timing",
                                        "uno/uart.log"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        cleanup_free char *path = fs_join(dir, names[i]);
        unlink(path);
    }
    rmdir(job_dir);
    rmdir(dir);
}

static void make_dir(void)
{
    if (dir[0])
        return;
    snprintf(dir, sizeof dir, "%s/hil-fuzz.XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
    require(mkdtemp(dir) != NULL, "a directory");
    snprintf(job_dir, sizeof job_dir, "%s/uno", dir);
    require(fs_mkdirs(job_dir, 0777, NULL) == 0, "a job's directory");
    atexit(remove_dir);
}

/* The next of the input's files; an empty one is not there. */
static bool put_file(const char *in, const char *name, const uint8_t **at, size_t *left)
{
    cleanup_free char *path = fs_join(in, name);
    const uint8_t *end = *left ? memmem(*at, *left, END_OF_FILE, strlen(END_OF_FILE)) : NULL;
    size_t size = end ? (size_t)(end - *at) : *left;

    unlink(path);
    if (size)
        require(fs_write(path, *at, size, NULL) == 0, "a file");
    *at += size + (end ? strlen(END_OF_FILE) : 0);
    *left -= size + (end ? strlen(END_OF_FILE) : 0);
    return size > 0;
}

static void check_job(const struct job_result *job)
{
    struct test_counts counts = job_counts(job);

    require(job->name && job->board && job->reason && job->dir, "a job has its names");
    require(str_eq(job->dir, ".") ||
                (job->dir[0] != '.' && job->dir[0] != '/' && !strstr(job->dir, "/.")),
            "a job's directory lies below");
    require(job->capture.reset_us >= 0 && job->test_us >= 0 && job->took_us >= 0, "no time is < 0");
    if (job->verdict != VERDICT_PASS)
        return;
    require(counts.total > 0 && !counts.fail && !counts.error, "a pass has tests that passed");
    require(job->complete && !*job->reason && !job->trouble, "a pass is complete");
    require(job->end != END_NONE && job->end != END_GONE && job->end != END_CANCELLED,
            "a pass has ended well");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct replay_options options = {0};
    struct run_result run = {0};
    struct err err = {0};
    bool whole;
    int rc;

    make_dir();
    whole = put_file(dir, "run.json", &bytes, &count);
    put_file(job_dir, "job.json", &bytes, &count);
    put_file(job_dir, "uart.timing", &bytes, &count);
    put_file(job_dir, "uart.log", &bytes, &count);
    rc = replay_path(whole ? dir : job_dir, &options, &run, &err);
    require(rc == 0 ? run.count > 0 : err.message[0] && rc == -(int)err.code, "an answer");
    for (size_t i = 0; i < run.count; i++)
        check_job(run.jobs[i]);
    run_result_done(&run);
    return 0;
}
