/* SPDX-License-Identifier: MIT */
#include "run/collected.h"

#include "base/fs.h"
#include "notify/notifier.h"
#include "report/event_read.h"
#include "report/report.h"
#include "run/detached_file.h"
#include "run/judge.h"
#include "run/origin.h"
#include "run/remember.h"
#include "run/replay.h"
#include "run/rundir.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- what never began ------------------------------------------------------------------------ */

/* The job, not taken yet, that this planned one became: on that board, or on any. */
static bool take_match(const struct run_result *run, size_t count, bool *taken, const char *test,
                       const char *board)
{
    for (size_t i = 0; i < count; i++) {
        if (taken[i] || !str_eq(run->jobs[i]->name, test) ||
            (board && !str_eq(run->jobs[i]->board, board)))
            continue;
        return taken[i] = true;
    }
    return false;
}

static int add_missing(const char *path, struct run_result *run, const char *test,
                       const char *board, bool several, struct err *err)
{
    cleanup_free char *test_dir = several ? fs_safe_name(test) : xstrdup(""), *dir = NULL;
    struct job_result *result = job_result_new();
    struct job job = {.timeouts = timeouts_default};
    bool there = true;
    int rc;

    for (size_t attempt = 1; there; attempt++) {
        free(dir);
        dir = rundir_job_dir(board, test_dir, attempt);
        cleanup_free char *marker = xasprintf("%s/%s/job.json", path, dir);
        there = fs_exists(marker);
    }
    cleanup_free char *full = fs_join(path, dir);
    result->name = arena_strdup(&result->arena, test);
    result->board = arena_strdup(&result->arena, board);
    result->dir = arena_strdup(&result->arena, dir);
    judge_infra(result, "hil run has ended before it began");
    run->jobs = xrealloc(run->jobs, run->count + 1, sizeof(struct job_result *));
    run->jobs[run->count++] = result;
    rc = fs_mkdirs(full, 0777, err);
    return rc < 0 ? rc : rundir_write_job(full, result, &job, err);
}

static bool has_several(const struct strv *tests)
{
    for (size_t i = 1; i < tests->count; i++)
        if (!str_eq(tests->items[i], tests->items[0]))
            return true;
    return false;
}

static int add_all_missing(const char *path, struct run_result *run, struct err *err)
{
    cleanup_strv struct strv tests = {0}, boards = {0};
    size_t count = run->count;
    int rc = rundir_read_planned(path, &tests, &boards, err);
    cleanup_free bool *taken = xcalloc(count + 1, sizeof *taken);
    cleanup_free bool *found = xcalloc(tests.count + 1, sizeof *found);

    for (size_t i = 0; i < tests.count; i++)
        found[i] = take_match(run, count, taken, tests.items[i], boards.items[i]);
    for (size_t i = 0; i < tests.count && rc == 0; i++)
        if (!found[i] && !take_match(run, count, taken, tests.items[i], NULL))
            rc = add_missing(path, run, tests.items[i], boards.items[i], has_several(&tests), err);
    return rc;
}

/* ---- the run --------------------------------------------------------------------------------- */

static void find_those_at_work(const char *path, struct run_result *run)
{
    for (size_t i = 0; i < run->count; i++) {
        cleanup_free char *dir = fs_join(path, run->jobs[i]->dir);
        struct detached_file file;
        run->jobs[i]->detached = detached_read(dir, &file, NULL) == 0 && !file.home;
    }
}

/* It lasted until the last of its jobs had ended. */
static int64_t length_us(const struct run_result *run)
{
    int64_t length = run->took_us;

    for (size_t i = 0; i < run->count; i++) {
        const struct job_result *job = run->jobs[i];
        int64_t end = job->started_unix_us + job->took_us - run->started_unix_us;
        if (job->started_unix_us && end > length)
            length = end;
    }
    return length;
}

static int make_whole(const struct collected *collected, struct run_result *run, struct err *err)
{
    const struct replay_options options = {.image = NULL};
    struct err note = {0};
    int rc = replay_path(collected->path, &options, run, err);

    if (rc == 0 || (rc == -ERR_DATA && !run->count)) {
        struct err why = {0};
        int added = add_all_missing(collected->path, run, &why);
        if (rc == 0 && added < 0)
            *err = why;
        rc = rc == 0 || run->count ? added : rc;
    }
    if (rc < 0)
        return rc;
    find_those_at_work(collected->path, run);
    if (origin_find_files(run, &note) < 0)
        collected->warn(note.message);
    run->took_us = length_us(run);
    judge_run(run);
    return rundir_write_run(collected->path, run, err);
}

static void name_logs(const char *path, struct run_result *run)
{
    for (size_t i = 0; i < run->count; i++)
        run->jobs[i]->log =
            arena_printf(&run->jobs[i]->arena, "%s/%s/uart.log", path, run->jobs[i]->dir);
}

/* All that can be written, whatever becomes of the others. */
static int write_reports(const char *path, const struct run_result *run, struct err *err)
{
    int worst = 0;

    for (size_t i = 0; report_formats[i]; i++) {
        cleanup_free char *file = fs_join(path, report_formats[i]->file);
        struct err why = {0};
        int rc = report_write(report_formats[i], run, file, &why);
        if (rc < 0 && !worst) {
            *err = why;
            worst = rc;
        }
    }
    return worst;
}

/* ---- who is told ----------------------------------------------------------------------------- */

#define LINES_BEFORE_START 1000

/* The clock of the events begins before the run does: where firmware and servers are looked up. */
static int64_t start_in_events_us(const char *path)
{
    FILE *file = fopen(path, "re");
    int64_t ret = -1;
    char *line = NULL;
    size_t room = 0;
    ssize_t size;

    for (size_t i = 0; file && ret < 0 && i < LINES_BEFORE_START; i++) {
        struct event_line event = {.json = NULL};
        if ((size = getline(&line, &room, file)) <= 0)
            break;
        if (event_read(line, (size_t)size, &event, NULL) == 0 &&
            event.event.kind == EVENT_RUN_START)
            ret = event.event.time_us;
        event_line_done(&event);
    }
    free(line);
    if (file)
        fclose(file);
    return ret < 0 ? 0 : ret;
}

static int tell_events(const struct collected *collected, const struct run_result *run,
                       struct err *err)
{
    cleanup_free char *path = fs_join(collected->path, "events.jsonl");
    struct events *events = events_of(run->started_unix_us - start_in_events_us(path));
    struct event_sink *log = event_log_append(path, err);
    int rc = log ? 0 : -(int)err->code;

    if (log)
        events_add(events, log);
    for (size_t i = 0; i < run->count; i++) {
        struct job_result *job = run->jobs[i];
        if (!strv_has(collected->home, job->dir))
            continue;
        event_emit(events,
                   (struct event){.kind = EVENT_NOTE,
                                  .board = job->board,
                                  .test = job->name,
                                  .text = "its events are cut here, where hil run had left: "
                                          "it went on on its server, and is collected"});
        event_emit(events,
                   (struct event){
                       .kind = EVENT_JOB_END, .board = job->board, .test = job->name, .job = job});
    }
    event_emit(events, (struct event){.kind = EVENT_RUN_END, .run = run});
    if (log)
        rc = event_log_close(log, err);
    events_free(events);
    return rc;
}

static void remember(const struct collected *collected, const struct run_result *run)
{
    const struct ctx ctx = ctx_root(-1, NULL);
    struct memory memory = {0};
    struct err err = {0};

    if (remember_open(collected->lab, &ctx, &memory, &err) < 0)
        collected->warn(err.message);
    memory.missing = true;
    if (remember_run(&memory, run, &err) < 0)
        collected->warn(err.message);
    remember_send(&memory);
    remember_close(&memory);
}

/* Once all of it is home, as hil run would have; one that was ended halfway here may do it
 * again. */
static void notify(const struct collected *collected, const struct run_result *run)
{
    cleanup_free char *dir = fs_state_dir();
    struct notifier *notifier;
    struct err err = {0};

    for (size_t i = 0; i < run->count; i++)
        if (run->jobs[i]->detached)
            return;
    notifier = notifier_open(collected->lab, dir, &err);
    notifier_run(notifier, run);
    if (err.code || *notifier_trouble(notifier))
        collected->warn(err.code ? err.message : notifier_trouble(notifier));
    notifier_close(notifier);
}

int collected_run(const struct collected *collected, struct run_result *ret, struct err *err)
{
    int rc = make_whole(collected, ret, err);

    if (rc < 0)
        return rc;
    name_logs(collected->path, ret);
    rc = write_reports(collected->path, ret, err);
    if (rc < 0 || !collected->home->count)
        return rc;
    rc = tell_events(collected, ret, err);
    remember(collected, ret);
    notify(collected, ret);
    return rc;
}
