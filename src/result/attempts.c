/* SPDX-License-Identifier: MIT */
#include "result/attempts.h"

#include "base/str.h"

#include <string.h>

static bool has_failed(const struct test_case *test_case)
{
    return test_case->result == CASE_FAIL || test_case->result == CASE_ERROR;
}

/* The length before the names: no two can pose as one another. */
static const char *key_of(struct arena *arena, const struct test_suite *suite,
                          const struct test_case *test_case)
{
    return arena_printf(arena, "%zu:%s%s", strlen(suite->name), suite->name, test_case->name);
}

/* Where the last attempt has a case of this name: its number from 1, counted over all suites.
 * Called for those that ran before those that were `skipped`, it prefers one that ran. */
static void index_cases(const struct job_result *job, bool skipped, struct arena *arena,
                        struct name_map *ret)
{
    size_t number = 0;

    for (size_t s = 0; s < job->suite_count; s++)
        for (size_t c = 0; c < job->suites[s].count; c++) {
            const struct test_suite *suite = &job->suites[s];
            number++;
            if ((suite->cases[c].result == CASE_SKIP) != skipped)
                continue;
            const char *key = key_of(arena, suite, &suite->cases[c]);
            struct name_slot *slot = name_map_at(ret, key, strlen(key));
            if (!slot->value)
                slot->value = number;
        }
}

static struct test_case *case_number(const struct job_result *job, size_t number)
{
    for (size_t s = 0; s < job->suite_count; s++) {
        if (number <= job->suites[s].count)
            return &job->suites[s].cases[number - 1];
        number -= job->suites[s].count;
    }
    return NULL;
}

static void append(struct job_result *job, struct test_case *test_case, struct earlier one)
{
    struct earlier *new = arena_alloc(&job->arena, sizeof *new), *last;

    *new = one;
    if (!test_case->earlier) {
        test_case->earlier = new;
        return;
    }
    last = (struct earlier *)(uintptr_t)test_case->earlier; /* ours, as all of the list */
    while (last->next)
        last = (struct earlier *)(uintptr_t)last->next;
    last->next = new;
}

/* Returns the first of them that did not pass in the last attempt; NULL: there is none. */
static const char *note_failures(struct job_result *job, unsigned attempt, struct arena *keys,
                                 struct name_map *cases)
{
    const char *never = NULL;
    const struct job_result *was = job->earlier[attempt - 1];

    for (size_t s = 0; s < was->suite_count; s++)
        for (size_t c = 0; c < was->suites[s].count; c++) {
            const struct test_suite *suite = &was->suites[s];
            const struct test_case *failed = &suite->cases[c];
            if (!has_failed(failed))
                continue;
            const char *key = key_of(keys, suite, failed);
            size_t number = name_map_at(cases, key, strlen(key))->value;
            struct test_case *last = number ? case_number(job, number) : NULL;
            if (last)
                append(job, last,
                       (struct earlier){.attempt = attempt, .board = was->board, .failed = failed});
            if (!never && (!last || last->result != CASE_PASS))
                never = arena_printf(&job->arena, "%s%s%s", suite->name, *suite->name ? "." : "",
                                     failed->name);
        }
    return never;
}

const char *attempts_settle(struct job_result *job)
{
    struct name_map cases = {0};
    struct arena keys = {0};
    const char *never = NULL;

    if (!job->earlier_count)
        return NULL;
    for (size_t s = 0; s < job->suite_count; s++)
        for (size_t c = 0; c < job->suites[s].count; c++)
            job->suites[s].cases[c].earlier = NULL;
    index_cases(job, false, &keys, &cases);
    index_cases(job, true, &keys, &cases);
    for (size_t i = 0; i < job->earlier_count; i++) {
        const char *test = note_failures(job, (unsigned)i + 1, &keys, &cases);
        never = never ? never : test;
    }
    name_map_done(&cases);
    arena_done(&keys);
    return never;
}

bool case_flaky(const struct test_case *test_case)
{
    return test_case->earlier && test_case->result == CASE_PASS;
}

bool job_flaky(const struct job_result *job)
{
    for (size_t i = 0; i < job->earlier_count; i++)
        if (job->earlier[i]->verdict == VERDICT_FAIL)
            return job->verdict == VERDICT_PASS || job->flaky_red;
    return false;
}

bool job_flaky_whole(const struct job_result *job)
{
    for (size_t i = 0; i < job->suite_count; i++)
        if (suite_counts(&job->suites[i]).flaky)
            return false;
    return job_flaky(job);
}
