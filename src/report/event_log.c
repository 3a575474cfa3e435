/* SPDX-License-Identifier: MIT */
/* events.jsonl. Lines of the console are left out there: uart.log and uart.timing have them. A
 * stream that somebody follows has them, too. */
#include "base/json.h"

#include "base/str.h"
#include "report/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct event_log {
    struct event_sink sink;
    char *path;
    int fd;
    bool lines;     /* of the console, too */
    struct err err; /* the first failure; nothing is written after it */
};

static void put_text(struct json_out *out, const char *name, const struct event *event)
{
    json_key(out, name);
    if (event->text && event->text_size)
        json_bytes(out, event->text, event->text_size);
    else
        json_string(out, event->text);
}

static void put_case(struct json_out *out, const struct test_case *test_case)
{
    if (!test_case)
        return;
    json_kv_string(out, "name", test_case->name);
    json_kv_string(out, "result", case_result_name(test_case->result));
    if (test_case->message)
        json_kv_string(out, "message", test_case->message);
    if (test_case->file)
        json_kv_string(out, "file", test_case->file);
    if (test_case->line)
        json_kv_int(out, "line", test_case->line);
    if (test_case->duration_us >= 0)
        json_kv_int(out, "duration_us", test_case->duration_us);
    if (test_case->error_type)
        json_kv_string(out, "error_type", test_case->error_type);
}

static void put_end(struct json_out *out, enum verdict verdict, struct test_counts counts,
                    int64_t took_us)
{
    json_kv_string(out, "verdict", verdict_name(verdict));
    json_kv_int(out, "total", (int64_t)counts.total);
    json_kv_int(out, "pass", (int64_t)counts.pass);
    json_kv_int(out, "fail", (int64_t)counts.fail);
    json_kv_int(out, "error", (int64_t)counts.error);
    json_kv_int(out, "skip", (int64_t)counts.skip);
    json_kv_int(out, "took_us", took_us);
}

static void put_job(struct json_out *out, const struct job_result *job)
{
    if (!job)
        return;
    put_end(out, job->verdict, job_counts(job), job->took_us);
    json_kv_string(out, "reason", job->reason);
    json_kv_string(out, "end", capture_end_name(job->end));
    json_kv_bool(out, "complete", job->complete);
    json_kv_int(out, "flash_us", job->flash_us);
    json_kv_int(out, "test_us", job->test_us);
}

static void put_state(struct json_out *out, const struct event *event)
{
    put_text(out, "state", event);
    if (event->suite)
        json_kv_string(out, "why", event->suite);
    if (event->total) {
        json_kv_int(out, "reset_bytes", (int64_t)event->number);
        json_kv_int(out, "reset_us", (int64_t)event->total);
    }
}

static void put_progress(struct json_out *out, const struct event *event)
{
    put_text(out, "what", event);
    json_kv_int(out, "bytes", (int64_t)event->number);
    json_kv_int(out, "total", (int64_t)event->total);
}

static void put_members(struct json_out *out, const struct event *event)
{
    switch (event->kind) {
    case EVENT_RUN_START:
        json_kv_int(out, "jobs", (int64_t)event->number);
        break;
    case EVENT_STATE:
        put_state(out, event);
        break;
    case EVENT_PROGRESS:
        put_progress(out, event);
        break;
    case EVENT_COMMAND:
        put_text(out, "command", event);
        break;
    case EVENT_CASE_START:
        json_kv_string(out, "suite", event->suite);
        put_text(out, "name", event);
        break;
    case EVENT_CASE_END:
        json_kv_string(out, "suite", event->suite);
        put_case(out, event->test_case);
        break;
    case EVENT_DROPPED:
        json_kv_int(out, "cases", (int64_t)event->number);
        put_text(out, "text", event);
        break;
    case EVENT_RETRY:
        json_kv_int(out, "attempt", (int64_t)event->number);
        json_kv_int(out, "attempts_max", (int64_t)event->total);
        put_text(out, "text", event);
        break;
    case EVENT_NOTE:
    case EVENT_WARNING:
    case EVENT_LINE:
        put_text(out, "text", event);
        break;
    case EVENT_JOB_END:
        put_job(out, event->job);
        break;
    case EVENT_RUN_END:
        if (event->run)
            put_end(out, event->run->verdict, run_counts(event->run), event->run->took_us);
        break;
    case EVENT_JOB_START:
        if (event->text)
            put_text(out, "dir", event);
        break;
    case EVENT_TICK:
        break;
    }
}

/* One write a line: somebody may be following the file. */
static void take(struct event_sink *sink, const struct event *event)
{
    struct event_log *log = (struct event_log *)sink;
    struct json_out out;

    if ((event->kind == EVENT_LINE && !log->lines) || event->kind == EVENT_TICK || log->err.code)
        return;
    json_begin(&out, log->fd, 0);
    json_object(&out);
    json_kv_int(&out, "time_us", event->time_us);
    json_kv_string(&out, "kind", event_kind_name(event->kind));
    if (event->board)
        json_kv_string(&out, "board", event->board);
    if (event->test)
        json_kv_string(&out, "test", event->test);
    put_members(&out, event);
    json_object_end(&out);
    if (json_end(&out, &log->err) < 0)
        err_wrap(&log->err, "%s", log->path);
}

static struct event_sink *open_log(const char *path, bool lines, int flags, struct err *err)
{
    int fd = open(path, O_CREAT | O_APPEND | O_CLOEXEC | flags, 0666);
    struct event_log *log;

    if (fd < 0) {
        err_sys(err, errno, "%s", path);
        return NULL;
    }
    log = xcalloc(1, sizeof *log);
    log->sink.take = take;
    log->path = xstrdup(path);
    log->fd = fd;
    log->lines = lines;
    return &log->sink;
}

struct event_sink *event_log_open(const char *path, struct err *err)
{
    return open_log(path, false, O_WRONLY | O_TRUNC, err);
}

struct event_sink *event_log_append(const char *path, struct err *err)
{
    struct event_sink *sink = open_log(path, false, O_RDWR, err);
    struct event_log *log = (struct event_log *)sink;
    off_t end = log ? lseek(log->fd, 0, SEEK_END) : 0;
    char last = '\n';

    /* A full disk may have cut its last line. */
    if (end > 0 && pread(log->fd, &last, 1, end - 1) == 1 && last != '\n' &&
        write(log->fd, "\n", 1) < 0)
        err_sys(&log->err, errno, "%s", path);
    return sink;
}

struct event_sink *event_stream_open(const char *path, struct err *err)
{
    return open_log(path, true, O_WRONLY | O_TRUNC, err);
}

int event_log_close(struct event_sink *sink, struct err *err)
{
    struct event_log *log = (struct event_log *)sink;
    int rc = 0;

    if (!log)
        return 0;
    if (close(log->fd) < 0 && !log->err.code)
        err_sys(&log->err, errno, "%s", log->path);
    if (log->err.code) {
        rc = -(int)log->err.code;
        if (err)
            *err = log->err;
    }
    free(log->path);
    free(log);
    return rc;
}
