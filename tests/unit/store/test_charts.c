/* SPDX-License-Identifier: MIT */
#include "../scratch.h"
#include "store/charts.h"
#include "store/parts.h"

#include <string.h>

#define DAY_US (INT64_C(86400) * 1000000)
#define NOW_US (INT64_C(1800000000) * 1000000)

static struct store *opened(const char *dir)
{
    struct store *store = NULL;
    struct err err = {0};

    cr_assert_eq(store_open(dir, true, &store, &err), 0, "%s", err.message);
    return store;
}

static void job(struct store *store, const char *board, const char *test, const char *image,
                const char *verdict, int64_t days_ago, int64_t took_us)
{
    cr_assert_eq(
        store_run(store,
                  "INSERT INTO jobs (run_id, lab, board, test, image_sha256, verdict, reason,"
                  " started_us, took_us, flash_us, test_us)"
                  " VALUES (1, 'lab', ?, ?, ?, ?, 'why', ?, ?, 0, 0)",
                  NULL, "ssssii", board, test, image, verdict, NOW_US - days_ago * DAY_US, took_us),
        0);
}

static struct store *filled(const char *dir)
{
    struct store *store = opened(dir);

    store_execute(store, "INSERT INTO runs VALUES (1, 'lab', 'pass', 1, 1)", NULL);
    job(store, "a", "t1", "i1", "pass", 2, 1000);
    job(store, "a", "t1", "i1", "fail", 2, 9000); /* flaky: on one board, one image */
    job(store, "b", "t1", "i1", "fail", 2, 9000); /* another board's, once */
    job(store, "a", "t1", "i2", "pass", 1, 3000);
    job(store, "a", "t1", "i2", "infra", 1, 50); /* the lab's fault is no flip */
    job(store, "b", "t2", "i1", "pass", 1, 5000);
    job(store, "b", "t2", "i1", "pass", 0, 7000); /* tested again, and not flaky */
    job(store, "b", "t2", NULL, "pass", 0, 1000);
    job(store, "b", "t2", NULL, "fail", 0, 1000);  /* nobody knows which image */
    job(store, "a", "t1", "i1", "infra", 0, 0);    /* never got the board */
    job(store, "a", "t1", "i1", "fail", 40, 1000); /* too old */
    return store;
}

Test(charts, by_day_by_test_and_by_board)
{
    cleanup_scratch char *dir = scratch_make();
    struct store *store = filled(dir);
    struct store_filter filter = {.lab = "lab", .since_us = NOW_US - 30 * DAY_US};
    struct store_day *days;
    struct store_share *shares;
    size_t count;

    cr_assert_eq(store_chart_days(store, &filter, &days, &count, NULL), 0);
    cr_assert_eq(count, 3);
    cr_expect(days[0].pass == 1 && days[0].fail == 2 && days[0].infra == 0 &&
              days[0].took_us == 1000);
    cr_expect(days[1].pass == 2 && days[1].infra == 1 && days[1].took_us == 4000);
    cr_expect(days[2].pass == 2 && days[2].fail == 1 && strcmp(days[1].day, days[2].day) < 0);
    free(days);

    cr_assert_eq(store_chart_shares(store, &filter, STORE_BY_TEST, &shares, &count, NULL), 0);
    cr_assert_eq(count, 2);
    cr_expect_str_eq(shares[0].name, "t1", "the flakiest first");
    cr_expect(shares[0].pass == 2 && shares[0].fail == 2 && shares[0].infra == 1);
    cr_expect(shares[0].again == 1 && shares[0].flaky == 1 && shares[0].took_us == 2000);
    cr_expect(shares[1].again == 1 && shares[1].flaky == 0, "%d %d", (int)shares[1].again,
              (int)shares[1].flaky);
    free(shares);

    cr_assert_eq(store_chart_shares(store, &filter, STORE_BY_BOARD, &shares, &count, NULL), 0);
    cr_assert_eq(count, 2);
    cr_expect_str_eq(shares[0].name, "a");
    cr_expect(shares[0].flaky == 1 && shares[1].flaky == 0);
    free(shares);
    store_close(store);
}

Test(charts, the_last_jobs_of_one_board)
{
    cleanup_scratch char *dir = scratch_make();
    struct store *store = filled(dir);
    struct store_filter filter = {.lab = "lab", .board = "b", .test = "t2"};
    struct store_chart_job *jobs;
    struct store_total *totals;
    size_t count;

    cr_assert_eq(store_chart_jobs(store, &filter, 2, &jobs, &count, NULL), 0);
    cr_assert_eq(count, 2);
    cr_expect_eq(jobs[0].verdict, VERDICT_FAIL);
    cr_expect_str_eq(jobs[0].reason, "why");
    cr_expect_eq(jobs[0].started_us, NOW_US);
    free(jobs);
    cr_assert_eq(store_chart_totals(store, "lab", &totals, &count, NULL), 0);
    cr_expect_eq(count, 5, "a and b, by verdict");
    free(totals);
    store_close(store);
}

Test(charts, a_lab_without_jobs_has_none)
{
    cleanup_scratch char *dir = scratch_make();
    struct store *store = filled(dir);
    struct store_filter filter = {.lab = "other"};
    struct store_day *days;
    size_t count = 9;

    cr_assert_eq(store_chart_days(store, &filter, &days, &count, NULL), 0);
    cr_expect_eq(count, 0);
    free(days);
    store_close(store);
}
