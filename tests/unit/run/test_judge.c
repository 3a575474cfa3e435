/* SPDX-License-Identifier: MIT */
#include "base/str.h"
#include "run/judge.h"

#include <criterion/criterion.h>
#include <string.h>

#define cleanup_job __attribute__((cleanup(free_job)))

static const struct timeouts timeouts = {600000, 120000, 10000, 30000, 600000};

static void free_job(struct job_result **job)
{
    job_result_free(*job);
}

/* A letter a case: p f e s; they are called p0, f1 and so on, in the suite "s". */
static struct job_result *result_of(enum capture_end end, bool complete, const char *cases)
{
    struct job_result *job = job_result_new();
    static const char letters[] = "pfes"; /* as enum case_result counts */

    job->end = end;
    job->complete = complete;
    for (size_t i = 0; cases[i]; i++) {
        struct test_case *test_case = suite_add(job_suite(job, "s", 1));
        test_case->result = (enum case_result)(strchr(letters, cases[i]) - letters);
        test_case->name = arena_printf(&job->arena, "%c%zu", cases[i], i);
        test_case->error_type = cases[i] == 'e' ? "crash" : NULL;
    }
    return job;
}

static void judge_by(struct job_result *job, const char *trouble, uint64_t tests,
                     const char *require)
{
    struct expect expect = {.tests = tests};

    if (require)
        strv_add(&expect.require, require);
    judge(job, trouble, &expect, &timeouts);
    strv_done(&expect.require);
}

/* ---- nothing passes by silence ----------------------------------------------------------- */

static const char *const case_lists[] = {"", "p", "pp", "s", "pf", "pe", "fp", "e", "ppppffffeeee"};
static const char *const troubles[] = {NULL, "1 of 3 tests are missing"};
static const struct {
    uint64_t tests;
    const char *require;
} expectations[] = {{0, NULL}, {2, NULL}, {0, "p0"}, {0, "s.p?"}, {0, "q"}, {13, "p0"}};

static enum verdict oracle(enum capture_end end, bool complete, const char *cases,
                           const char *trouble, uint64_t tests, const char *require)
{
    if (end == END_NONE || end == END_GONE || end == END_CANCELLED || end == END_OTHER)
        return VERDICT_INFRA;
    bool required = !require || (cases[0] == 'p' && require[0] != 'q');
    bool good = (end == END_DONE || end == END_EOF) && complete && cases[0] && !trouble &&
                !strpbrk(cases, "fe") && strlen(cases) >= tests && required;
    return good ? VERDICT_PASS : VERDICT_FAIL;
}

static void check_all_of(enum capture_end end, bool complete, const char *cases,
                         const char *trouble)
{
    for (size_t x = 0; x < ARRAY_SIZE(expectations); x++) {
        cleanup_job struct job_result *job = result_of(end, complete, cases);
        uint64_t tests = expectations[x].tests;
        const char *require = expectations[x].require;
        enum verdict wanted = oracle(end, complete, cases, trouble, tests, require);
        judge_by(job, trouble, tests, require);
        cr_expect_eq(job->verdict, wanted, "%s complete %d '%s' trouble %d tests %d require %s: %s",
                     capture_end_name(end), complete, cases, trouble != NULL, (int)tests, require,
                     verdict_name(job->verdict));
        cr_expect_eq(job->reason[0] == '\0', job->verdict == VERDICT_PASS, "'%s'", job->reason);
    }
}

Test(judge, every_end_and_every_expectation)
{
    for (int end = END_NONE; end <= END_EOF; end++)
        for (int complete = 0; complete <= 1; complete++)
            for (size_t c = 0; c < ARRAY_SIZE(case_lists); c++)
                for (size_t t = 0; t < ARRAY_SIZE(troubles); t++)
                    check_all_of((enum capture_end)end, complete, case_lists[c], troubles[t]);
}

Test(judge, a_reason_that_is_too_long_is_no_pass)
{
    cleanup_free char *flood = xcalloc(100001, 1);

    memset(flood, 'x', 100000);
    for (int which = 0; which < 3; which++) {
        cleanup_job struct job_result *job =
            result_of(which == 2 ? END_CRASH : END_DONE, true, "p");
        if (which == 2)
            job->end_detail = flood;
        judge_by(job, which == 0 ? flood : NULL, 0, which == 1 ? flood : NULL);
        cr_expect_eq(job->verdict, VERDICT_FAIL, "%d", which);
        cr_expect(strstr(job->reason, "xxx"));
        cr_expect_lt(strlen(job->reason), 10000);
    }
}

Test(judge, another_image_is_the_lab_s_fault_whatever_passed)
{
    cleanup_job struct job_result *job = result_of(END_EOF, true, "p");

    job->identity =
        (struct identity){.build_id = PROOF_OTHER, .expected = "aabbccdd", .printed = "00112233"};
    judge_by(job, NULL, 0, NULL);
    cr_expect_eq(job->verdict, VERDICT_INFRA);
    cr_expect(strstr(job->reason, "the board runs build-id 00112233, the image is aabbccdd"), "%s",
              job->reason);
}

/* ---- words ------------------------------------------------------------------------------- */

Test(judge, reasons_come_in_order)
{
    static const struct {
        enum capture_end end;
        bool complete;
        const char *cases, *trouble;
        uint64_t tests;
        const char *require, *reason;
    } rows[] = {
        {END_DONE, true, "pp", NULL, 0, NULL, ""},
        {END_EOF, true, "ps", NULL, 2, "p*", ""},
        {END_DONE, true, "", NULL, 0, NULL, "no tests were found"},
        {END_DONE, false, "p", NULL, 0, NULL, "the end of the run was not seen"},
        {END_BOOT, false, "", "no tests were found", 0, NULL,
         "no output within 10.0 s of the reset (boot deadline)"},
        {END_IDLE, false, "p", "the end marker of the run was not seen after p0", 0, NULL,
         "no output for 30.0 s (idle deadline); the end marker of the run was not seen after p0"},
        {END_TOTAL, true, "p", NULL, 0, NULL, "still not done after 10 min 0 s (total deadline)"},
        {END_REBOOTS, false, "p", NULL, 0, NULL, "the firmware starts over and over"},
        {END_CRASH, true, "p", NULL, 0, NULL, "the firmware crashed"},
        {END_DONE, true, "pf", NULL, 0, NULL, "1 of 2 tests failed: f1"},
        {END_DONE, true, "pe", NULL, 0, NULL, "1 of 2 tests failed: e1 (crash)"},
        {END_DONE, true, "fffffff", NULL, 0, NULL,
         "7 of 7 tests failed: f0, f1, f2, f3, f4 and 2 more"},
        {END_DONE, true, "p", NULL, 3, NULL, "3 tests were expected, 1 were seen"},
        {END_DONE, true, "sf", NULL, 0, "s0",
         "1 of 2 tests failed: f1; no test that matches 's0' passed"},
        /* What failed first, then why it ended, what is wrong beside it, what was expected. */
        {END_TOTAL, false, "f", "2 of 3 tests are missing", 3, "q",
         "1 of 1 tests failed: f0; still not done after 10 min 0 s (total deadline); "
         "2 of 3 tests are missing; 3 tests were expected, 1 were seen; "
         "no test that matches 'q' passed"},
        {END_GONE, true, "pf", "x", 9, "q", "the console vanished during the test"},
        {END_CANCELLED, true, "p", NULL, 0, NULL, "cancelled"},
        {END_NONE, true, "p", NULL, 0, NULL, "the test never began"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_job struct job_result *job =
            result_of(rows[i].end, rows[i].complete, rows[i].cases);
        judge_by(job, rows[i].trouble, rows[i].tests, rows[i].require);
        cr_expect_str_eq(job->reason, rows[i].reason, "row %zu", i);
    }
}

Test(judge, trouble_is_what_is_wrong_beside_the_cases)
{
    cleanup_job struct job_result *failed = result_of(END_DONE, true, "pf");
    cleanup_job struct job_result *missing = result_of(END_DONE, true, "pf");

    judge_by(failed, NULL, 0, NULL);
    cr_expect_null(failed->trouble);
    judge_by(missing, "1 of 3 tests are missing", 0, NULL);
    cr_expect_str_eq(missing->trouble, "1 of 3 tests are missing");
}

Test(judge, the_end_s_detail_is_the_lab_s_word_on_a_crash)
{
    cleanup_job struct job_result *job = result_of(END_CRASH, false, "p");

    job->end_detail = "the core locked up";
    judge_by(job, NULL, 0, NULL);
    cr_expect_str_eq(job->reason, "the core locked up");
}

Test(judge, a_required_test_is_matched_with_and_without_its_suite)
{
    static const struct {
        const char *require;
        bool met;
    } rows[] = {{"p0", true},  {"s.p0", true},  {"*", true},  {"p?", true}, {"s.*", true},
                {"P0", false}, {"t.p0", false}, {"p", false}, {"", false},  {"f1", false}};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_job struct job_result *job = result_of(END_DONE, true, "pfs");
        judge_by(job, NULL, 0, rows[i].require);
        cr_expect_eq(strstr(job->reason, "no test that matches") == NULL, rows[i].met, "'%s': %s",
                     rows[i].require, job->reason);
    }
}

/* ---- a run ------------------------------------------------------------------------------- */

Test(judge, a_run_is_the_worst_of_its_jobs)
{
    static const struct {
        enum verdict jobs[3];
        size_t count;
        enum verdict run;
    } rows[] = {
        {{VERDICT_PASS}, 0, VERDICT_INFRA},
        {{VERDICT_PASS}, 1, VERDICT_PASS},
        {{VERDICT_PASS, VERDICT_FAIL, VERDICT_PASS}, 3, VERDICT_FAIL},
        {{VERDICT_PASS, VERDICT_INFRA}, 2, VERDICT_INFRA},
        {{VERDICT_INFRA, VERDICT_PASS, VERDICT_FAIL}, 3, VERDICT_FAIL},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct run_result run = {.count = rows[i].count};
        run.jobs = xcalloc(3, sizeof *run.jobs);
        for (size_t j = 0; j < rows[i].count; j++) {
            run.jobs[j] = job_result_new();
            run.jobs[j]->verdict = rows[i].jobs[j];
        }
        judge_run(&run);
        cr_expect_eq(run.verdict, rows[i].run, "row %zu: %s", i, verdict_name(run.verdict));
        run_result_done(&run);
    }
}
