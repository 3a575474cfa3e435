/* SPDX-License-Identifier: MIT */
#include "result/result.h"

#include "base/str.h"

#include <criterion/criterion.h>
#include <string.h>

Test(result, counts_add_up)
{
    static const enum case_result results[] = {CASE_PASS, CASE_PASS,  CASE_FAIL, CASE_SKIP,
                                               CASE_PASS, CASE_ERROR, CASE_SKIP};
    struct run_result run = {.jobs = xcalloc(2, sizeof *run.jobs), .count = 2};
    struct test_counts counts;

    for (size_t i = 0; i < run.count; i++) {
        run.jobs[i] = job_result_new();
        for (size_t k = 0; k < ARRAY_SIZE(results); k++) {
            const char *name = k % 2 ? "odd" : "even";
            suite_add(job_suite(run.jobs[i], name, strlen(name)))->result = results[k];
        }
    }
    counts = suite_counts(&run.jobs[0]->suites[0]);
    cr_expect_eq(counts.total, 4);
    cr_expect_eq(counts.pass, 2);
    counts = job_counts(run.jobs[1]);
    cr_expect_eq(counts.total, 7);
    counts = run_counts(&run);
    cr_expect_eq(counts.total, 14);
    cr_expect_eq(counts.pass, 6);
    cr_expect_eq(counts.fail, 2);
    cr_expect_eq(counts.error, 2);
    cr_expect_eq(counts.skip, 4);
    run_result_done(&run);
    cr_expect_eq(run.count, 0);
}
