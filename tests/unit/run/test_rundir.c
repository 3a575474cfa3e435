/* SPDX-License-Identifier: MIT */
#include "../scratch.h"
#include "run/rundir.h"

#include <string.h>
#include <sys/stat.h>

#define cleanup_result __attribute__((cleanup(free_result)))

static void free_result(struct job_result **result)
{
    job_result_free(*result);
}

static void write_file(const char *dir, const char *name, const char *text)
{
    cleanup_free char *path = fs_join(dir, name);
    cleanup_free char *parent = fs_dirname(path);

    cr_assert_eq(fs_mkdirs(parent, 0777, NULL), 0);
    cr_assert_eq(fs_write(path, text, strlen(text), NULL), 0);
}

static bool is_there(const char *dir, const char *name)
{
    cleanup_free char *path = fs_join(dir, name);

    return fs_exists(path);
}

/* ---- the directory ----------------------------------------------------------------------- */

static int prepare(const char *path, struct err *err)
{
    int lock_fd, rc = rundir_prepare(path, &lock_fd, err);

    cr_expect_eq(lock_fd >= 0, rc == 0);
    close_fd(&lock_fd);
    return rc;
}

Test(rundir, a_new_directory_is_made_and_marked)
{
    cleanup_scratch char *dir = scratch_make();
    cleanup_free char *path = fs_join(dir, "a/b");
    struct run_result run = {0};

    cr_assert_eq(prepare(path, NULL), 0);
    cr_expect(is_there(path, "run.json"));
    cr_expect_eq(rundir_read_run(path, &run, NULL), 0); /* a run that was killed at once */
    cr_expect_eq(run.count, 0);
    run_result_done(&run);
}

Test(rundir, an_earlier_run_makes_room)
{
    static const char *const ours[] = {"junit.xml",         "events.jsonl",    "build.log",
                                       "uno/job.json",      "uno/uart.log",    "uno/uart.timing",
                                       "duo/t/job.json",    "duo/t/flash.log", "duo/u/job.json",
                                       "duo/u/firmware.bin"};
    static const char *const theirs[] = {"notes.txt", "duo/u/notes.txt", "photos/a.jpg"};
    cleanup_scratch char *dir = scratch_make();

    cr_assert_eq(prepare(dir, NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
        write_file(dir, ours[i], "{}");
    for (size_t i = 0; i < ARRAY_SIZE(theirs); i++)
        write_file(dir, theirs[i], "mine");
    cr_assert_eq(prepare(dir, NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
        cr_expect_not(is_there(dir, ours[i]), "%s", ours[i]);
    for (size_t i = 0; i < ARRAY_SIZE(theirs); i++)
        cr_expect(is_there(dir, theirs[i]), "%s", theirs[i]);
    cr_expect_not(is_there(dir, "uno"));
    cr_expect_not(is_there(dir, "duo/t"));
}

Test(rundir, a_link_out_of_it_is_not_followed)
{
    cleanup_scratch char *dir = scratch_make();
    cleanup_free char *path = fs_join(dir, "out");
    cleanup_free char *link = fs_join(dir, "out/uno");
    cleanup_free char *target = fs_join(dir, "elsewhere");

    write_file(target, "job.json", "{}");
    cr_assert_eq(prepare(path, NULL), 0);
    cr_assert_eq(symlink(target, link), 0);
    cr_assert_eq(prepare(path, NULL), 0);
    cr_expect(is_there(target, "job.json"));
}

Test(rundir, what_is_not_ours_is_refused_and_left_alone)
{
    static const struct {
        const char *name, *text;
    } rows[] = {
        {"main.c", "int main"},
        {"run.json", "{\"scripts\": {}}"},
        {"run.json", "{\"schema\": 1}"},
        {"run.json", "{\"schema\": 2, \"jobs\": []}"},
        {"run.json", "{\"schema\": 1, \"jo"},
        {"run.json", ""},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_scratch char *dir = scratch_make();
        struct err err = {0};
        write_file(dir, rows[i].name, rows[i].text);
        write_file(dir, "junit.xml", "theirs");
        cr_expect_eq(prepare(dir, &err), -ERR_USAGE, "row %zu", i);
        cr_expect(strstr(err.message, "--out"), "row %zu: %s", i, err.message);
        cr_expect(is_there(dir, "junit.xml"), "row %zu", i);
    }
}

Test(rundir, two_runs_do_not_share_one)
{
    cleanup_scratch char *dir = scratch_make();
    struct err err = {0};
    int first, second;

    cr_assert_eq(rundir_prepare(dir, &first, NULL), 0);
    cr_expect_eq(rundir_prepare(dir, &second, &err), -ERR_USAGE);
    cr_expect(strstr(err.message, "another hil run"), "%s", err.message);
    cr_expect_eq(second, -1);
    close_fd(&first);
    cr_expect_eq(prepare(dir, NULL), 0);
}

Test(rundir, a_file_is_no_directory)
{
    cleanup_scratch char *dir = scratch_make();
    cleanup_free char *path = fs_join(dir, "file");
    struct err err = {0};

    write_file(dir, "file", "");
    cr_expect_lt(prepare(path, &err), 0);
    cr_expect(strstr(err.message, path), "%s", err.message);
}

/* ---- names ------------------------------------------------------------------------------- */

Test(rundir, no_two_tests_share_a_directory)
{
    static const struct {
        const char *tests[4], *dirs[4];
    } rows[] = {
        {{"smoke", "smoke"}, {"", ""}},
        {{"smoke", "can", "smoke"}, {"smoke", "can", "smoke"}},
        {{"a b", "a_b", "a/b"}, {"a_b", "a_b-2", "a_b-3"}},
        {{"a_b-2", "a b", "a_b", "a:b"}, {"a_b-2", "a_b", "a_b-3", "a_b-4"}},
        {{"..", "."}, {"_.", "_"}},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct job jobs[4] = {{0}};
        cleanup_strv struct strv dirs = {0};
        size_t count = 0;
        for (; count < 4 && rows[i].tests[count]; count++)
            jobs[count].name = xstrdup(rows[i].tests[count]);
        rundir_test_dirs(jobs, count, &dirs);
        cr_assert_eq(dirs.count, count);
        for (size_t j = 0; j < count; j++) {
            cr_expect_str_eq(dirs.items[j], rows[i].dirs[j], "row %zu, %s", i, jobs[j].name);
            job_done(&jobs[j]);
        }
    }
}

Test(rundir, rounds_of_a_long_name_stay_apart)
{
    struct job jobs[300] = {{0}};
    cleanup_strv struct strv dirs = {0}, seen = {0};

    for (size_t i = 0; i < ARRAY_SIZE(jobs); i++)
        jobs[i].name = xasprintf("%0150d #%zu", 7, i);
    rundir_test_dirs(jobs, ARRAY_SIZE(jobs), &dirs);
    for (size_t i = 0; i < ARRAY_SIZE(jobs); i++) {
        cr_expect_not(strv_has(&seen, dirs.items[i]), "%s", dirs.items[i]);
        strv_add(&seen, dirs.items[i]);
        job_done(&jobs[i]);
    }
}

Test(rundir, a_job_s_directory_has_its_test_where_there_are_several)
{
    cleanup_free char *one = rundir_job_dir("uno", "", 1);
    cleanup_free char *several = rundir_job_dir("uno", "smoke", 1);
    cleanup_free char *third = rundir_job_dir("uno", "smoke", 3);

    cr_expect_str_eq(one, "uno");
    cr_expect_str_eq(several, "uno/smoke");
    cr_expect_str_eq(third, "uno/smoke@3");
}

/* ---- job.json ---------------------------------------------------------------------------- */

static struct job_result *sample(void)
{
    struct job_result *result = job_result_new();
    static const char *const labels[] = {"virtual", "stm32", NULL};
    static const struct line_gap gaps[] = {{7, 5, {.overrun = 1}}, {9, 6, {1, 2, 3, 4, 5}}};

    result->name = "smoke";
    result->board = "uno";
    result->labels = labels;
    result->image = (struct image_facts){"fw.elf", "elf", "ab12", "cd34", 1234};
    result->verdict = VERDICT_FAIL;
    result->reason = "1 of 2 tests failed: \"x\"";
    result->end = END_CRASH;
    result->end_detail = "the core locked up";
    result->started_unix_us = INT64_C(1790000000123456);
    result->took_us = 5;
    result->flash_us = 4;
    result->test_us = 3;
    result->capture = (struct capture_stats){.bytes = 999,
                                             .before_reset = 10,
                                             .reset_us = INT64_C(123456789),
                                             .line_known = true,
                                             .line = {2, 2, 3, 4, 5},
                                             .gaps = gaps,
                                             .gap_count = 2};
    return result;
}

static struct job sample_job(void)
{
    struct job job = {.timeouts = {1, 2, 3, 4, 3600000000},
                      .parse = {"regex",
                                "^P",
                                "^F",
                                NULL,
                                "bye",
                                true,
                                {"c0ffee00c0ffee00", "0123456789abcdef", true, true}},
                      .expect = {.tests = 12}};

    strv_add(&job.expect.require, "can_*");
    strv_add(&job.expect.require, "s.t");
    return job;
}

static void expect_same_facts(const struct job_result *is, const struct job_result *was)
{
    cr_expect_str_eq(is->name, was->name);
    cr_expect_str_eq(is->board, was->board);
    cr_expect_str_eq(is->labels[1], was->labels[1]);
    cr_expect_null(is->labels[2]);
    cr_expect_str_eq(is->image.file, was->image.file);
    cr_expect_str_eq(is->image.build_id, was->image.build_id);
    cr_expect_eq(is->image.size_bytes, was->image.size_bytes);
    cr_expect_eq(is->verdict, was->verdict);
    cr_expect_str_eq(is->reason, was->reason);
    cr_expect_eq(is->end, was->end);
    cr_expect_str_eq(is->end_detail, was->end_detail);
    cr_expect_eq(is->started_unix_us, was->started_unix_us);
    cr_expect_eq(is->took_us, was->took_us);
    cr_expect_eq(is->flash_us, was->flash_us);
    cr_expect_eq(is->test_us, was->test_us);
    cr_expect_eq(is->capture.bytes, was->capture.bytes);
    cr_expect_eq(is->capture.before_reset, was->capture.before_reset);
    cr_expect_eq(is->capture.reset_us, was->capture.reset_us);
    cr_expect_eq(is->capture.line_known, was->capture.line_known);
    cr_expect_eq(memcmp(&is->capture.line, &was->capture.line, sizeof is->capture.line), 0);
    cr_assert_eq(is->capture.gap_count, was->capture.gap_count);
    for (size_t i = 0; i < is->capture.gap_count; i++)
        cr_expect_eq(memcmp(&is->capture.gaps[i], &was->capture.gaps[i], sizeof *is->capture.gaps),
                     0);
}

Test(rundir, a_job_comes_back_as_it_was)
{
    cleanup_scratch char *dir = scratch_make();
    cleanup_result struct job_result *was = sample(), *is = job_result_new();
    struct job job = sample_job(), back = {0};

    cr_assert_eq(rundir_write_job(dir, was, &job, NULL), 0);
    cr_assert_eq(rundir_read_job(dir, is, &back, NULL), 0);
    expect_same_facts(is, was);
    cr_expect_str_eq(back.parse.format, "regex");
    cr_expect_str_eq(back.parse.pass, "^P");
    cr_expect_null(back.parse.skip);
    cr_expect_str_eq(back.parse.end, "bye");
    cr_expect(back.parse.resets_expected);
    cr_expect_str_eq(back.parse.identity.build_id, "c0ffee00c0ffee00");
    cr_expect_str_eq(back.parse.identity.nonce, "0123456789abcdef");
    cr_expect(back.parse.identity.ask_nonce && back.parse.identity.required);
    cr_expect_eq(back.expect.tests, 12);
    cr_expect_eq(back.expect.require.count, 2);
    cr_expect_str_eq(back.expect.require.items[1], "s.t");
    cr_expect_eq(memcmp(&back.timeouts, &job.timeouts, sizeof job.timeouts), 0);
    job_done(&back);
    job_done(&job);
}

/* The sample's job.json with the first `from` in it replaced. */
static char *altered(const char *dir, const char *from, const char *to)
{
    cleanup_result struct job_result *result = sample();
    cleanup_free char *path = fs_join(dir, "job.json");
    struct job job = sample_job();

    cr_assert_eq(rundir_write_job(dir, result, &job, NULL), 0);
    job_done(&job);
    cleanup_free char *text = scratch_text(path);
    char *at = strstr(text, from);
    cr_assert(at, "%s is not in %s", from, text);
    *at = '\0';
    return xasprintf("%s%s%s", text, to, at + strlen(from));
}

Test(rundir, a_hostile_job_is_refused_with_its_place)
{
    static const struct {
        const char *from, *to, *words;
    } rows[] = {
        {"\"schema\": 1", "\"schema\": 2", "not written by this version"},
        {"\"schema\": 1", "\"schema\": \"1\"", "not written by this version"},
        {"\"test\": \"smoke\"", "\"test\": 7", "no test, board or reason"},
        {"\"board\": \"uno\"", "\"board\": null", "no test, board or reason"},
        {"\"verdict\": \"fail\"", "\"verdict\": \"great\"", "no verdict or end"},
        {"\"verdict\": \"fail\"", "\"verdict\": 0", "no verdict or end"},
        {"\"end\": \"crash\"", "\"end\": \"never\"", "no verdict or end"},
        {"\"reset_us\": 123456789", "\"reset_us\": -1", "'reset_us' is no number from 0"},
        {"\"reset_us\": 123456789", "\"reset_us\": 1e300", "'reset_us' is no number"},
        {"\"reset_us\": 123456789", "\"reset_us\": 0.5", "'reset_us' is no number"},
        {"\"reset_us\": 123456789", "\"reset_us\": \"0\"", "'reset_us' is no number"},
        {"\"reset_us\": 123456789", "\"x\": 0", "'reset_us' is no number"},
        {"\"reset_bytes\": 10", "\"reset_bytes\": -10", "'reset_bytes' is no number"},
        {"\"log_bytes\": 999", "\"log_bytes\": 9223372036854775807", "'log_bytes' is no number"},
        {"\"test_us\": 3", "\"test_us\": 9223372036854775807", "'test_us' is no number"},
        {"\"idle\": 4", "\"idle\": -4", "'idle' is no number"},
        {"\"idle\": 4", "\"idle\": 9e18", "'idle' is no number"},
        {"\"tests\": 12", "\"tests\": -12", "'tests' is no number"},
        {"\"size\": 1234", "\"size\": -1", "'size' is no number"},
        {"\"started_unix_us\": 1790000000123456", "\"started_unix_us\": 1e18",
         "'started_unix_us' is no number"},
        {"{", "[{", "job.json"},
        {"{", "", "job.json"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_scratch char *dir = scratch_make();
        cleanup_free char *text = altered(dir, rows[i].from, rows[i].to);
        cleanup_result struct job_result *result = job_result_new();
        struct job job = {0};
        struct err err = {0};
        write_file(dir, "job.json", text);
        cr_expect_eq(rundir_read_job(dir, result, &job, &err), -ERR_DATA, "row %zu: %s", i,
                     err.message);
        cr_expect(strstr(err.message, "job.json"), "row %zu: %s", i, err.message);
        cr_expect(strstr(err.message, rows[i].words), "row %zu: %s", i, err.message);
        job_done(&job);
    }
}

Test(rundir, what_never_began_cannot_have_passed)
{
    cleanup_scratch char *dir = scratch_make();
    cleanup_result struct job_result *was = sample(), *is = job_result_new();
    struct job job = sample_job(), back = {0};
    struct err err = {0};

    was->verdict = VERDICT_PASS;
    was->end = END_NONE;
    cr_assert_eq(rundir_write_job(dir, was, &job, NULL), 0);
    cr_expect_eq(rundir_read_job(dir, is, &back, &err), -ERR_DATA);
    cr_expect(strstr(err.message, "never began"), "%s", err.message);
    job_done(&back);
    job_done(&job);
}

Test(rundir, strings_of_a_wrong_type_are_missing_ones)
{
    cleanup_scratch char *dir = scratch_make();
    cleanup_free char *text =
        altered(dir, "\"virtual\",\n    \"stm32\"", "1, null, \"a\", {}, [\"b\"]");
    cleanup_result struct job_result *result = job_result_new();
    struct job job = {0};

    write_file(dir, "job.json", text);
    cr_assert_eq(rundir_read_job(dir, result, &job, NULL), 0);
    cr_expect_str_eq(result->labels[0], "a");
    cr_expect_null(result->labels[1]);
    job_done(&job);
}

Test(rundir, a_job_json_has_a_ceiling)
{
    cleanup_scratch char *dir = scratch_make();
    cleanup_result struct job_result *result = job_result_new();
    cleanup_free char *path = fs_join(dir, "job.json");
    struct job job = {0};

    write_file(dir, "job.json", "");
    cr_assert_eq(truncate(path, (off_t)17 << 20), 0);
    cr_expect_eq(rundir_read_job(dir, result, &job, NULL), -ERR_LIMIT);
    job_done(&job);
}

/* ---- run.json ---------------------------------------------------------------------------- */

Test(rundir, a_run_comes_back_as_it_was)
{
    cleanup_scratch char *dir = scratch_make();
    struct job_result *jobs[] = {job_result_new(), job_result_new()};
    struct run_result run = {.lab = "bench",
                             .version = "1.2",
                             .jobs = jobs,
                             .count = 2,
                             .started_unix_us = 1790000000000000,
                             .took_us = 77};
    struct run_result back = {0};

    jobs[0]->dir = "uno/smoke";
    jobs[1]->dir = "uno/can..tx";
    cr_assert_eq(rundir_write_run(dir, &run, NULL), 0);
    cr_assert_eq(rundir_read_run(dir, &back, NULL), 0);
    cr_assert_eq(back.count, 2);
    cr_expect_str_eq(back.jobs[0]->dir, "uno/smoke");
    cr_expect_str_eq(back.jobs[1]->dir, "uno/can..tx");
    cr_expect_str_eq(back.lab, "bench");
    cr_expect_str_eq(back.version, "1.2");
    cr_expect_eq(back.started_unix_us, run.started_unix_us);
    cr_expect_eq(back.took_us, 77);
    run_result_done(&back);
    job_result_free(jobs[0]);
    job_result_free(jobs[1]);
}

Test(rundir, a_killed_run_has_the_jobs_that_lie_there)
{
    cleanup_scratch char *dir = scratch_make();
    struct run_result run = {0};

    cr_assert_eq(prepare(dir, NULL), 0);
    write_file(dir, "uno/job.json", "{}");
    write_file(dir, "duo/t/job.json", "{}");
    write_file(dir, "tri/t/too/deep/job.json", "{}");
    write_file(dir, ".hidden/job.json", "{}");
    cr_assert_eq(rundir_read_run(dir, &run, NULL), 0);
    cr_assert_eq(run.count, 2);
    cr_expect_str_eq(run.jobs[0]->dir, "duo/t");
    cr_expect_str_eq(run.jobs[1]->dir, "uno");
    run_result_done(&run);
}

#define RUN "{\"schema\": 1, \"started_unix_us\": 0, \"took_us\": 0, \"finished\": true, \"jobs\": "

Test(rundir, a_hostile_run_is_refused)
{
    static const struct {
        const char *text, *words;
    } rows[] = {
        {RUN "[\"../etc\"]}", "must lie below"},
        {RUN "[\"/etc\"]}", "must lie below"},
        {RUN "[\"uno/../../etc\"]}", "must lie below"},
        {RUN "[\"uno/..\"]}", "must lie below"},
        {RUN "[\"..\"]}", "must lie below"},
        {RUN "[\".\"]}", "must lie below"},
        {RUN "[\"\"]}", "must lie below"},
        {RUN "[\"uno//t\"]}", "must lie below"},
        {RUN "[\"uno/\"]}", "must lie below"},
        {RUN "[\"uno/.git\"]}", "must lie below"},
        {RUN "[7]}", "must lie below"},
        {RUN "[\"uno\", null]}", "must lie below"},
        {RUN "{\"a\": \"uno\"}}", "lists no jobs"},
        {RUN "null}", "lists no jobs"},
        {"{\"jobs\": []}", "not written by this version"},
        {"[]", "not written by this version"},
        {"7", "not written by this version"},
        {"", "run.json"},
        {"{\"schema\": 1, \"finished\": true, \"jobs\": []}", "'started_unix_us' is no number"},
        {"{\"schema\": 1, \"started_unix_us\": 0, \"took_us\": -1, \"jobs\": []}",
         "'took_us' is no number"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_scratch char *dir = scratch_make();
        struct run_result run = {0};
        struct err err = {0};
        write_file(dir, "run.json", rows[i].text);
        cr_expect_eq(rundir_read_run(dir, &run, &err), -ERR_DATA, "row %zu: %s", i, err.message);
        cr_expect(strstr(err.message, rows[i].words), "row %zu: %s", i, err.message);
        cr_expect_eq(run.count, 0, "row %zu", i);
        run_result_done(&run);
    }
}

Test(rundir, a_missing_run_is_not_found)
{
    struct run_result run = {0};

    cr_expect_eq(rundir_read_run("/no/such/run", &run, NULL), -ERR_NOT_FOUND);
    run_result_done(&run);
}
