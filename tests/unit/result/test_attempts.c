/* SPDX-License-Identifier: MIT */
#include "base/str.h"
#include "result/attempts.h"

#include <criterion/criterion.h>
#include <string.h>

static struct job_result *job(enum verdict verdict)
{
    struct job_result *made = job_result_new();

    made->verdict = verdict;
    made->board = "uno";
    return made;
}

static void add(struct job_result *to, const char *suite, const char *name, enum case_result result)
{
    struct test_case *added = suite_add(job_suite(to, suite, strlen(suite)));

    added->name = name;
    added->result = result;
}

static void put_before(struct job_result *last, struct job_result *earlier)
{
    last->earlier = xrealloc(last->earlier, last->earlier_count + 1, sizeof(struct job_result *));
    last->earlier[last->earlier_count++] = earlier;
}

static const struct test_case *at(const struct job_result *of, size_t suite, size_t number)
{
    return &of->suites[suite].cases[number];
}

Test(attempts, each_case_knows_how_it_failed_before)
{
    struct job_result *first = job(VERDICT_FAIL), *second = job(VERDICT_FAIL),
                      *last = job(VERDICT_PASS);

    add(first, "a", "x", CASE_FAIL);
    add(first, "", "a.x", CASE_FAIL); /* poses as the one before */
    add(first, "a", "gone", CASE_FAIL);
    add(second, "a", "x", CASE_ERROR);
    add(second, "a", "y", CASE_PASS);
    add(last, "a", "x", CASE_PASS);
    add(last, "a", "y", CASE_PASS);
    add(last, "b", "x", CASE_PASS);
    put_before(last, first);
    put_before(last, second);
    attempts_settle(last);
    attempts_settle(last); /* once more changes nothing */
    const struct earlier *earlier = at(last, 0, 0)->earlier;
    cr_assert(earlier && earlier->next && !earlier->next->next);
    cr_expect_eq(earlier->attempt, 1);
    cr_expect_eq(earlier->failed, at(first, 0, 0));
    cr_expect_eq(earlier->next->attempt, 2);
    cr_expect_eq(earlier->next->failed, at(second, 0, 0));
    cr_expect_null(at(last, 0, 1)->earlier);
    cr_expect_null(at(last, 1, 0)->earlier);
    cr_expect_eq(job_counts(last).flaky, 1);
    cr_expect(job_flaky(last) && !job_flaky_whole(last), "it is its case that is");
    job_result_free(last);
}

Test(attempts, what_makes_a_job_flaky)
{
    static const struct {
        enum verdict earlier, last;
        bool flaky;
    } cases[] = {{VERDICT_FAIL, VERDICT_PASS, true},
                 {VERDICT_INFRA, VERDICT_PASS, false},
                 {VERDICT_FAIL, VERDICT_FAIL, false},
                 {VERDICT_FAIL, VERDICT_INFRA, false}};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct job_result *last = job(cases[i].last);
        struct run_result run = {.jobs = &last, .count = 1};
        put_before(last, job(cases[i].earlier));
        attempts_settle(last);
        cr_expect_eq(job_flaky(last), cases[i].flaky, "%zu", i);
        cr_expect_eq(job_flaky_whole(last), cases[i].flaky, "%zu", i);
        cr_expect_eq(run_counts(&run).flaky, cases[i].flaky, "%zu", i);
        job_result_free(last);
    }
}
