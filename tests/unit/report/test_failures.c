/* SPDX-License-Identifier: MIT */
#include "report/failures.h"

#include "samples.h"

#include <criterion/criterion.h>

static void fail_on(struct run_result *run, const char *board, const char *name, uint32_t line,
                    const char *message)
{
    struct job_result *job = sample_job(run, board, "blinky", VERDICT_FAIL, "failed");
    struct test_case *added = sample_case(job, "s", name, CASE_FAIL, message);

    added->file = "a.c";
    added->line = line;
}

Test(failures, are_one_where_boards_agree)
{
    struct run_result run = {0};
    struct failures found;

    fail_on(&run, "a", "x", 7, "no");
    fail_on(&run, "b", "y", 7, "no");
    fail_on(&run, "c", "x", 8, "no");
    fail_on(&run, "d", "x", 7, "else");
    fail_on(&run, "e", "x", 7, "no");
    found = failures_of(&run);
    cr_assert_eq(found.count, 4);
    cr_expect_eq(found.items[0].count, 2, "what two boards saw comes first");
    cr_expect_str_eq(found.items[0].seen[0].job->board, "a");
    cr_expect_str_eq(found.items[0].seen[1].job->board, "e");
    cr_expect_eq(found.items[0].seen[1].job_number, 4);
    cr_expect_str_eq(found.items[1].seen->job->board, "b");
    cr_expect_str_eq(found.items[2].seen->job->board, "c");
    cr_expect_str_eq(found.items[3].seen->job->board, "d");
    failures_done(&found);
    run_result_done(&run);
}

Test(failures, rank_crashes_first_and_the_lab_last)
{
    static const char *const kinds[] = {"crash", "crash", "hang", "fail", "fail", "infra"};
    struct run_result run = {0};
    struct job_result *job;
    struct failures found;

    sample_job(&run, "lab", "blinky", VERDICT_INFRA, "no probe");
    fail_on(&run, "a", "x", 7, "no");
    job = sample_job(&run, "few", "blinky", VERDICT_FAIL, "");
    job->trouble = "2 tests are missing";
    job = sample_job(&run, "hang", "blinky", VERDICT_FAIL, "");
    sample_case(job, "s", "p", CASE_PASS, NULL);
    sample_case(job, "s", "h", CASE_ERROR, NULL)->error_type = "hang";
    job = sample_job(&run, "crash", "blinky", VERDICT_FAIL, "");
    sample_case(job, "s", "c", CASE_ERROR, NULL)->error_type = "crash";
    job = sample_job(&run, "between", "blinky", VERDICT_FAIL, "crashed between tests");
    job->complete = false;
    job->end = END_CRASH;
    found = failures_of(&run);
    cr_assert_eq(found.count, sizeof kinds / sizeof *kinds);
    for (size_t i = 0; i < found.count; i++)
        cr_expect_str_eq(found.items[i].kind, kinds[i], "%zu: %s", i, found.items[i].kind);
    cr_expect_eq(found.items[2].seen->case_number, 1);
    failures_done(&found);
    run_result_done(&run);
}

Test(failures, tell_of_a_run_that_is_red_for_no_board)
{
    static const struct row {
        size_t jobs;
        enum verdict verdict;
        const char *message;
    } rows[] = {
        {0, VERDICT_PASS, NULL},
        {1, VERDICT_PASS, NULL},
        {0, VERDICT_INFRA, "nothing was tested"},
        {1, VERDICT_INFRA, "the run failed, though no board did"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct run_result run = {0};
        struct failures found;
        if (rows[i].jobs)
            sample_case(sample_job(&run, "a", "t", VERDICT_PASS, ""), "s", "x", CASE_PASS, NULL);
        run.verdict = rows[i].verdict;
        found = failures_of(&run);
        cr_expect_eq(found.count, rows[i].message != NULL, "%zu", i);
        if (found.count)
            cr_expect_str_eq(found.items[0].seen->message, rows[i].message);
        failures_done(&found);
        run_result_done(&run);
    }
}
