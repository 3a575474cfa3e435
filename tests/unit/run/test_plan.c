/* SPDX-License-Identifier: MIT */
#include "../scratch.h"
#include "run/plan.h"

#include <string.h>

/* Four bytes at 0. */
#define FIRMWARE ":0400000001020304F2\n:00000001FF\n"

static const char lab_text[] = "lab: bench\n"
                               "boards:\n"
                               "  a1: {labels: [alpha, fast], qemu: {machine: netduino2}}\n"
                               "  a2: {labels: [alpha], qemu: {machine: netduino2}}\n"
                               "  b1: {labels: [beta, fast], qemu: {machine: netduino2}}\n";

/* A lab, a directory with firmware in it, and what a command line says. */
struct bench {
    char *dir;
    struct lab *lab;
    struct plan_options options;
    struct plan plan;
    struct err err;
};

#define cleanup_bench __attribute__((cleanup(bench_done)))

static char *write_file(const char *dir, const char *name, const char *text)
{
    char *path = fs_join(dir, name);
    cleanup_free char *parent = fs_dirname(path);

    cr_assert_eq(fs_mkdirs(parent, 0777, NULL), 0);
    cr_assert_eq(fs_write(path, text, strlen(text), NULL), 0);
    return path;
}

static struct bench bench_new(void)
{
    struct bench bench = {.dir = scratch_make()};
    cleanup_free char *path = write_file(bench.dir, "lab.yaml", lab_text);
    struct diags diags = {0};

    cr_assert_eq(lab_load(path, &bench.lab, &diags, &bench.err), 0, "%s", bench.err.message);
    diags_done(&diags);
    bench.options =
        (struct plan_options){.lab = bench.lab, .repeat = 1, .timeouts = {-1, -1, -1, -1, -1}};
    return bench;
}

static void bench_done(struct bench *bench)
{
    plan_done(&bench->plan);
    strv_done(&bench->options.selectors);
    strv_done(&bench->options.expect.require);
    lab_free(bench->lab);
    scratch_remove(&bench->dir);
}

/* "name on a1|a2, name on b1" */
static char *describe(const struct plan *plan)
{
    cleanup_buf struct buf out = BUF_INIT(1 << 20);

    for (size_t j = 0; j < plan->count; j++) {
        const struct job *job = &plan->jobs[j];
        buf_addf(&out, "%s%s%s on ", j ? ", " : "", job->name, job->build_log ? " (no build)" : "");
        for (size_t b = 0; b < job->board_count; b++)
            buf_addf(&out, "%s%s", b ? "|" : "", job->boards[b]->name);
    }
    return buf_steal(&out);
}

/* `files` and `selectors` are parted by blanks; files are made, specs are given as they are. */
static int add_images(struct bench *bench, const char *files, const char *specs,
                      const char *selectors)
{
    cleanup_strv struct strv made = {0}, names = {0}, paths = {0};
    struct ctx ctx = scratch_patience();

    strv_split(&made, files, ' ');
    strv_split(&names, specs, ' ');
    strv_split(&bench->options.selectors, selectors, ' ');
    for (size_t i = 0; i < made.count; i++)
        free(write_file(bench->dir, made.items[i], FIRMWARE));
    for (size_t i = 0; i < names.count; i++)
        strv_add_owned(&paths, fs_join(bench->dir, names.items[i]));
    return plan_add_images(&bench->plan, &bench->options, (const char *const *)paths.items,
                           paths.count, &ctx, &bench->err);
}

/* ---- images ------------------------------------------------------------------------------ */

Test(plan, images_and_selectors)
{
    static const struct {
        const char *files, *specs, *selectors;
        bool all;
        uint64_t repeat;
        const char *jobs;
    } rows[] = {
        {"x.hex", "x.hex", "a1", false, 1, "x on a1"},
        {"x.hex", "x.hex", "alpha", false, 1, "x on a1|a2"},
        {"x.hex", "x.hex", "alpha", true, 1, "x on a1, x on a2"},
        {"x.hex", "x.hex", "alpha,fast", false, 1, "x on a1"},
        {"x.hex", "x.hex", "fast,alpha", true, 1, "x on a1"},
        {"x.hex", "x.hex", "b1 alpha", false, 1, "x on a1|a2|b1"}, /* in the lab's order */
        {"x.hex", "x.hex", "a1 alpha", true, 1, "x on a1, x on a2"},
        {"x.hex", "x.hex", "", true, 1, "x on a1, x on a2, x on b1"},
        {"x.hex", "x.hex", "a2", false, 3, "x #1 on a2, x #2 on a2, x #3 on a2"},
        {"x.hex", "x.hex", "alpha", true, 2, "x #1 on a1, x #1 on a2, x #2 on a1, x #2 on a2"},
        {"x.hex y.z.hex", "y.z.hex x.hex", "a1", false, 1, "y.z on a1, x on a1"},
        {"d/x.hex d/y.hex d/z.txt", "d/*.hex", "a1", false, 1, "x on a1, y on a1"},
        {"d/x.hex e/x.hex f/x.hex", "*/x.hex", "a1", false, 1, "x on a1, x (2) on a1, x (3) on a1"},
        {"d/x.hex e/x.hex", "*/x.hex", "a1", false, 2,
         "x #1 on a1, x #2 on a1, x (2) #1 on a1, x (2) #2 on a1"},
        {"x.hex", "x.hex x.hex", "alpha", true, 1, "x on a1, x on a2, x (2) on a1, x (2) on a2"},
        {"d/.hex", "d/.hex", "a1", false, 1, ".hex on a1"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_bench struct bench bench = bench_new();
        bench.options.all = rows[i].all;
        bench.options.repeat = rows[i].repeat;
        int rc = add_images(&bench, rows[i].files, rows[i].specs, rows[i].selectors);
        cleanup_free char *jobs = describe(&bench.plan);
        cr_expect_eq(rc, 0, "row %zu: %s", i, bench.err.message);
        cr_expect_str_eq(jobs, rows[i].jobs, "row %zu", i);
    }
}

Test(plan, mistakes_with_images)
{
    static const struct {
        const char *files, *specs, *selectors;
        uint64_t repeat;
        enum err_code code;
        const char *words;
    } rows[] = {
        {"x.hex", "x.hex", "a3", 1, ERR_CONFIG, "'a3' (did you mean 'a1'?)"},
        {"x.hex", "x.hex", "alhpa", 1, ERR_CONFIG, "did you mean 'alpha'?"},
        {"x.hex", "x.hex", "alpha,fats", 1, ERR_CONFIG, "'alpha,fats' (did you mean 'fast'?)"},
        {"x.hex", "x.hex", "alpha,beta", 1, ERR_CONFIG, "has all of the labels 'alpha,beta'"},
        {"x.hex", "x.hex", "zzzzzzzz", 1, ERR_CONFIG,
         "'zzzzzzzz'; there are: a1, alpha, fast, a2, b1, beta"},
        {"x.hex", "x.hex", "a1 nope", 1, ERR_CONFIG, "'nope'"}, /* each must match */
        {"x.hex", "x.hex", ",", 1, ERR_CONFIG, "name or labels ','"},
        {"x.hex", "x.hex", "", 1, ERR_USAGE, "has 3 boards: choose with --board"},
        {"x.hex", "y.hex", "a1", 1, ERR_USAGE, "y.hex"},
        {"x.hex", "*.elf", "a1", 1, ERR_USAGE, "*.elf"},
        {"x.hex", "x.hex", "a1", 100001, ERR_USAGE, "more than 100000 tests"},
        {"x.hex", "x.hex", "a1", UINT64_MAX, ERR_USAGE, "more than 100000 tests"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_bench struct bench bench = bench_new();
        bench.options.repeat = rows[i].repeat;
        int rc = add_images(&bench, rows[i].files, rows[i].specs, rows[i].selectors);
        cr_expect_eq(rc, -(int)rows[i].code, "row %zu: %d", i, rc);
        cr_expect_eq(bench.err.code, rows[i].code, "row %zu", i);
        cr_expect(strstr(bench.err.message, rows[i].words), "row %zu: %s", i, bench.err.message);
    }
}

Test(plan, broken_firmware_is_told_with_its_place)
{
    cleanup_bench struct bench bench = bench_new();

    free(write_file(bench.dir, "bad.hex", ":0400000001020304F3\n"));
    cr_expect_eq(add_images(&bench, "", "bad.hex", "a1"), -ERR_DATA);
    cr_expect(strstr(bench.err.message, "bad.hex:1"), "%s", bench.err.message);
}

Test(plan, the_command_line_is_in_every_job)
{
    cleanup_bench struct bench bench = bench_new();
    struct plan_options *options = &bench.options;

    options->parse = (struct parse_options){.format = "tap", .resets_expected = true};
    options->timeouts.idle = 7;
    options->expect.tests = 3;
    strv_add(&options->expect.require, "can_*");
    cr_assert_eq(add_images(&bench, "x.hex y.hex", "x.hex y.hex", "a1"), 0);
    for (size_t i = 0; i < bench.plan.count; i++) {
        const struct job *job = &bench.plan.jobs[i];
        cr_expect_str_eq(job->parse.format, "tap");
        cr_expect(job->parse.resets_expected);
        cr_expect_eq(job->timeouts.idle, 7);
        cr_expect_eq(job->timeouts.boot, -1);
        cr_expect_eq(job->expect.tests, 3);
        cr_expect_str_eq(job->expect.require.items[0], "can_*");
        cr_expect_eq(job->estimate_us, -1);
    }
}

Test(plan, the_only_board_needs_no_name)
{
    cleanup_bench struct bench bench = bench_new();

    bench.lab->count = 1;
    cr_expect_eq(add_images(&bench, "x.hex", "x.hex", ""), 0);
    cr_expect_eq(bench.plan.jobs[0].board_count, 1);
    bench.lab->count = 3;
}

Test(plan, boards_of_a_plan_come_once_and_in_the_lab_s_order)
{
    cleanup_bench struct bench bench = bench_new();
    const struct board_conf **boards;

    cr_assert_eq(add_images(&bench, "x.hex", "x.hex x.hex", "b1 a1"), 0);
    cr_assert_eq(plan_boards(&bench.plan, bench.lab, &boards), 2);
    cr_expect_str_eq(boards[0]->name, "a1");
    cr_expect_str_eq(boards[1]->name, "b1");
    free(boards);
}

/* ---- hil.yaml ---------------------------------------------------------------------------- */

static int add_tests(struct bench *bench, const char *text, const char *files,
                     const char *selectors, struct events *events)
{
    cleanup_free char *path = write_file(bench->dir, "hil.yaml", text);
    cleanup_strv struct strv made = {0};
    struct ctx ctx = scratch_patience();
    struct testplan *tests = NULL;
    struct diags diags = {0};
    int rc = testplan_load(path, &tests, &diags, &bench->err);

    cr_assert_eq(rc, 0, "%s", bench->err.message);
    strv_split(&made, files, ' ');
    for (size_t i = 0; i < made.count; i++)
        free(write_file(bench->dir, made.items[i], FIRMWARE));
    strv_split(&bench->options.selectors, selectors, ' ');
    rc =
        plan_add_tests(&bench->plan, &bench->options, tests, bench->dir, events, &ctx, &bench->err);
    for (size_t i = 0; i < bench->plan.count; i++)
        bench->plan.jobs[i].parse = (struct parse_options){0}; /* borrowed from `tests` */
    testplan_free(tests);
    diags_done(&diags);
    return rc;
}

#define TEST "tests:\n  - "

Test(plan, tests_entries_and_placeholders)
{
    static const struct {
        const char *text, *files, *selectors;
        bool all;
        const char *jobs;
    } rows[] = {
        {TEST "{name: t, firmware: x.hex, boards: [a1]}", "x.hex", "", false, "t on a1"},
        {TEST "{name: t, firmware: x.hex, boards: [alpha]}", "x.hex", "", false, "t on a1|a2"},
        {TEST "{name: t, firmware: x.hex, boards: [alpha], every: true}", "x.hex", "", false,
         "t on a1, t on a2"},
        {TEST "{name: t, firmware: x.hex, boards: [alpha]}", "x.hex", "", true, "t on a1, t on a2"},
        {TEST "{name: t, firmware: x.hex, boards: [alpha, 'fast,beta']}", "x.hex", "", false,
         "t [alpha] on a1|a2, t [fast,beta] on b1"},
        {TEST "{name: t, firmware: '{label}/x.hex', boards: ['alpha,fast', beta]}",
         "alpha/x.hex beta/x.hex", "", false, "t [alpha,fast] on a1, t [beta] on b1"},
        /* A board's own firmware is the same test, not a second one. */
        {TEST "{name: t, firmware: '{board}.hex', boards: [alpha]}", "a1.hex a2.hex", "", false,
         "t on a1, t on a2"},
        {TEST "{name: t, firmware: 'd/*.hex', boards: [a1]}", "d/x.hex d/y.hex", "", false,
         "t:x on a1, t:y on a1"},
        {TEST "{name: t, firmware: '{board}/*.hex', boards: [alpha]}", "a1/x.hex a1/y.hex a2/x.hex",
         "", false, "t:x on a1, t:y on a1, t on a2"},
        {TEST "{name: t, firmware: '*/x.hex', boards: [a1]}", "d/x.hex e/x.hex", "", false,
         "t:x on a1, t:x (2) on a1"},
        {TEST "{name: t, firmware: x.hex, boards: [a2], repeat: 2}", "x.hex", "", false,
         "t #1 on a2, t #2 on a2"},
        /* --board narrows. */
        {TEST "{name: t, firmware: x.hex, boards: [alpha]}", "x.hex", "a2 b1", false, "t on a2"},
        {TEST "{name: t, firmware: x.hex, boards: [a1]}\n"
              "  - {name: u, firmware: x.hex, boards: [b1]}",
         "x.hex", "beta", false, "u on b1"},
        {TEST "{name: t, build: ['true'], firmware: x.hex, boards: [a1]}", "x.hex", "", false,
         "t on a1"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_bench struct bench bench = bench_new();
        bench.options.all = rows[i].all;
        int rc = add_tests(&bench, rows[i].text, rows[i].files, rows[i].selectors, NULL);
        cleanup_free char *jobs = describe(&bench.plan);
        cr_expect_eq(rc, 0, "row %zu: %s", i, bench.err.message);
        cr_expect_str_eq(jobs, rows[i].jobs, "row %zu", i);
    }
}

Test(plan, mistakes_in_tests)
{
    static const struct {
        const char *text, *selectors;
        enum err_code code;
        const char *words;
    } rows[] = {
        {TEST "{name: t, firmware: x.hex, boards: [a3]}", "", ERR_CONFIG,
         "hil.yaml: test 't': no board of"},
        {TEST "{name: t, firmware: no.hex, boards: [a1]}", "", ERR_USAGE, "hil.yaml: test 't': "},
        {TEST "{name: t, firmware: x.hex, boards: [a1], require-build-id: true}", "", ERR_USAGE,
         "x.hex: has no build-id that could be required"},
        {TEST "{name: t, firmware: x.hex, boards: [a1]}", "b1", ERR_CONFIG,
         "no test runs on the boards chosen"},
        {TEST "{name: t, firmware: x.hex, boards: [a1]}", "b2", ERR_CONFIG, "no test runs"},
        {TEST "{name: t, build: [/no/such/compiler], firmware: x.hex, boards: [a1]}", "", ERR_TOOL,
         "t: build: "},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_bench struct bench bench = bench_new();
        int rc = add_tests(&bench, rows[i].text, "x.hex", rows[i].selectors, NULL);
        cr_expect_eq(rc, -(int)rows[i].code, "row %zu: %d", i, rc);
        cr_expect(strstr(bench.err.message, rows[i].words), "row %zu: %s", i, bench.err.message);
    }
}

Test(plan, a_build_id_that_is_given_needs_none_in_the_image)
{
    cleanup_bench struct bench bench = bench_new();

    cr_assert_eq(add_tests(&bench,
                           TEST "{name: t, firmware: x.hex, boards: [a1], build-id: 0011223344, "
                                "require-build-id: true, nonce: true}",
                           "x.hex", "", NULL),
                 0, "%s", bench.err.message);
    cr_expect_eq(bench.plan.count, 1);
}

Test(plan, what_a_test_says_stands_and_the_command_line_wins)
{
    cleanup_bench struct bench bench = bench_new();

    bench.options.timeouts.idle = 9000;
    strv_add(&bench.options.expect.require, "q");
    cr_assert_eq(add_tests(&bench,
                           TEST "{name: t, firmware: x.hex, boards: [a1], timeouts: {idle: 5s, "
                                "boot: 2s}, expect: {tests: 4, require: [p]}}",
                           "x.hex", "", NULL),
                 0);
    const struct job *job = &bench.plan.jobs[0];
    cr_expect_eq(job->timeouts.idle, 9000);
    cr_expect_eq(job->timeouts.boot, 2000);
    cr_expect_eq(job->expect.tests, 4);
    cr_expect_eq(job->expect.require.count, 2);
}

/* ---- builds ------------------------------------------------------------------------------ */

Test(plan, a_failed_build_is_a_job_that_has_failed)
{
    cleanup_bench struct bench bench = bench_new();
    int rc = add_tests(&bench,
                       TEST "{name: t, build: [sh, -c, 'echo x.c:3 is wrong; exit 2'], firmware: "
                            "x.hex, boards: [alpha, b1], repeat: 5}\n"
                            "  - {name: u, firmware: x.hex, boards: [a1]}",
                       "x.hex", "", NULL);
    cleanup_free char *jobs = describe(&bench.plan);
    cleanup_free char *log = fs_join(bench.dir, "build.log");
    cleanup_free char *logged = scratch_text(log);

    cr_expect_eq(rc, 0, "%s", bench.err.message);
    cr_expect_str_eq(jobs, "t [alpha] (no build) on a1|a2, t [b1] (no build) on b1, u on a1");
    cr_expect(strstr(bench.plan.jobs[0].build_log, "exit code 2:\nx.c:3 is wrong"), "%s",
              bench.plan.jobs[0].build_log);
    cr_expect_null(bench.plan.jobs[0].image);
    cr_expect_str_eq(logged, "x.c:3 is wrong\n");
}

Test(plan, the_same_build_runs_once_and_in_the_plan_s_directory)
{
    cleanup_bench struct bench bench = bench_new();
    cleanup_free char *count = fs_join(bench.dir, "count");
    int rc = add_tests(&bench,
                       TEST "{name: t, build: [sh, -c, 'echo b >> count'], firmware: x.hex, "
                            "boards: [a1, b1]}\n"
                            "  - {name: u, build: [sh, -c, 'echo b >> count'], firmware: x.hex, "
                            "boards: [a1]}\n"
                            "  - {name: v, build: [sh, -c, 'echo c >> count'], firmware: x.hex, "
                            "boards: [a1]}",
                       "x.hex", "", NULL);
    cleanup_free char *built = scratch_text(count);

    cr_expect_eq(rc, 0, "%s", bench.err.message);
    cr_expect_str_eq(built, "b\nc\n");
}

struct listener {
    struct event_sink sink;
    char command[256];
};

static void hear(struct event_sink *sink, const struct event *event)
{
    struct listener *listener = (struct listener *)sink;

    if (event->kind == EVENT_COMMAND)
        snprintf(listener->command, sizeof listener->command, "%s: %s", event->test, event->text);
}

Test(plan, a_build_s_command_is_told_whole)
{
    cleanup_bench struct bench bench = bench_new();
    struct listener listener = {.sink = {.take = hear}};
    struct events *events = events_new();

    events_add(events, &listener.sink);
    cr_expect_eq(add_tests(&bench,
                           TEST "{name: t, build: ['true', one, two], firmware: x.hex, "
                                "boards: [a1]}",
                           "x.hex", "", events),
                 0);
    cr_expect_str_eq(listener.command, "t: true one two");
    events_free(events);
}
