/* SPDX-License-Identifier: MIT */
#include "result/result.h"

#include "base/str.h"

#include <stdlib.h>
#include <string.h>

static const char *const end_names[] = {
    [END_NONE] = "none",           [END_DONE] = "done",         [END_BOOT] = "boot",
    [END_IDLE] = "idle",           [END_TOTAL] = "total",       [END_REBOOTS] = "reboots",
    [END_CRASH] = "crash",         [END_GONE] = "gone",         [END_EOF] = "eof",
    [END_CANCELLED] = "cancelled", [END_OTHER] = "other-image",
};

const char *verdict_name(enum verdict verdict)
{
    switch (verdict) {
    case VERDICT_PASS:
        return "pass";
    case VERDICT_FAIL:
        return "fail";
    case VERDICT_INFRA:
        break;
    }
    return "infra";
}

int verdict_exit_code(enum verdict verdict)
{
    switch (verdict) {
    case VERDICT_PASS:
        return 0;
    case VERDICT_FAIL:
        return 1;
    case VERDICT_INFRA:
        break;
    }
    return 3;
}

enum verdict verdict_worse(enum verdict a, enum verdict b)
{
    if (a == VERDICT_FAIL || b == VERDICT_FAIL)
        return VERDICT_FAIL;
    return a == VERDICT_PASS ? b : a;
}

const char *case_result_name(enum case_result result)
{
    switch (result) {
    case CASE_PASS:
        return "pass";
    case CASE_FAIL:
        return "fail";
    case CASE_SKIP:
        return "skip";
    case CASE_ERROR:
        break;
    }
    return "error";
}

const char *capture_end_name(enum capture_end end)
{
    return (size_t)end < ARRAY_SIZE(end_names) ? end_names[end] : end_names[END_NONE];
}

bool capture_end_parse(const char *name, enum capture_end *ret)
{
    for (size_t i = 0; i < ARRAY_SIZE(end_names); i++) {
        if (str_eq(name, end_names[i])) {
            *ret = (enum capture_end)i;
            return true;
        }
    }
    return false;
}

static struct test_suite *new_suite(struct job_result *job, const char *name)
{
    if (job->suite_count == job->suite_room) {
        job->suite_room = job->suite_room ? job->suite_room * 2 : 4;
        job->suites = xrealloc(job->suites, job->suite_room, sizeof *job->suites);
    }
    job->suites[job->suite_count] = (struct test_suite){.name = name};
    return &job->suites[job->suite_count++];
}

struct test_suite *job_suite(struct job_result *job, const char *name, size_t length)
{
    struct name_slot *slot;

    length = length ? strnlen(name, length) : 0; /* an empty name may be NULL */
    slot = name_map_at(&job->suite_numbers, length ? name : "", length);
    if (slot->value)
        return &job->suites[slot->value - 1];
    slot->name = arena_strndup(&job->arena, slot->name, length);
    slot->value = job->suite_count + 1;
    return new_suite(job, slot->name);
}

struct test_case *suite_add(struct job_result *job, struct test_suite *suite)
{
    struct test_case *test_case;

    (void)job;
    if (suite->count == suite->room) {
        suite->room = suite->room ? suite->room * 2 : 8;
        suite->cases = xrealloc(suite->cases, suite->room, sizeof *suite->cases);
    }
    test_case = &suite->cases[suite->count++];
    *test_case = (struct test_case){.name = "", .start_us = -1, .end_us = -1, .duration_us = -1};
    return test_case;
}

static void count_suite(struct test_counts *counts, const struct test_suite *suite)
{
    counts->total += suite->count;
    for (size_t i = 0; i < suite->count; i++) {
        switch (suite->cases[i].result) {
        case CASE_PASS:
            counts->pass++;
            counts->flaky += suite->cases[i].earlier != NULL;
            break;
        case CASE_FAIL:
            counts->fail++;
            break;
        case CASE_ERROR:
            counts->error++;
            break;
        case CASE_SKIP:
            counts->skip++;
            break;
        }
    }
}

static void count_job(struct test_counts *counts, const struct job_result *job)
{
    for (size_t i = 0; i < job->suite_count; i++)
        count_suite(counts, &job->suites[i]);
}

struct test_counts suite_counts(const struct test_suite *suite)
{
    struct test_counts counts = {0};

    count_suite(&counts, suite);
    return counts;
}

struct test_counts job_counts(const struct job_result *job)
{
    struct test_counts counts = {0};

    count_job(&counts, job);
    return counts;
}

struct test_counts run_counts(const struct run_result *run)
{
    struct test_counts counts = {0};

    for (size_t i = 0; i < run->count; i++)
        count_job(&counts, run->jobs[i]);
    return counts;
}

bool case_like(const char *suite, const char *name, const char *pattern)
{
    cleanup_free char *full = str_glob(pattern, name) ? NULL : xasprintf("%s.%s", suite, name);

    return !full || str_glob(pattern, full);
}

const char *case_file(const struct test_case *test_case)
{
    return test_case->path ? test_case->path : test_case->file;
}

struct job_result *job_result_new(void)
{
    struct job_result *job = xcalloc(1, sizeof *job);

    job->name = job->board = job->reason = "";
    job->verdict = VERDICT_INFRA;
    return job;
}

void job_drop_suites(struct job_result *job)
{
    for (size_t i = 0; i < job->suite_count; i++)
        free(job->suites[i].cases);
    free(job->suites);
    name_map_done(&job->suite_numbers);
    job->suites = NULL;
    job->suite_count = job->suite_room = 0;
    job->suite_numbers = (struct name_map){0};
}

void job_drop_earlier(struct job_result *job)
{
    for (size_t i = 0; i < job->earlier_count; i++)
        job_result_free(job->earlier[i]);
    free(job->earlier);
    job->earlier = NULL;
    job->earlier_count = 0;
}

void job_result_free(struct job_result *job)
{
    if (!job)
        return;
    job_drop_earlier(job);
    job_drop_suites(job);
    arena_done(&job->arena);
    free(job);
}

void run_result_done(struct run_result *run)
{
    for (size_t i = 0; i < run->count; i++)
        job_result_free(run->jobs[i]);
    free(run->jobs);
    arena_done(&run->arena);
    *run = (struct run_result){0};
}

const char *blame_name(enum blame blame)
{
    static const char *const names[] = {"unknown", "board", "firmware", "flaky"};

    return names[blame];
}

bool line_errors_any(const struct line_errors *errors)
{
    return errors->overrun || errors->buffer || errors->framing || errors->parity;
}
