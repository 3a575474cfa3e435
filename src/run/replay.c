/* SPDX-License-Identifier: MIT */
#include "run/replay.h"

#include "base/fs.h"
#include "run/decode.h"
#include "run/judge.h"
#include "run/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_SIZE 65536
#define DELAY_MAX_S 1000000 /* more is no log of ours */
#define TIME_MAX_US INT64_C(1000000000000000)

static void add_result(struct run_result *run, struct job_result *result)
{
    run->jobs = xrealloc(run->jobs, run->count + 1, sizeof(struct job_result *));
    run->jobs[run->count++] = result;
}

/* uart.timing while it is read. */
struct timing {
    FILE *file; /* NULL: there is none, or it is over */
    char *path;
    size_t line;
    int64_t us; /* since the first line */
};

/* "SECONDS.MICROSECONDS BYTES" */
static bool parse_delay(const char *line, int64_t *ret_us, size_t *ret_bytes)
{
    static const char digits[] = "0123456789";
    size_t whole = strspn(line, digits), fraction = 0, bytes = 0;
    uint64_t seconds;

    if (line[whole] == '.')
        fraction = strspn(line + whole + 1, digits);
    if (fraction == 6 && line[whole + 7] == ' ')
        bytes = strspn(line + whole + 8, digits);
    if (!whole || !bytes || line[whole + 8 + bytes] != '\n')
        return false;
    seconds = strtoull(line, NULL, 10);
    if (seconds > DELAY_MAX_S)
        return false;
    *ret_us = (int64_t)(seconds * 1000000 + strtoull(line + whole + 1, NULL, 10));
    *ret_bytes = strtoull(line + whole + 8, NULL, 10);
    return true;
}

/* How many bytes came next, and when. Without a file, or past its end or a line that a killed run
 * has left unfinished, everything came at once with the last. */
static int next_chunk(struct timing *timing, size_t *ret_bytes, struct err *err)
{
    int64_t delay_us;
    char line[64];

    for (*ret_bytes = 0; timing->file && !*ret_bytes; timing->us += delay_us) {
        if (!fgets(line, sizeof line, timing->file) ||
            (!strchr(line, '\n') && feof(timing->file))) {
            fclose(timing->file);
            timing->file = NULL;
            break;
        }
        timing->line++;
        if (!parse_delay(line, &delay_us, ret_bytes) || timing->us > TIME_MAX_US)
            return err_set(err, ERR_DATA, "%s:%zu: is not 'SECONDS BYTES'", timing->path,
                           timing->line);
    }
    if (!*ret_bytes)
        *ret_bytes = READ_SIZE;
    return 0;
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

/* Feeds the log as it came, chunk by chunk, leaving out what is older than the reset. To its very
 * end, whatever the parser says: what follows the end marker is in the log, too. */
static int feed(int fd, const char *path, struct timing *timing, const struct capture_stats *stats,
                struct parser *parser, struct err *err)
{
    cleanup_free char *bytes = xmalloc(READ_SIZE);
    bool timed = timing->file != NULL;
    uint64_t offset = 0;
    size_t chunk = 0;

    for (;;) {
        uint64_t before = offset < stats->before_reset ? stats->before_reset - offset : READ_SIZE;
        int rc = chunk ? 0 : next_chunk(timing, &chunk, err);
        size_t wanted = chunk < READ_SIZE ? chunk : READ_SIZE;
        if (rc < 0)
            return rc;
        ssize_t n = read_full(fd, bytes, wanted < before ? wanted : before);
        if (n <= 0)
            return n < 0 ? err_sys(err, errno, "%s", path) : 0;
        if (offset >= stats->before_reset) {
            int64_t us = timing->us > stats->reset_us ? timing->us - stats->reset_us : 0;
            parser_feed(parser, bytes, (size_t)n, timed ? us : -1, offset);
        }
        offset += (uint64_t)n;
        chunk -= (size_t)n;
    }
}

/* Of a job whose `dir` holds the log, or of a bare log. */
static int parse_log(const char *path, const char *dir, const struct job *job,
                     const struct parse_watch *watch, struct job_result *result,
                     const char **ret_trouble, struct err *err)
{
    cleanup_close int fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : dup(STDIN_FILENO);
    struct capture_stats marks = result->capture;
    struct timing timing = {.path = dir ? fs_join(dir, "uart.timing") : NULL};
    struct parser *parser = NULL;
    int rc = fd < 0 ? err_sys(err, errno, "%s", path)
                    : parser_new(&job->parse, watch, result, &parser, err);

    if (dir)
        timing.file = fopen(timing.path, "re");
    if (rc == 0)
        rc = feed(fd, path, &timing, &marks, parser, err);
    if (rc == 0)
        *ret_trouble = parser_finish(parser, result->end, dir ? result->test_us : -1);
    if (timing.file)
        fclose(timing.file);
    free(timing.path);
    if (dir) {
        result->capture.bytes = marks.bytes;
        result->capture.before_reset = marks.before_reset;
        result->capture.reset_us = marks.reset_us;
        result->capture.line_known = marks.line_known;
        result->capture.line = marks.line;
        result->capture.gaps = marks.gaps;
        result->capture.gap_count = marks.gap_count;
    }
    parser_free(parser);
    return rc;
}

/* `build_id`: of the image that the run flashed, where it is known and the user names none. */
static void override(const struct replay_options *options, const char *build_id, struct job *job)
{
    job->parse = parse_merge(job->parse, options->parse);
    job_find_build_id(&job->parse.identity, options->image ? options->image->build_id : build_id);
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
    const char *trouble = NULL;
    int rc;

    result->name = arena_strdup(&result->arena, strcmp(path, "-") ? fs_basename(path) : "stdin");
    result->board = "replay";
    result->reason = "";
    result->end = END_EOF;
    override(options, NULL, &job);
    rc = str_eq(job.parse.identity.build_id, "auto")
             ? err_set(err, ERR_USAGE,
                       "%s: names no image: say which with --image ELF or --build-id HEX", path)
             : parse_log(path, NULL, &job, options->watch, result, &trouble, err);
    if (rc == 0) {
        trouble = decode_log(result, trouble, strcmp(path, "-") ? path : NULL, options->image);
        judge(result, trouble, &job.expect, &job.timeouts);
        add_result(run, result);
    } else {
        job_result_free(result);
    }
    job_done(&job);
    return err_named(rc, err);
}

/* A job whose test never began has nothing to parse: its verdict stands as it was. Infra is the
 * lab's word, which no log can take back. */
static int parse_job(const char *dir, const struct job *job, const struct replay_options *options,
                     struct job_result *result, struct err *err)
{
    cleanup_free char *log = fs_join(dir, "uart.log");
    const char *trouble = NULL;
    struct identity_reader unused;
    int rc = result->end == END_NONE
                 ? 0
                 : parse_log(log, dir, job, options->watch, result, &trouble, err);

    if (result->end == END_NONE)
        identity_begin(&unused, &job->parse.identity, result);
    if (rc == 0 && result->end != END_NONE && result->verdict != VERDICT_INFRA) {
        trouble = options->image ? decode_log(result, trouble, log, options->image)
                                 : decode_apply(result, trouble, dir);
        judge(result, trouble, &job->expect, &job->timeouts);
    }
    return err_named(rc, err); /* a log that is missing is no fault of the lab's */
}

/* *ret_flaky_fails: whether a pass that needed it is a fail. */
static int replay_attempt(const char *dir, const struct replay_options *options,
                          struct job_result *result, bool *ret_flaky_fails, struct err *err)
{
    struct job job = {0};
    int rc = rundir_read_job(dir, result, &job, err);

    override(options, result->image.build_id, &job);
    if (rc == 0)
        rc = parse_job(dir, &job, options, result, err);
    *ret_flaky_fails = job.flaky_fails;
    job_done(&job);
    return rc;
}

/* An attempt that names earlier ones itself is held to be the first of them: there is one list. */
static int replay_earlier(const char *root, struct job_result *result,
                          const struct replay_options *options, struct err *err)
{
    int rc = 0;

    for (size_t i = 0; i < result->earlier_count && rc == 0; i++) {
        struct job_result *earlier = result->earlier[i];
        cleanup_free char *dir = fs_join(root, earlier->dir);
        bool unused;
        rc = replay_attempt(dir, options, earlier, &unused, err);
        job_drop_earlier(earlier);
    }
    return rc;
}

/* `root`: the run directory; NULL: it is about this attempt alone. */
static int replay_job(const char *root, const char *dir, const char *relative,
                      const struct replay_options *options, struct run_result *run, struct err *err)
{
    struct job_result *result = job_result_new();
    bool flaky_fails;
    int rc = replay_attempt(dir, options, result, &flaky_fails, err);

    result->dir = arena_strdup(&result->arena, relative);
    if (!root)
        job_drop_earlier(result);
    if (rc == 0)
        rc = replay_earlier(root, result, options, err);
    if (rc == 0) {
        judge_attempts(result, flaky_fails);
        add_result(run, result);
    } else {
        job_result_free(result);
    }
    return rc;
}

/* Of a run that was killed, attempts were found where they lie: those that another one names come
 * with that one. */
static void drop_named(struct run_result *run, size_t first)
{
    size_t kept = first;

    for (size_t i = first; i < run->count; i++) {
        bool named = false;
        for (size_t j = first; j < run->count && !named; j++)
            for (size_t e = 0; run->jobs[j] && e < run->jobs[j]->earlier_count && !named; e++)
                named = i != j && str_eq(run->jobs[j]->earlier[e]->dir, run->jobs[i]->dir);
        if (named) {
            job_result_free(run->jobs[i]);
            run->jobs[i] = NULL;
        }
    }
    for (size_t i = first; i < run->count; i++)
        if (run->jobs[i])
            run->jobs[kept++] = run->jobs[i];
    run->count = kept;
}

static struct run_origin copy_origin(struct arena *arena, const struct run_origin *origin)
{
    struct run_origin copy = *origin;

    copy.server_url = arena_strdup(arena, origin->server_url);
    copy.repository = arena_strdup(arena, origin->repository);
    copy.sha = arena_strdup(arena, origin->sha);
    copy.ref = arena_strdup(arena, origin->ref);
    copy.work_tree = arena_strdup(arena, origin->work_tree);
    copy.run_url = arena_strdup(arena, origin->run_url);
    copy.describe = arena_strdup(arena, origin->describe);
    return copy;
}

static int replay_run(const char *path, const struct replay_options *options,
                      struct run_result *run, struct err *err)
{
    struct run_result earlier = {0};
    size_t first = run->count;
    int rc = rundir_read_run(path, &earlier, err);

    for (size_t i = 0; rc == 0 && i < earlier.count; i++) {
        cleanup_free char *dir = fs_join(path, earlier.jobs[i]->dir);
        rc = replay_job(path, dir, earlier.jobs[i]->dir, options, run, err);
    }
    if (rc == 0)
        drop_named(run, first);
    if (rc == 0)
        rc = rundir_read_files(path, run, first, err);
    if (rc == 0) {
        run->lab = arena_strdup(&run->arena, earlier.lab);
        run->version = arena_strdup(&run->arena, earlier.version);
        run->origin = copy_origin(&run->arena, &earlier.origin);
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
        rc = replay_job(NULL, path, ".", options, run, err);
    else
        return err_set(err, ERR_USAGE, "%s: no run directory: it has neither run.json nor job.json",
                       path);
    if (rc == 0 && !run->count)
        rc = err_set(err, ERR_DATA, "%s: holds no job", path);
    judge_run(run);
    return rc;
}
