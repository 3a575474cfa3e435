/* SPDX-License-Identifier: MIT */
#include "result/job.h"

#include "base/str.h"
#include "result/attempts.h"

#include <stdlib.h>
#include <string.h>

struct job_result *job_result_new(void)
{
    struct job_result *job = xcalloc(1, sizeof *job);

    job->name = job->board = job->reason = "";
    job->verdict = VERDICT_INFRA;
    return job;
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

struct test_counts job_counts(const struct job_result *job)
{
    struct test_counts counts = {0};

    for (size_t i = 0; i < job->suite_count; i++)
        counts_add(&counts, suite_counts(&job->suites[i]));
    counts.flaky += job_flaky_whole(job);
    return counts;
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
