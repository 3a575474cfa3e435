/* SPDX-License-Identifier: MIT */
#include "run/replay.h"

#include "base/fs.h"
#include "run/judge.h"
#include "run/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_SIZE 65536
#define DELAY_MAX_S 1000000 /* more is no log of ours */

static void add_result(struct run_result *run, struct job_result *result)
{
    run->jobs = xrealloc(run->jobs, run->count + 1, sizeof(struct job_result *));
    run->jobs[run->count++] = result;
}

/* The next line of uart.timing: when its bytes came, since the first line, and how many. Without a
 * file, or past its end, everything came at once with the last. */
static size_t next_chunk(FILE *timing, int64_t *us, size_t most)
{
    int64_t seconds;
    unsigned micros;
    size_t bytes;

    if (!timing || fscanf(timing, "%" SCNd64 ".%6u %zu", &seconds, &micros, &bytes) != 3 ||
        seconds < 0 || seconds > DELAY_MAX_S)
        return most;
    *us += seconds * 1000000 + micros;
    return bytes;
}

static ssize_t read_full(int fd, char *bytes, size_t count)
{
    size_t have = 0;

    while (have < count) {
        ssize_t n = read(fd, bytes + have, count - have);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        have += (size_t)n;
    }
    return (ssize_t)have;
}

/* Feeds the log as it came, chunk by chunk, leaving out what is older than the reset. */
static int feed(int fd, FILE *timing, const char *path, const struct capture_stats *stats,
                struct parser *parser, int64_t *ret_us, struct err *err)
{
    cleanup_free char *bytes = xmalloc(READ_SIZE);
    uint64_t offset = 0;
    int64_t us = 0;
    size_t chunk = 0;

    /* To the very end, whatever the parser says: what follows the end marker is in the log, too. */
    for (;;) {
        if (!chunk)
            chunk = next_chunk(timing, &us, READ_SIZE);
        ssize_t n = read_full(fd, bytes, chunk < READ_SIZE ? chunk : READ_SIZE);
        if (n < 0)
            return err_sys(err, errno, "%s", path);
        if (n == 0 && chunk)
            break;
        *ret_us = timing ? us - stats->reset_us : -1; /* a bare log has no times */
        if (offset >= stats->before_reset)
            parser_feed(parser, bytes, (size_t)n, *ret_us, offset);
        offset += (uint64_t)n;
        chunk -= (size_t)n;
    }
    return 0;
}

static int parse_log(const char *path, const char *timing_path, const struct job *job,
                     const struct parse_watch *watch, struct job_result *result, bool recorded,
                     struct err *err)
{
    cleanup_close int fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : dup(STDIN_FILENO);
    FILE *timing = timing_path ? fopen(timing_path, "re") : NULL;
    struct capture_stats marks = result->capture;
    struct parser *parser = NULL;
    const char *trouble;
    int64_t us = 0;
    int rc = fd < 0 ? err_sys(err, errno, "%s", path)
                    : parser_new(&job->parse, watch, result, &parser, err);

    if (rc == 0)
        rc = feed(fd, timing, path, &marks, parser, &us, err);
    if (timing)
        fclose(timing);
    if (rc == 0) {
        enum capture_end end = recorded ? result->end : END_EOF;
        trouble = parser_finish(parser, end, recorded ? result->test_us : us);
        result->end = end;
        judge(result, trouble, &job->expect, &job->timeouts);
    }
    if (recorded) {
        result->capture.bytes = marks.bytes;
        result->capture.before_reset = marks.before_reset;
        result->capture.reset_us = marks.reset_us;
    }
    parser_free(parser);
    return rc;
}

static void override(const struct replay_options *options, struct job *job)
{
    job->parse = parse_merge(job->parse, options->parse);
    if (options->expect.tests)
        job->expect.tests = options->expect.tests;
    for (size_t i = 0; i < options->expect.require.count; i++)
        strv_add(&job->expect.require, options->expect.require.items[i]);
}

/* A log without a run around it. */
static int replay_log(const char *path, const struct replay_options *options,
                      struct run_result *run, struct err *err)
{
    struct job_result *result = job_result_new();
    struct job job = {.timeouts = timeouts_default};
    int rc;

    result->name = arena_strdup(&result->arena, strcmp(path, "-") ? fs_basename(path) : "stdin");
    result->board = "replay";
    result->reason = "";
    override(options, &job);
    rc = parse_log(path, NULL, &job, options->watch, result, false, err);
    job_done(&job);
    if (rc < 0)
        job_result_free(result);
    else
        add_result(run, result);
    return rc;
}

/* A job whose test never began has nothing to parse: its verdict stands as it was. */
static bool has_test(const struct job_result *result)
{
    return result->end != END_NONE;
}

static int replay_job(const char *dir, const char *relative, const struct replay_options *options,
                      struct run_result *run, struct err *err)
{
    cleanup_free char *log = fs_join(dir, "uart.log");
    cleanup_free char *timing = fs_join(dir, "uart.timing");
    struct job_result *result = job_result_new();
    struct job job = {0};
    int rc = rundir_read_job(dir, result, &job, err);

    result->dir = arena_strdup(&result->arena, relative);
    override(options, &job);
    if (rc == 0 && has_test(result)) {
        enum verdict before = result->verdict;
        const char *reason = result->reason;
        rc = parse_log(log, timing, &job, options->watch, result, true, err);
        /* Infra is the lab's word, which no log can take back. */
        if (rc == 0 && before == VERDICT_INFRA)
            judge_infra(result, reason);
    }
    job_done(&job);
    if (rc < 0)
        job_result_free(result);
    else
        add_result(run, result);
    return rc;
}

static int replay_run(const char *path, const struct replay_options *options,
                      struct run_result *run, struct err *err)
{
    struct run_result earlier = {0};
    int rc = rundir_read_run(path, &earlier, err);

    for (size_t i = 0; rc == 0 && i < earlier.count; i++) {
        cleanup_free char *dir = fs_join(path, earlier.jobs[i]->dir);
        rc = replay_job(dir, earlier.jobs[i]->dir, options, run, err);
    }
    if (rc == 0 && run->count) {
        struct arena *arena = &run->jobs[0]->arena;
        run->lab = arena_strdup(arena, earlier.lab);
        run->version = arena_strdup(arena, earlier.version);
        run->started_unix_us = earlier.started_unix_us;
        run->took_us = earlier.took_us;
    }
    run_result_done(&earlier);
    return rc;
}

int replay_path(const char *path, const struct replay_options *options, struct run_result *run,
                struct err *err)
{
    cleanup_free char *run_json = fs_join(path, "run.json");
    cleanup_free char *job_json = fs_join(path, "job.json");
    struct stat info;
    int rc;

    if (!strcmp(path, "-") || stat(path, &info) < 0 || !S_ISDIR(info.st_mode))
        rc = replay_log(path, options, run, err);
    else if (fs_exists(run_json))
        rc = replay_run(path, options, run, err);
    else if (fs_exists(job_json))
        rc = replay_job(path, ".", options, run, err);
    else
        return err_set(err, ERR_USAGE, "%s: no run directory: it has neither run.json nor job.json",
                       path);
    if (rc == 0 && !run->count)
        rc = err_set(err, ERR_DATA, "%s: holds no job", path);
    for (size_t i = 0; rc == 0 && i < run->count; i++)
        run->verdict = i ? verdict_worse(run->verdict, run->jobs[i]->verdict)
                         : run->jobs[0]->verdict;
    return rc;
}
