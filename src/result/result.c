/* SPDX-License-Identifier: MIT */
#include "result/result.h"

#include <stdlib.h>

struct test_counts run_counts(const struct run_result *run)
{
    struct test_counts counts = {0};

    for (size_t i = 0; i < run->count; i++)
        counts_add(&counts, job_counts(run->jobs[i]));
    return counts;
}

void run_result_done(struct run_result *run)
{
    for (size_t i = 0; i < run->count; i++)
        job_result_free(run->jobs[i]);
    free(run->jobs);
    arena_done(&run->arena);
    *run = (struct run_result){0};
}
