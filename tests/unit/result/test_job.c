/* SPDX-License-Identifier: MIT */
#include "result/job.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

Test(job, a_new_job_is_not_green)
{
    struct job_result *job = job_result_new();

    cr_expect_eq(job->verdict, VERDICT_INFRA);
    cr_expect_str_eq(job->name, "");
    cr_expect_str_eq(job->board, "");
    cr_expect_str_eq(job->reason, "");
    cr_expect_eq(job_counts(job).total, 0);
    job_result_free(job);
    job_result_free(NULL);
}

Test(job, a_suite_is_made_once)
{
    struct job_result *job = job_result_new();

    cr_expect_str_eq(job_suite(job, "math", 4)->name, "math");
    cr_expect_str_eq(job_suite(job, "mathematics", 4)->name, "math");
    cr_expect_str_eq(job_suite(job, "math\0s", 6)->name, "math", "a name ends at its NUL");
    cr_expect_str_eq(job_suite(job, NULL, 0)->name, "");
    cr_expect_str_eq(job_suite(job, "mat", 3)->name, "mat");
    cr_expect_eq(job->suite_count, 3);
    cr_expect_eq(job_suite(job, "math", 4), &job->suites[0]);
    job_result_free(job);
}

Test(job, suites_by_the_hundred_thousand_are_found)
{
    struct job_result *job = job_result_new();
    char name[32];

    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < 100000; i++) {
            snprintf(name, sizeof name, "suite-%zu", i);
            suite_add(job_suite(job, name, strlen(name)));
        }
    }
    cr_assert_eq(job->suite_count, 100000);
    for (size_t i = 0; i < job->suite_count; i++) {
        char expected[32];
        snprintf(expected, sizeof expected, "suite-%zu", i);
        cr_assert_str_eq(job->suites[i].name, expected, "in the order they came");
        cr_assert_eq(job->suites[i].count, 2);
    }
    job_result_free(job);
}

Test(job, a_new_case_knows_no_times)
{
    struct job_result *job = job_result_new();
    struct test_suite *suite = job_suite(job, "", 0);

    for (size_t i = 0; i < 1000; i++) {
        struct test_case *test_case = suite_add(suite);
        cr_assert_eq(test_case->start_us, -1);
        cr_assert_eq(test_case->end_us, -1);
        cr_assert_eq(test_case->duration_us, -1);
        cr_assert_null(test_case->message);
        cr_assert_str_eq(test_case->name, "");
        test_case->line = (uint32_t)i;
    }
    for (size_t i = 0; i < 1000; i++)
        cr_assert_eq(suite->cases[i].line, i);
    job_result_free(job);
}
