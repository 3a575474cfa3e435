/* SPDX-License-Identifier: MIT */
#include "engine.h"
#include "store/charts.h"
#include "store/history.h"
#include "store/prune.h"
#include "store/watched.h"

#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"
#include "made.h"

#include <criterion/criterion.h>
#include <sqlite3.h>
#include <stdlib.h>

static struct made_store made;

static void enter(void)
{
    setenv("TZ", "UTC", 1);
    made_enter(&made);
}

static void leave(void)
{
    made_leave(&made);
}

TestSuite(history, .init = enter, .fini = leave);

/* ---- what the queries give, as words --------------------------------------------------------- */

static int add_try(void *arg, const struct history_try *row)
{
    struct buf *out = arg;

    buf_addf(out, "%s%s%lld %s %s%s", out->size ? "; " : "", row->watch ? "w" : "",
             (long long)(row->watch ? row->watch : row->run), row->board ? row->board : "-",
             row->open ? "open" : verdict_name(row->verdict), row->last ? "" : " earlier");
    if (row->found)
        buf_addf(out, " %s.%s=%s", row->found->suite, row->found->name,
                 case_result_name(row->found->result));
    return 0;
}

static void expect_tries(struct history_filter filter, const char *words)
{
    cleanup_buf struct buf out = BUF_INIT(8192);
    struct err err = {0};

    cr_assert_eq(history_tries(made.store, &filter, add_try, &out, &err), 0, "%s", err.message);
    cr_expect_str_eq(out.data, words, "%s", out.data);
}

static void fill(void)
{
    const struct made_job first[] = {
        {"a", "boot", "1", "boots:pass uart.echo:pass", VERDICT_PASS, NULL, false},
        {"b", "boot", "1", "boots:pass uart.echo:fail", VERDICT_FAIL, "1 of 2 failed", false}};
    const struct made_job second[] = {
        {"a", "soak", "2", "uart.echo:error", VERDICT_FAIL, "crash", false},
        {"a", "soak", "2", "uart.echo:pass", VERDICT_PASS, NULL, true}};
    const struct made_job third[] = {
        {NULL, "soak", "2", NULL, VERDICT_INFRA, "no free board", false}};

    made_run(made.store, MADE_BEGAN, first, ARRAY_SIZE(first));
    made_run(made.store, MADE_BEGAN + MADE_DAY, second, ARRAY_SIZE(second));
    made_run(made.store, MADE_BEGAN + 2 * MADE_DAY, third, ARRAY_SIZE(third));
}

Test(history, tries_are_told_the_newest_first)
{
    fill();
    expect_tries((struct history_filter){0},
                 "3 - infra; 2 a pass; 2 a fail earlier; 1 b fail; 1 a pass");
    expect_tries((struct history_filter){.limit = 2}, "3 - infra; 2 a pass");
    expect_tries((struct history_filter){.board = "b"}, "1 b fail");
    expect_tries((struct history_filter){.lab = "another"}, "");
    expect_tries((struct history_filter){.since_us = MADE_BEGAN + MADE_HOUR, .board = "a"},
                 "2 a pass; 2 a fail earlier");
    expect_tries((struct history_filter){.until_us = MADE_BEGAN + MADE_HOUR}, "1 b fail; 1 a pass");
    expect_tries((struct history_filter){.verdicts = 1U << VERDICT_FAIL | 1U << VERDICT_INFRA},
                 "3 - infra; 2 a fail earlier; 1 b fail");
    expect_tries((struct history_filter){.run = 1}, "1 a pass; 1 b fail");
}

Test(history, a_test_is_a_job_or_a_case)
{
    fill();
    expect_tries((struct history_filter){.test = "boot"}, "1 b fail; 1 a pass");
    expect_tries((struct history_filter){.test = "boots"},
                 "1 b fail .boots=pass; 1 a pass .boots=pass");
    expect_tries((struct history_filter){.test = "uart.e*"},
                 "2 a pass uart.echo=pass; 2 a fail earlier uart.echo=error; 1 b fail "
                 "uart.echo=fail; 1 a pass uart.echo=pass");
    expect_tries((struct history_filter){.test = "echo", .limit = 1}, "2 a pass uart.echo=pass");
    expect_tries((struct history_filter){.test = "echo", .board = "b"}, "1 b fail uart.echo=fail");
    expect_tries((struct history_filter){.test = "nothing"}, "");
}

static int check_facts(void *arg, const struct history_try *row)
{
    (void)arg;
    cr_expect_str_eq(row->reason, "1 of 2 failed");
    cr_expect_str_eq(row->image_sha256, "1");
    cr_expect_str_eq(row->sha, "0123456789abcdef");
    cr_expect_str_eq(row->ref, "main");
    cr_expect_eq(row->started_us, MADE_BEGAN + 1000000);
    cr_expect_eq(row->took_us, 1000000);
    cr_expect_eq(row->exit_code, 1);
    cr_expect_eq(row->counts.total, 2);
    cr_expect_eq(row->counts.fail, 1);
    cr_expect_null(row->tool);
    return 77;
}

Test(history, a_try_has_its_facts_and_each_may_end_the_query)
{
    fill();
    cr_expect_eq(
        history_tries(made.store, &(struct history_filter){.board = "b"}, check_facts, NULL, NULL),
        77);
    expect_tries((struct history_filter){.board = "b"}, "1 b fail");
}

/* ---- hil watch ------------------------------------------------------------------------------- */

static int64_t attempt(const char *board, int64_t at_us, int64_t run)
{
    struct store_attempt attempt = {.lab = "bench",
                                    .board = board,
                                    .tool = "openocd",
                                    .probe = "066D",
                                    .image = "sha256:1",
                                    .image_sha256 = "1",
                                    .tag = "v1",
                                    .asset = "fw.elf",
                                    .started_us = at_us,
                                    .took_us = 5,
                                    .exit_code = 3,
                                    .verdict = VERDICT_INFRA,
                                    .reason = "no probe",
                                    .run = run};
    struct store_watched after;
    int64_t id = 0;

    cr_assert_eq(store_watched(made.store, "bench", board, 0, &after, NULL), 0);
    cr_assert_eq(store_attempt_begin(made.store, &attempt, &id, NULL), 0);
    if (run >= 0)
        cr_assert_eq(store_attempt_end(made.store, id, &attempt, &after, NULL), 0);
    store_watched_done(&after);
    return id;
}

static int check_attempt(void *arg, const struct history_try *row)
{
    (void)arg;
    cr_expect_eq(row->run, 0);
    cr_expect_str_eq(row->tool, "openocd");
    cr_expect_str_eq(row->probe, "066D");
    cr_expect_str_eq(row->tag, "v1");
    cr_expect_str_eq(row->image_sha256, "1");
    cr_expect_str_eq(row->reason, "no probe");
    cr_expect_eq(row->exit_code, 3);
    cr_expect_eq(row->took_us, 5);
    return 0;
}

Test(history, attempts_of_watch_stand_among_the_runs)
{
    fill();
    attempt("b", MADE_BEGAN + MADE_HOUR, 0);
    expect_tries((struct history_filter){.board = "b"}, "w1 b infra; 1 b fail");
    cr_assert_eq(history_tries(made.store, &(struct history_filter){.board = "b", .limit = 1},
                               check_attempt, NULL, NULL),
                 0);
    attempt("b", MADE_BEGAN + 2 * MADE_HOUR, -1);
    expect_tries((struct history_filter){.board = "b", .verdicts = 1U << VERDICT_INFRA},
                 "w2 b open; w1 b infra");
}

Test(history, an_attempt_that_was_a_run_is_told_once)
{
    fill();
    attempt("a", MADE_BEGAN + MADE_DAY, 2);
    expect_tries((struct history_filter){.board = "a"}, "w1 a infra; 1 a pass");
    expect_tries((struct history_filter){.run = 2}, "2 a fail earlier; 2 a pass");
    expect_tries((struct history_filter){.test = "echo", .since_us = MADE_BEGAN + MADE_HOUR},
                 "w1 a infra uart.echo=pass");
}

/* ---- runs, cases, events --------------------------------------------------------------------- */

static int add_run(void *arg, const struct history_run *run)
{
    buf_addf(arg, "%lld %s %zu boards %zu/%zu; ", (long long)run->id, verdict_name(run->verdict),
             run->boards, run->counts.pass, run->counts.total);
    return 0;
}

Test(history, runs)
{
    cleanup_buf struct buf out = BUF_INIT(8192);

    fill();
    cr_assert_eq(history_runs(made.store, &(struct history_filter){0}, add_run, &out, NULL), 0);
    cr_expect_str_eq(out.data, "3 infra 0 boards 0/0; 2 pass 1 boards 1/1; 1 fail 2 boards 3/4; ");
    buf_clear(&out);
    cr_assert_eq(
        history_runs(made.store, &(struct history_filter){.board = "b"}, add_run, &out, NULL), 0);
    cr_expect_str_eq(out.data, "1 fail 2 boards 3/4; ");
}

static int add_case(void *arg, const struct history_try *of, const struct history_case *row)
{
    buf_addf(arg, "%s %u %s.%s %s %lld; ", of->board, of->attempt, row->suite, row->name,
             case_result_name(row->result), (long long)row->duration_us);
    return 0;
}

Test(history, cases_in_the_order_of_the_log)
{
    cleanup_buf struct buf out = BUF_INIT(8192);

    made_simple(made.store, MADE_BEGAN, "a", "1", "z:pass a:pass z:fail m:skip");
    made_simple(made.store, MADE_BEGAN, "a", "1", "m:pass z:pass a:pass");
    cr_assert_eq(history_cases(made.store, 1, NULL, add_case, &out, NULL), 0);
    cr_expect_str_eq(out.data,
                     "a 1 .z pass 1000; a 1 .a pass 1000; a 1 .z fail 1000; a 1 .m skip 1000; ",
                     "%s", out.data);
    buf_clear(&out);
    cr_assert_eq(history_cases(made.store, 2, "a", add_case, &out, NULL), 0);
    cr_expect_str_eq(out.data, "a 1 .m pass 1000; a 1 .z pass 1000; a 1 .a pass 1000; ");
    made_expect(&made, "SELECT count(*) FROM names", "3");
}

static int add_event(void *arg, const struct history_event *event)
{
    buf_addf(arg, "%s %s: %s; ", event->board, event->kind, event->text);
    return 0;
}

Test(history, events)
{
    cleanup_buf struct buf out = BUF_INIT(8192);
    bool was = false;

    cr_assert_eq(store_event(made.store, "recovery", "bench", "a", "power-cycle helped", 5, NULL),
                 0);
    cr_assert_eq(store_quarantine(made.store, "bench", "b", "no target", 10, NULL), 0);
    cr_assert_eq(store_quarantine(made.store, "bench", "b", "said before", 11, NULL), 0);
    cr_assert_eq(store_release(made.store, "bench", "b", &was, NULL), 0);
    cr_assert_eq(store_release(made.store, "bench", "b", &was, NULL), 0);
    cr_assert_eq(history_events(made.store, &(struct history_filter){0}, add_event, &out, NULL), 0);
    cr_expect_str_eq(out.data,
                     "b release: no target; b quarantine: no target; a recovery: power-cycle "
                     "helped; ",
                     "%s", out.data);
    buf_clear(&out);
    cr_assert_eq(
        history_events(made.store, &(struct history_filter){.board = "a"}, add_event, &out, NULL),
        0);
    cr_expect_str_eq(out.data, "a recovery: power-cycle helped; ");
}

/* ---- charts ---------------------------------------------------------------------------------- */

static int add_day(void *arg, const struct history_day *day)
{
    buf_addf(arg, "%s %llu/%llu/%llu %llu of %llu; ", day->day,
             (unsigned long long)day->runs[VERDICT_PASS],
             (unsigned long long)day->runs[VERDICT_FAIL],
             (unsigned long long)day->runs[VERDICT_INFRA], (unsigned long long)day->failed,
             (unsigned long long)day->cases);
    return 0;
}

static int add_group(void *arg, const struct history_group *group)
{
    buf_addf(arg, "%s %llu/%llu/%llu %lld us; ", group->name, (unsigned long long)group->runs[0],
             (unsigned long long)group->runs[1], (unsigned long long)group->runs[2],
             (long long)group->passed_us);
    return 0;
}

static void expect_days(struct history_filter filter, const char *days)
{
    cleanup_buf struct buf out = BUF_INIT(8192);

    cr_assert_eq(history_days(made.store, &filter, add_day, &out, NULL), 0);
    cr_expect_str_eq(out.data, days, "%s", out.data);
}

static void expect_groups(enum history_by by, struct history_filter filter, const char *groups)
{
    cleanup_buf struct buf out = BUF_INIT(8192);

    cr_assert_eq(history_groups(made.store, &filter, by, add_group, &out, NULL), 0);
    cr_expect_str_eq(out.data, groups, "%s", out.data);
}

Test(history, charts_by_day_and_by_board)
{
    fill();
    attempt("b", MADE_BEGAN + MADE_HOUR, 0);
    expect_days((struct history_filter){0},
                "2023-11-14 1/1/1 1 of 4; 2023-11-15 1/1/0 1 of 2; 2023-11-16 0/0/1 0 of 0; ");
    expect_days((struct history_filter){.lab = "elsewhere"}, "");
    expect_groups(HISTORY_BY_BOARD, (struct history_filter){.lab = "bench"},
                  "a 2/1/0 2000000 us; b 0/1/1 0 us; ");
}

/* Two tests on two boards, one job without a board. */
static void fill_tests(void)
{
    static const struct made_job first[] = {
        {.board = "a", .test = "smoke", .image = "x", .cases = "boots:pass"},
        {.board = "b",
         .test = "smoke",
         .image = "x",
         .cases = "boots:fail",
         .verdict = VERDICT_FAIL},
        {.board = "a", .test = "full", .image = "y", .cases = "boots:pass"}};
    static const struct made_job second[] = {
        {.board = "b", .test = "full", .image = "y", .verdict = VERDICT_INFRA, .reason = "gone"},
        {.test = "smoke", .verdict = VERDICT_INFRA, .reason = "no board"}};

    made_run(made.store, MADE_BEGAN, first, ARRAY_SIZE(first));
    made_run(made.store, MADE_BEGAN + MADE_DAY, second, ARRAY_SIZE(second));
}

Test(history, charts_by_test)
{
    fill_tests();
    expect_groups(HISTORY_BY_TEST, (struct history_filter){.lab = "bench"},
                  "full 1/0/1 1000000 us; smoke 1/1/1 1000000 us; ");
    expect_groups(HISTORY_BY_TEST, (struct history_filter){.board = "b"},
                  "full 0/0/1 0 us; smoke 0/1/0 0 us; ");
    expect_groups(HISTORY_BY_TEST, (struct history_filter){.since_us = MADE_BEGAN + MADE_DAY},
                  "full 0/0/1 0 us; smoke 0/0/1 0 us; ");
    expect_groups(HISTORY_BY_BOARD, (struct history_filter){.job = "full"},
                  "a 1/0/0 1000000 us; b 0/0/1 0 us; ");
    expect_groups(HISTORY_BY_TEST, (struct history_filter){.job = "ful"}, "");
    expect_days((struct history_filter){.job = "full", .board = "a"}, "2023-11-14 1/0/0 0 of 1; ");
    /* The newest first, as many as are wanted, of this job alone. */
    expect_tries((struct history_filter){.job = "full", .limit = 1}, "2 b infra");
    expect_tries((struct history_filter){.job = "smoke"}, "2 - infra; 1 b fail; 1 a pass");
}

static int add_total(void *arg, const struct history_total *total)
{
    buf_addf(arg, "%s %s %llu %lld us; ", total->board, verdict_name(total->verdict),
             (unsigned long long)total->jobs, (long long)total->took_us);
    return 0;
}

static void expect_totals(const char *lab, const char *totals)
{
    cleanup_buf struct buf out = BUF_INIT(8192);

    cr_assert_eq(history_totals(made.store, lab, add_total, &out, NULL), 0);
    cr_expect_str_eq(out.data, totals, "%s", out.data);
}

Test(history, totals_only_grow)
{
    const struct store_conf limits = {.keep_ms = 1000};
    uint64_t forgotten = 0;

    expect_totals("bench", "");
    fill_tests();
    made_simple(made.store, MADE_BEGAN + 2 * MADE_DAY, "a", "x", "boots:pass");
    expect_totals("bench", "a pass 3 3000000 us; b fail 1 1000000 us; b infra 1 1000000 us; ");
    expect_totals("elsewhere", "");
    cr_assert_eq(store_prune(made.store, "bench", &limits, MADE_BEGAN + 9 * MADE_DAY, true,
                             &forgotten, NULL),
                 0);
    cr_assert_eq(forgotten, 2);
    made_expect(&made, "SELECT count(*) FROM jobs", "1");
    expect_totals("bench", "a pass 3 3000000 us; b fail 1 1000000 us; b infra 1 1000000 us; ");
}

/* ---- what was there before ------------------------------------------------------------------- */

static void make_old(const char *name)
{
    cleanup_free char *path = xasprintf("%s/store/%s", HIL_TEST_DATA, name);
    cleanup_buf struct buf sql = BUF_INIT(65536);
    sqlite3 *db;

    store_close(made.store);
    fs_remove_tree(made.dir);
    cr_assert_eq(fs_mkdirs(made.dir, 0755, NULL), 0);
    cr_assert_eq(fs_read(path, &sql, NULL), 0);
    cr_assert_eq(sqlite3_open(made.file, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, sql.data, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
    cr_assert_eq(store_open(NULL, made.dir, true, &made.store, NULL), 0);
}

Test(history, a_store_from_before_history_is_taken_over)
{
    cleanup_buf struct buf out = BUF_INIT(8192);
    struct store_quarantine quarantine;

    if (engine_conf())
        cr_skip_test("what only a file has");
    make_old("v3.sql");
    expect_tries((struct history_filter){0}, "2 - infra; 1 nucleo-3 fail; w1 nucleo-3 pass");
    cr_assert_eq(history_cases(made.store, 1, NULL, add_case, &out, NULL), 0);
    cr_expect_str_eq(out.data,
                     "nucleo-3 1 .boots pass 1500; nucleo-3 1 uart.echo fail -1; nucleo-3 1 "
                     "uart.baud skip 0; nucleo-3 1 .boots error 7; ",
                     "%s", out.data);
    made_expect(&made, "SELECT passed || failed || errors || skipped FROM jobs", "1111");
    made_expect(&made, "SELECT at_us FROM jobs WHERE id = 2", "1700086400000000");
    made_expect(&made, "PRAGMA integrity_check", "ok");
    expect_totals("bench", "nucleo-3 fail 1 8000000 us; ");
    cr_expect(store_quarantined(made.store, "bench", "nucleo-4", &quarantine));
    cr_expect_eq(store_duration(made.store, "bench", "selftest", NULL), -1);
}
