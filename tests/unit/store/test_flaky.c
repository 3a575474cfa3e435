/* SPDX-License-Identifier: MIT */
#include "store/flaky.h"

#include "base/str.h"
#include "made.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct made_store made;
static int64_t clock_us;

static void enter(void)
{
    made_enter(&made);
    clock_us = MADE_BEGAN;
}

static void leave(void)
{
    made_leave(&made);
}

TestSuite(flaky, .init = enter, .fini = leave);

/* A run for each letter of `results`: p(ass), f(ail), e(rror), s(kip). */
static void runs(const char *board, const char *image, const char *test, const char *results)
{
    for (const char *at = results; *at; at++) {
        const char *word = *at == 'p'   ? "pass"
                           : *at == 'f' ? "fail"
                           : *at == 'e' ? "error"
                                        : "skip";
        cleanup_free char *cases = xasprintf("%s:%s steady:pass", test, word);
        made_simple(made.store, clock_us += MADE_HOUR, board, image, cases);
    }
}

static struct flaky find(struct history_filter filter)
{
    struct flaky found;
    struct err err = {0};

    cr_assert_eq(flaky_find(made.store, &filter, &found, &err), 0, "%s", err.message);
    return found;
}

static void expect_count(const struct flaky_count *count, uint64_t runs_, uint64_t failed,
                         uint64_t flips, uint64_t pairs)
{
    cr_expect(count->runs == runs_ && count->failed == failed && count->flips == flips &&
                  count->pairs == pairs,
              "%d runs, %d failed, %d/%d", (int)count->runs, (int)count->failed, (int)count->flips,
              (int)count->pairs);
}

/* The first four are the examples of R. G. Newcombe, "Two-sided confidence intervals for the single
 * proportion", Statist. Med. 17, 1998, table I, method 3. */
Test(flaky, interval)
{
    static const struct {
        uint64_t hits, trials;
        double low, high;
    } rows[] = {{81, 263, 0.2553, 0.3662},
                {15, 148, 0.0624, 0.1605},
                {0, 20, 0, 0.1611},
                {1, 29, 0.0061, 0.1718},
                {0, 0, 0, 1},
                {20, 20, 0.8389, 1}};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        double low, high;
        flaky_interval(rows[i].hits, rows[i].trials, &low, &high);
        cr_expect_float_eq(low, rows[i].low, 0.00005, "%zu: %f", i, low);
        cr_expect_float_eq(high, rows[i].high, 0.00005, "%zu: %f", i, high);
    }
}

Test(flaky, what_always_fails_or_changes_with_the_image_is_not_flaky)
{
    runs("a", "1", "broken", "ffff");
    runs("a", "1", "mended", "ff");
    runs("a", "2", "mended", "ppp");
    struct flaky found = find((struct history_filter){0});
    cr_expect_eq(found.test_count, 0);
    cr_expect_eq(found.board_count, 0);
    flaky_done(&found);
}

Test(flaky, flips_are_counted_within_an_image_and_a_board)
{
    runs("a", "1", "uart.echo", "pfpp"); /* two flips in three pairs */
    runs("b", "1", "uart.echo", "pp");
    runs("a", "2", "uart.echo", "pspe"); /* skipped: as if it were not there */
    struct flaky found = find((struct history_filter){0});
    cr_assert_eq(found.test_count, 1);
    cr_expect_str_eq(found.tests[0].suite, "uart");
    cr_expect_str_eq(found.tests[0].name, "echo");
    expect_count(&found.tests[0].count, 9, 2, 3, 6);
    cr_assert_eq(found.tests[0].board_count, 2);
    cr_expect_str_eq(found.tests[0].boards[0].board, "a");
    expect_count(&found.tests[0].boards[0].count, 7, 2, 3, 5);
    expect_count(&found.tests[0].boards[1].count, 2, 0, 0, 1);
    cr_expect_eq(found.tests[0].last_us, clock_us);
    cr_expect_eq(found.tests[0].blame, FLAKY_UNKNOWN, "b ran too seldom");
    cr_expect_eq(found.board_count, 2);
    flaky_done(&found);
    found = find((struct history_filter){.job = "selftest"});
    cr_expect_eq(found.test_count, 1, "of that job's cases");
    flaky_done(&found);
    found = find((struct history_filter){.job = "selftes"});
    cr_expect_eq(found.test_count, 0);
    flaky_done(&found);
}

Test(flaky, the_newest_results_begin_somewhere)
{
    struct history_filter filter = {.since_us = MADE_BEGAN};
    int64_t since = 0;

    runs("a", "1", "uart.echo", "pfpp"); /* two cases each, and the job itself */
    cr_assert_eq(flaky_since(made.store, &filter, 12, &since, NULL), 0);
    cr_expect_eq(since, MADE_BEGAN, "all of them");
    cr_assert_eq(flaky_since(made.store, &filter, 11, &since, NULL), 0);
    cr_expect_eq(since, MADE_BEGAN + MADE_HOUR + 1, "all but the first");
    cr_assert_eq(flaky_since(made.store, &filter, 2, &since, NULL), 0);
    cr_expect_eq(since, clock_us + 1, "none");
    filter.board = "b"; /* others are read, too, to tell it from them */
    cr_assert_eq(flaky_since(made.store, &filter, 2, &since, NULL), 0);
    cr_expect_eq(since, clock_us + 1);
    filter.job = "another";
    cr_assert_eq(flaky_since(made.store, &filter, 2, &since, NULL), 0);
    cr_expect_eq(since, MADE_BEGAN);
}

Test(flaky, a_board_that_stands_out_is_to_blame)
{
    runs("a", "1", "echo", "pppppppppppppppppppp");
    runs("b", "1", "echo", "pfppfpfppfpppfpfpfpp");
    runs("c", "1", "echo", "pppppppppppppppppppp");
    struct flaky found = find((struct history_filter){0});
    cr_assert_eq(found.test_count, 1);
    cr_expect_eq(found.tests[0].blame, FLAKY_BOARD);
    cr_expect_str_eq(found.tests[0].boards[0].board, "b");
    cr_expect(found.tests[0].boards[0].stands_out);
    cr_expect_not(found.tests[0].boards[1].stands_out);
    cr_assert_eq(found.board_count, 3);
    cr_expect(found.boards[0].stands_out);
    cr_expect_eq(found.boards[0].tests, 1);
    cr_expect_eq(found.boards[1].tests, 0);
    flaky_done(&found);
}

Test(flaky, a_test_that_flips_everywhere_is_to_blame)
{
    runs("a", "1", "echo", "pfppfpfppfpppfpfpfpp");
    runs("b", "1", "echo", "ppfppfpfppfpfpppfpfp");
    struct flaky found = find((struct history_filter){0});
    cr_assert_eq(found.test_count, 1);
    cr_expect_eq(found.tests[0].blame, FLAKY_TEST);
    cr_expect_not(found.tests[0].boards[0].stands_out);
    cr_expect_not(found.boards[0].stands_out);
    flaky_done(&found);
}

Test(flaky, one_board_alone_cannot_be_told_from_the_test)
{
    runs("a", "1", "echo", "pfpfpfpf");
    struct flaky found = find((struct history_filter){0});
    cr_assert_eq(found.test_count, 1);
    cr_expect_eq(found.tests[0].blame, FLAKY_UNKNOWN);
    flaky_done(&found);
}

Test(flaky, retries_count_and_the_labs_failures_do_not)
{
    const struct made_job retried[] = {{"a", NULL, "1", "echo:fail", VERDICT_FAIL, NULL, false},
                                       {"a", NULL, "1", "echo:pass", VERDICT_PASS, NULL, true}};
    const struct made_job spoiled[] = {
        {"b", NULL, "1", "echo:pass", VERDICT_PASS, NULL, false},
        {"b", NULL, "1", "echo:error", VERDICT_INFRA, "console gone", false}};

    made_run(made.store, clock_us, retried, 2);
    made_run(made.store, clock_us, spoiled, 2);
    struct flaky found = find((struct history_filter){0});
    cr_assert_eq(found.test_count, 1);
    expect_count(&found.tests[0].count, 3, 1, 1, 1);
    flaky_done(&found);
}

Test(flaky, cases_of_one_name_in_one_try_are_one_result)
{
    made_simple(made.store, clock_us, "a", "1", "param:pass param:fail param:pass");
    made_simple(made.store, clock_us + 1, "a", "1", "param:pass param:fail param:pass");
    struct flaky found = find((struct history_filter){0});
    cr_expect_eq(found.test_count, 0);
    flaky_done(&found);
}

Test(flaky, a_try_that_failed_with_no_test_to_blame_counts_as_its_job)
{
    const struct made_job jobs[] = {{"a", "soak", "1", "x:pass", VERDICT_PASS, NULL, false},
                                    {"a", "soak", "1", NULL, VERDICT_FAIL, "no output", false},
                                    {"a", "soak", "1", "x:fail", VERDICT_FAIL, "x failed", false},
                                    {"a", "soak", "1", "x:pass", VERDICT_PASS, NULL, false}};

    for (size_t i = 0; i < ARRAY_SIZE(jobs); i++)
        made_run(made.store, clock_us += MADE_HOUR, &jobs[i], 1);
    struct flaky found = find((struct history_filter){.test = "soak"});
    cr_assert_eq(found.test_count, 1);
    cr_expect(found.tests[0].is_job);
    cr_expect_str_eq(found.tests[0].name, "soak");
    expect_count(&found.tests[0].count, 3, 1, 2, 2); /* the one with a failed test is the test's */
    flaky_done(&found);
    found = find((struct history_filter){.test = "x"});
    cr_assert_eq(found.test_count, 1);
    expect_count(&found.tests[0].count, 3, 1, 2, 2);
    flaky_done(&found);
}

Test(flaky, filters)
{
    runs("a", "1", "echo", "pfpf");
    runs("b", "1", "other", "pfpf");
    int64_t later = clock_us + 1;
    runs("b", "1", "echo", "pp");
    struct flaky found = find((struct history_filter){.board = "b"});
    cr_assert_eq(found.test_count, 1);
    cr_expect_str_eq(found.tests[0].name, "other");
    flaky_done(&found);
    found = find((struct history_filter){.board = "a"});
    cr_assert_eq(found.test_count, 1);
    cr_expect_eq(found.tests[0].board_count, 2, "what b made of it tells the board from the test");
    flaky_done(&found);
    found = find((struct history_filter){.since_us = later});
    cr_expect_eq(found.test_count, 0);
    flaky_done(&found);
    found = find((struct history_filter){.lab = "another"});
    cr_expect_eq(found.test_count, 0);
    flaky_done(&found);
    found = find((struct history_filter){0});
    cr_expect_eq(found.test_count, 2);
    flaky_limit(&found, 1);
    cr_expect_eq(found.test_count, 1);
    flaky_done(&found);
}
