/* SPDX-License-Identifier: MIT
 *
 * run_from_bytes: a run with one job whose texts the fuzzer chose.
 *
 * The first byte chooses the verdicts; then each string, ended by LF, is in turn a suite, a case, a
 * message, a detail, a file.
 */
#ifndef HIL_FUZZ_RUN_FROM_BYTES_H
#define HIL_FUZZ_RUN_FROM_BYTES_H

#include "base/buf.h"
#include "base/str.h"
#include "base/text.h"
#include "report/report.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define REPORT_MAX (64 << 20)

#define check(condition) ((condition) ? (void)0 : die(__FILE__, #condition))

static inline void die(const char *file, const char *condition)
{
    fprintf(stderr, "%s: not so: %s\n", file, condition);
    abort();
}

/* A string up to the next LF; one that holds a NUL ends there for its readers. */
static inline const char *next_text(struct arena *arena, const uint8_t **at, size_t *left)
{
    const uint8_t *end = *left ? memchr(*at, '\n', *left) : NULL;
    size_t length = end ? (size_t)(end - *at) : *left;
    const char *text = arena_strndup(arena, (const char *)*at, length);

    *at += length + (end != NULL);
    *left -= length + (end != NULL);
    return text;
}

static inline void fill_job(struct job_result *job, const uint8_t *at, size_t left)
{
    while (left) {
        const char *suite = next_text(&job->arena, &at, &left);
        struct test_case *added = suite_add(job_suite(job, suite, strlen(suite)));
        added->name = next_text(&job->arena, &at, &left);
        added->result = (enum case_result)(strlen(added->name) % 4);
        added->message = next_text(&job->arena, &at, &left);
        added->detail = next_text(&job->arena, &at, &left);
        added->file = next_text(&job->arena, &at, &left);
        added->line = (uint32_t)strlen(added->file);
        added->error_type = added->result == CASE_ERROR ? "crash" : NULL;
        added->duration_us = (int64_t)left - 10;
        added->end_us = (int64_t)left;
        added->log_begin = left;
        added->log_end = left + strlen(added->name);
    }
}

static inline struct run_result run_from_bytes(const uint8_t *bytes, size_t size)
{
    struct run_result run = {.lab = "bench", .version = "0"};
    struct job_result *job = job_result_new();

    if (size) {
        run.verdict = (enum verdict)(bytes[0] % 3);
        job->verdict = (enum verdict)(bytes[0] / 3 % 3);
        fill_job(job, bytes + 1, size - 1);
    }
    run.jobs = xcalloc(1, sizeof *run.jobs);
    run.jobs[run.count++] = job;
    job->name = "n";
    job->board = job->suite_count ? job->suites[0].name : "b";
    job->reason = job->suite_count ? job->suites[0].cases[0].name : "";
    return run;
}

static inline void check_utf8(const struct buf *text)
{
    for (size_t at = 0; at < text->size;) {
        size_t length = text_utf8_length(text->data + at, text->size - at);
        check(length);
        at += length;
    }
}

/* What the report says about it. */
static inline void report_of(const struct report_format *format, const struct run_result *run,
                             struct buf *ret)
{
    cleanup_close int fd = memfd_create("report", MFD_CLOEXEC);
    char *space;
    off_t end;

    check(format->write(run, fd, NULL) == 0);
    end = lseek(fd, 0, SEEK_END);
    space = buf_space(ret, (size_t)end);
    check(space && pread(fd, space, (size_t)end, 0) == end);
    buf_grew(ret, (size_t)end);
}

/* The fuzzer's bytes as a job's log. The caller closes the descriptor. */
static inline int log_from_bytes(struct job_result *job, const uint8_t *bytes, size_t size)
{
    int fd = memfd_create("log", MFD_CLOEXEC);

    check(write(fd, bytes, size) == (ssize_t)size);
    job->log = arena_printf(&job->arena, "/proc/self/fd/%d", fd);
    job->capture.before_reset = size / 8;
    return fd;
}

#endif
