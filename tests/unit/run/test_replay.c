/* SPDX-License-Identifier: MIT */
#include "../scratch.h"
#include "run/replay.h"
#include "run/rundir.h"

#include <string.h>

/* What was in the log before the reset must not count: it has a test that failed. */
#define OLD "old.c:1:test_old:FAIL\n"
#define LOG                           \
    "t.c:1:test_a:PASS\n"             \
    "t.c:2:test_b:PASS\n"             \
    "-----------------------\n"       \
    "2 Tests 0 Failures 0 Ignored \n" \
    "OK\n"

/* A job's directory as a run leaves it, and its replay. */
struct bench {
    char *dir;
    struct job_result *recorded;
    struct job job;
    struct replay_options options;
    struct run_result run;
    struct err err;
};

#define cleanup_bench __attribute__((cleanup(bench_done)))

static void write_file(const char *dir, const char *name, const char *text)
{
    cleanup_free char *path = fs_join(dir, name);

    cr_assert_eq(fs_write(path, text, strlen(text), NULL), 0);
}

static struct bench bench_new(void)
{
    struct bench bench = {.dir = scratch_make(), .recorded = job_result_new()};
    struct job_result *recorded = bench.recorded;

    recorded->name = "smoke";
    recorded->board = "uno";
    recorded->reason = "";
    recorded->verdict = VERDICT_PASS;
    recorded->end = END_DONE;
    recorded->test_us = 5000000;
    bench.job.timeouts = timeouts_default;
    write_file(bench.dir, "uart.log", LOG);
    return bench;
}

static void bench_done(struct bench *bench)
{
    job_done(&bench->job);
    strv_done(&bench->options.expect.require);
    run_result_done(&bench->run);
    job_result_free(bench->recorded);
    scratch_remove(&bench->dir);
}

static int replay(struct bench *bench)
{
    cr_assert_eq(rundir_write_job(bench->dir, bench->recorded, &bench->job, NULL), 0);
    return replay_path(bench->dir, &bench->options, &bench->run, &bench->err);
}

static const struct test_case *case_of(const struct bench *bench, size_t which)
{
    cr_assert_eq(bench->run.count, 1);
    cr_assert_eq(bench->run.jobs[0]->suite_count, 1);
    cr_assert_lt(which, bench->run.jobs[0]->suites[0].count);
    return &bench->run.jobs[0]->suites[0].cases[which];
}

/* ---- times ------------------------------------------------------------------------------- */

Test(replay, times_are_those_of_the_run)
{
    cleanup_bench struct bench bench = bench_new();
    cleanup_free char *timing =
        xasprintf("0.250000 18\n0.000001 18\n1.500000 %zu\n", strlen(LOG) - 36);

    bench.recorded->capture.reset_us = 50000;
    write_file(bench.dir, "uart.timing", timing);
    cr_assert_eq(replay(&bench), 0, "%s", bench.err.message);
    cr_expect_eq(bench.run.verdict, VERDICT_PASS, "%s", bench.run.jobs[0]->reason);
    cr_expect_eq(case_of(&bench, 0)->end_us, 200000);
    cr_expect_eq(case_of(&bench, 1)->end_us, 200001);
    cr_expect_eq(bench.run.jobs[0]->test_us, 5000000);
}

Test(replay, bytes_from_before_the_reset_do_not_count)
{
    static const char *const timings[] = {
        "0.000100 22\n0.100000 18\n0.000000 90\n", /* as it was */
        "0.000100 10\n0.000100 12\n0.100000 18\n0.000000 90\n",
        "0.000100 100\n0.000100 100\n", /* a piece that the reset lies in */
        "0.000100 5\n",                 /* short */
        "",                             /* empty */
        NULL,                           /* none */
    };

    for (size_t i = 0; i < ARRAY_SIZE(timings); i++) {
        cleanup_bench struct bench bench = bench_new();
        write_file(bench.dir, "uart.log", OLD LOG);
        if (timings[i])
            write_file(bench.dir, "uart.timing", timings[i]);
        bench.recorded->capture.before_reset = strlen(OLD);
        bench.recorded->capture.reset_us = 200;
        bench.recorded->capture.bytes = strlen(OLD LOG);
        cr_assert_eq(replay(&bench), 0, "%s", bench.err.message);
        cr_expect_eq(bench.run.verdict, VERDICT_PASS, "row %zu: %s", i, bench.run.jobs[0]->reason);
        cr_expect_eq(job_counts(bench.run.jobs[0]).total, 2, "row %zu", i);
        cr_expect_eq(case_of(&bench, 0)->log_begin, strlen(OLD), "row %zu", i);
        cr_expect_eq(bench.run.jobs[0]->capture.before_reset, strlen(OLD));
        cr_expect_eq(bench.run.jobs[0]->capture.reset_us, 200);
        cr_expect_eq(bench.run.jobs[0]->capture.bytes, strlen(OLD LOG));
    }
}

Test(replay, a_reset_behind_the_end_leaves_no_tests)
{
    cleanup_bench struct bench bench = bench_new();

    bench.recorded->capture.before_reset = 1 << 20;
    cr_assert_eq(replay(&bench), 0);
    cr_expect_eq(bench.run.verdict, VERDICT_FAIL);
    cr_expect(strstr(bench.run.jobs[0]->reason, "no tests were found"));
}

Test(replay, odd_timings)
{
    static const struct {
        const char *timing;
        const char *words; /* of the error; NULL: none */
        int64_t end_us;    /* of the second test */
    } rows[] = {
        {"0.000100 18\n0.000200 18", NULL, 100}, /* a killed run's last line */
        {"0.000100 18\n0.0002", NULL, 100},
        {"0.000100 0\n0.000100 0\n0.000100 36\n", NULL, 300},
        {"0.000100 99999999999999999999999999\n", NULL, 100}, /* more than there is */
        {"1000000.000000 36\n", NULL, INT64_C(1000000000000)},
        {"", NULL, 0},
        {"\n", "uart.timing:1", 0},
        {"0.000100 18\n-1.000000 18\n", "uart.timing:2", 0},
        {"0.000100 18\n1 18\n", "uart.timing:2", 0},
        {"0.000100 18\n0.1 18\n", "uart.timing:2", 0},
        {"0.000100 -18\n", "uart.timing:1", 0},
        {"0.000100\n", "uart.timing:1", 0},
        {"0.000100 18 \n", "uart.timing:1", 0},
        {" 0.000100 18\n", "uart.timing:1", 0},
        {"0.000100 0x12\n", "uart.timing:1", 0},
        {"nan 18\n", "uart.timing:1", 0},
        {"1000001.000000 18\n", "uart.timing:1", 0},
        {"99999999999999999999999999.000000 18\n", "uart.timing:1", 0},
        {"9223372036854775807.000000 1\n9223372036854775807.000000 1\n", "uart.timing:1", 0},
        {"0.000000 000000000000000000000000000000000000000000000000000000000000000000001\n",
         "uart.timing:1", 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_bench struct bench bench = bench_new();
        write_file(bench.dir, "uart.timing", rows[i].timing);
        int rc = replay(&bench);
        cr_expect_eq(rc, rows[i].words ? -ERR_DATA : 0, "row %zu: %s", i, bench.err.message);
        if (rows[i].words)
            cr_expect(strstr(bench.err.message, rows[i].words), "row %zu: %s", i,
                      bench.err.message);
        else
            cr_expect_eq(case_of(&bench, 1)->end_us, rows[i].end_us, "row %zu: %d", i,
                         (int)case_of(&bench, 1)->end_us);
    }
}

Test(replay, times_add_up_to_no_overflow)
{
    cleanup_bench struct bench bench = bench_new();
    cleanup_buf struct buf timing = BUF_INIT(1 << 20);

    for (int i = 0; i < 2000; i++)
        buf_adds(&timing, "1000000.000000 0\n");
    write_file(bench.dir, "uart.timing", timing.data);
    cr_expect_eq(replay(&bench), -ERR_DATA);
}

Test(replay, a_reset_after_every_byte_s_time_gives_no_negative_times)
{
    cleanup_bench struct bench bench = bench_new();

    bench.recorded->capture.reset_us = 1000000;
    write_file(bench.dir, "uart.timing", "0.000100 36\n");
    cr_assert_eq(replay(&bench), 0);
    cr_expect_eq(case_of(&bench, 0)->end_us, 0);
}

/* ---- verdicts ---------------------------------------------------------------------------- */

Test(replay, what_stands_and_what_is_judged_again)
{
    static const struct {
        enum verdict recorded;
        enum capture_end end;
        const char *log;
        enum verdict verdict;
        const char *reason;
        size_t tests;
    } rows[] = {
        {VERDICT_PASS, END_DONE, LOG, VERDICT_PASS, "", 2},
        {VERDICT_PASS, END_DONE, "", VERDICT_FAIL, "no tests were found", 0},
        {VERDICT_PASS, END_DONE, "t.c:1:test_a:FAIL\n" LOG, VERDICT_FAIL, "1 of 3 tests failed", 3},
        {VERDICT_FAIL, END_DONE, LOG, VERDICT_PASS, "", 2},
        {VERDICT_FAIL, END_IDLE, LOG, VERDICT_FAIL, "(idle deadline)", 2},
        /* The lab's word. */
        {VERDICT_INFRA, END_DONE, LOG, VERDICT_INFRA, "the disk was full", 2},
        {VERDICT_INFRA, END_GONE, LOG, VERDICT_INFRA, "the disk was full", 2},
        {VERDICT_INFRA, END_NONE, LOG, VERDICT_INFRA, "the disk was full", 0},
        /* A build that failed: nothing to parse. */
        {VERDICT_FAIL, END_NONE, LOG, VERDICT_FAIL, "the disk was full", 0},
        /* A pass that the console's end contradicts. */
        {VERDICT_PASS, END_GONE, LOG, VERDICT_INFRA, "the console vanished", 2},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_bench struct bench bench = bench_new();
        write_file(bench.dir, "uart.log", rows[i].log);
        bench.recorded->verdict = rows[i].recorded;
        bench.recorded->end = rows[i].end;
        bench.recorded->reason = "the disk was full";
        cr_assert_eq(replay(&bench), 0, "row %zu: %s", i, bench.err.message);
        const struct job_result *job = bench.run.jobs[0];
        cr_expect_eq(bench.run.verdict, rows[i].verdict, "row %zu: %s", i, job->reason);
        cr_expect(strstr(job->reason, rows[i].reason), "row %zu: %s", i, job->reason);
        cr_expect_eq(job_counts(job).total, rows[i].tests, "row %zu", i);
        if (rows[i].recorded == VERDICT_INFRA)
            cr_expect_null(job->trouble, "row %zu", i);
    }
}

Test(replay, a_job_without_its_log_is_no_pass)
{
    cleanup_bench struct bench bench = bench_new();
    cleanup_free char *log = fs_join(bench.dir, "uart.log");

    cr_assert_eq(unlink(log), 0);
    cr_expect_eq(replay(&bench), -ERR_USAGE);
    cr_expect(strstr(bench.err.message, "uart.log"), "%s", bench.err.message);
    cr_expect_eq(bench.run.count, 0);
}

Test(replay, options_win_over_what_was_recorded)
{
    cleanup_bench struct bench bench = bench_new();

    bench.job.parse.format = "tap";
    cr_assert_eq(replay(&bench), 0);
    cr_expect_eq(bench.run.verdict, VERDICT_FAIL);
    run_result_done(&bench.run);
    bench.run = (struct run_result){0};
    bench.options.parse.format = "unity";
    strv_add(&bench.options.expect.require, "test_c");
    cr_assert_eq(replay(&bench), 0);
    cr_expect_str_eq(bench.run.jobs[0]->reason, "no test that matches 'test_c' passed");
}

/* ---- paths ------------------------------------------------------------------------------- */

Test(replay, a_bare_log_has_no_times)
{
    cleanup_bench struct bench bench = bench_new();
    cleanup_free char *log = fs_join(bench.dir, "uart.log");

    write_file(bench.dir, "uart.timing", "garbage\n"); /* nobody looks at it */
    cr_assert_eq(replay_path(log, &bench.options, &bench.run, &bench.err), 0);
    cr_expect_eq(bench.run.verdict, VERDICT_PASS, "%s", bench.run.jobs[0]->reason);
    cr_expect_str_eq(bench.run.jobs[0]->name, "uart.log");
    cr_expect_eq(case_of(&bench, 0)->end_us, -1);
}

Test(replay, what_is_nothing_to_replay)
{
    cleanup_bench struct bench bench = bench_new();
    cleanup_free char *missing = fs_join(bench.dir, "nope.log");
    cleanup_free char *marker = fs_join(bench.dir, "run.json");

    cr_expect_eq(replay_path(missing, &bench.options, &bench.run, &bench.err), -ERR_USAGE);
    cr_expect(strstr(bench.err.message, "nope.log"));
    cr_expect_eq(replay_path(bench.dir, &bench.options, &bench.run, &bench.err), -ERR_USAGE);
    cr_assert_eq(rundir_write_run(bench.dir, &bench.run, NULL), 0);
    cr_expect_eq(replay_path(bench.dir, &bench.options, &bench.run, &bench.err), -ERR_DATA);
    cr_expect(strstr(bench.err.message, "holds no job"), "%s", bench.err.message);
}

Test(replay, a_run_is_the_worst_of_its_jobs)
{
    cleanup_bench struct bench bench = bench_new();
    struct job_result *job = bench.recorded;
    struct run_result run = {.lab = "bench", .jobs = (struct job_result *[]){job, job}, .count = 2};
    cleanup_free char *uno = fs_join(bench.dir, "uno"), *duo = fs_join(bench.dir, "duo");

    cr_assert_eq(fs_mkdirs(uno, 0777, NULL), 0);
    cr_assert_eq(fs_mkdirs(duo, 0777, NULL), 0);
    cr_assert_eq(rundir_write_job(uno, job, &bench.job, NULL), 0);
    job->verdict = VERDICT_INFRA;
    job->reason = "no probe";
    cr_assert_eq(rundir_write_job(duo, job, &bench.job, NULL), 0);
    write_file(uno, "uart.log", LOG);
    write_file(duo, "uart.log", LOG);
    job->dir = "uno";
    struct job_result *other = job_result_new();
    other->dir = "duo";
    run.jobs[1] = other;
    cr_assert_eq(rundir_write_run(bench.dir, &run, NULL), 0);
    job_result_free(other);
    cr_assert_eq(replay_path(bench.dir, &bench.options, &bench.run, &bench.err), 0, "%s",
                 bench.err.message);
    cr_assert_eq(bench.run.count, 2);
    cr_expect_eq(bench.run.jobs[0]->verdict, VERDICT_PASS, "%s", bench.run.jobs[0]->reason);
    cr_expect_eq(bench.run.verdict, VERDICT_INFRA);
    cr_expect_str_eq(bench.run.lab, "bench");
    cr_expect_str_eq(bench.run.jobs[1]->dir, "duo");
}
