/* SPDX-License-Identifier: MIT */
#include "result/result.h"

#include "base/str.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

Test(result, fail_wins_over_infra_over_pass)
{
    static const enum verdict worse[3][3] = {
        [VERDICT_PASS] = {VERDICT_PASS, VERDICT_FAIL, VERDICT_INFRA},
        [VERDICT_FAIL] = {VERDICT_FAIL, VERDICT_FAIL, VERDICT_FAIL},
        [VERDICT_INFRA] = {VERDICT_INFRA, VERDICT_FAIL, VERDICT_INFRA},
    };

    for (int a = VERDICT_PASS; a <= VERDICT_INFRA; a++)
        for (int b = VERDICT_PASS; b <= VERDICT_INFRA; b++)
            cr_expect_eq(verdict_worse((enum verdict)a, (enum verdict)b), worse[a][b], "%d %d", a,
                         b);
}

Test(result, verdicts_have_names_and_exit_codes)
{
    cr_expect_str_eq(verdict_name(VERDICT_PASS), "pass");
    cr_expect_str_eq(verdict_name(VERDICT_FAIL), "fail");
    cr_expect_str_eq(verdict_name(VERDICT_INFRA), "infra");
    cr_expect_eq(verdict_exit_code(VERDICT_PASS), 0);
    cr_expect_eq(verdict_exit_code(VERDICT_FAIL), 1);
    cr_expect_eq(verdict_exit_code(VERDICT_INFRA), 3);
    /* what no code of ours makes is still not green */
    cr_expect_eq(verdict_exit_code((enum verdict)77), 3);
}

Test(result, names_of_a_captures_end_read_back)
{
    enum capture_end end;

    for (int i = END_NONE; i <= END_EOF; i++) {
        end = (enum capture_end)(i + 1);
        cr_expect(capture_end_parse(capture_end_name((enum capture_end)i), &end));
        cr_expect_eq((int)end, i);
    }
    cr_expect_not(capture_end_parse("Done", &end));
    cr_expect_not(capture_end_parse("", &end));
}

Test(result, a_new_job_is_not_green)
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

Test(result, a_suite_is_made_once)
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

Test(result, suites_by_the_hundred_thousand_are_found)
{
    struct job_result *job = job_result_new();
    char name[32];

    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < 100000; i++) {
            snprintf(name, sizeof name, "suite-%zu", i);
            suite_add(job, job_suite(job, name, strlen(name)));
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

Test(result, a_new_case_knows_no_times)
{
    struct job_result *job = job_result_new();
    struct test_suite *suite = job_suite(job, "", 0);

    for (size_t i = 0; i < 1000; i++) {
        struct test_case *test_case = suite_add(job, suite);
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
            suite_add(run.jobs[i], job_suite(run.jobs[i], name, strlen(name)))->result = results[k];
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

Test(result, a_name_map_keeps_numbers_under_any_bytes)
{
    struct name_map map = {0};
    struct name_slot *slot = name_map_at(&map, "a\0b", 3);

    cr_expect_eq(slot->value, 0);
    slot->value = 1;
    name_map_at(&map, "a\0c", 3)->value = 2;
    name_map_at(&map, "a", 1)->value = 3;
    name_map_at(&map, "", 0)->value = 4;
    cr_expect_eq(name_map_at(&map, "a\0b", 3)->value, 1);
    cr_expect_eq(name_map_at(&map, "a\0c", 3)->value, 2);
    cr_expect_eq(name_map_at(&map, "a", 1)->value, 3);
    cr_expect_eq(name_map_at(&map, "", 0)->value, 4);
    cr_expect_eq(map.count, 4);
    name_map_done(&map);
    cr_expect_eq(map.count, 0);
}
