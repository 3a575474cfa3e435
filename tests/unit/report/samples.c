/* SPDX-License-Identifier: MIT */
#include "samples.h"

#include "base/fs.h"
#include "base/str.h"
#include "result/attempts.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STARTED_US INT64_C(1769860800000000) /* 2026-01-31T12:00:00Z */
#define FILE_MAX_BYTES (4 << 20)

struct job_result *sample_job(struct run_result *run, const char *board, const char *test,
                              enum verdict verdict, const char *reason)
{
    static const char *const labels[] = {"stm32f405", "virtual", NULL};
    struct job_result *job = job_result_new();

    run->jobs = xrealloc(run->jobs, run->count + 1, sizeof *run->jobs);
    run->jobs[run->count++] = job;
    run->verdict = verdict_worse(run->verdict, verdict);
    job->board = board;
    job->name = test;
    job->verdict = verdict;
    job->reason = reason;
    job->labels = labels;
    job->probe = strcmp(board, "nucleo-4") == 0 ? "066DFF515754888367131638" : NULL;
    job->image = (struct image_facts){
        .file = "fw.zip:out/blinky.elf",
        .format = "elf",
        .sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        .build_id = "c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00",
        .size_bytes = 65536};
    job->format = "unity";
    job->dir = board;
    job->end = END_DONE;
    job->complete = true;
    job->capture = (struct capture_stats){.bytes = 4711, .before_reset = 11, .lines = 99};
    job->started_unix_us = STARTED_US;
    job->took_us = 1234567;
    job->flash_us = 12000;
    job->test_us = 1100000;
    return job;
}

struct test_case *sample_case(struct job_result *job, const char *suite, const char *name,
                              enum case_result result, const char *message)
{
    struct test_case *added = suite_add(job_suite(job, suite, strlen(suite)));

    added->name = name;
    added->result = result;
    added->message = message;
    added->duration_us = 1500;
    added->start_us = 20000;
    added->end_us = 21500;
    return added;
}

static void build_pass(struct run_result *run)
{
    struct job_result *job = sample_job(run, "nucleo-3", "blinky", VERDICT_PASS, "");

    sample_case(job, "math", "test_add", CASE_PASS, NULL);
    sample_case(job, "math", "test_sub", CASE_PASS, NULL)->duration_us = -1;
    sample_case(job, "uart", "test_dma", CASE_SKIP, "no DMA on this board");
    job = sample_job(run, "virtual-1", "blinky", VERDICT_PASS, "");
    sample_case(job, "math", "test_add", CASE_PASS, NULL);
    sample_case(job, "math", "test_sub", CASE_SKIP, NULL);
}

static void place(struct test_case *test_case, const char *file, uint32_t line)
{
    test_case->file = file;
    test_case->line = line;
}

static void build_fail(struct run_result *run)
{
    static const struct line_gap gaps[] = {{812, 1500000, {.overrun = 1, .breaks = 2}},
                                           {1000, 1600000, {.overrun = 2, .framing = 1}}};
    struct job_result *job =
        sample_job(run, "nucleo-3", "blinky", VERDICT_FAIL, "3 of 6 tests failed");
    struct test_case *added;

    sample_case(job, "", "test_add", CASE_PASS, NULL);
    place(sample_case(job, "", "test_div", CASE_FAIL, "Expected 4 Was 5"), "tests/test_math.c", 42);
    added = sample_case(job, "", "test_bus", CASE_ERROR, "MPU FAULT at 0x08001234");
    added->error_type = "crash";
    added->detail = "r0: 00000000  r1: 20000100\nr2: 00000001  r3: 20000200\n\npc: 08001234\n"
                    "lr: 08000fff\nxpsr: 61000000\nHalting system";
    place(sample_case(job, "", "test_add", CASE_FAIL, NULL), "test_math.c", 7);
    sample_case(job, "", "test_add (2)", CASE_PASS, NULL);
    sample_case(job, "", "test_add", CASE_PASS, NULL);
    job = sample_job(run, "virtual-1", "sensors", VERDICT_FAIL, "2 of 3 tests are missing");
    job->trouble = job->reason;
    job->complete = false;
    job->end = END_IDLE;
    job->capture.line_known = true;
    job->capture.line = (struct line_errors){.overrun = 3, .framing = 1, .breaks = 2};
    job->capture.gaps = gaps;
    job->capture.gap_count = ARRAY_SIZE(gaps);
    job->capture.replaced_bytes = 3;
    job->capture.cut_lines = 1;
    sample_case(job, "i2c", "test_probe", CASE_PASS, NULL);
    job = sample_job(run, "virtual-2", "blinky", VERDICT_FAIL, "no tests were found");
    job->format = NULL;
}

static void build_infra(struct run_result *run)
{
    struct job_result *job = sample_job(run, "nucleo-7", "blinky", VERDICT_INFRA,
                                        "flash: openocd: exit 1: no device found");

    job->capture = (struct capture_stats){0};
    job->format = NULL;
    job->complete = false;
    job->end = END_NONE;
    job->image = (struct image_facts){.file = "blinky.hex"};
    job->labels = NULL;
    job->started_unix_us = 0;
    job = sample_job(run, "nucleo-8", "blinky", VERDICT_INFRA, "console: /dev/ttyACM3 went away");
    job->end = END_GONE;
    sample_case(job, "boot", "test_clock", CASE_PASS, NULL);
    sample_case(job, "boot", "test_flash", CASE_ERROR, NULL)->error_type = "unfinished";
    job = sample_job(run, "virtual-1", "blinky", VERDICT_PASS, "");
    sample_case(job, "boot", "test_clock", CASE_PASS, NULL);
}

static char *repeat(struct job_result *job, const char *text, size_t times)
{
    size_t length = strlen(text);
    char *all = arena_alloc(&job->arena, length * times + 1);

    for (size_t i = 0; i < times; i++)
        memcpy(all + i * length, text, length);
    return all;
}

static void build_hostile(struct run_result *run)
{
    struct job_result *job =
        sample_job(run, "nucleo-3", "blinky", VERDICT_FAIL, "x\r\n::error::y ##[add-matcher]z");
    struct test_case *added;

    sample_case(job, "s", "", CASE_PASS, NULL);
    sample_case(job, "s", "::set-output name=x::y", CASE_FAIL, "\n::error file=a.c::gotcha");
    sample_case(job, "s", "##[add-matcher]x", CASE_FAIL, "#\xE2\x80\x8B#[group]zero width");
    sample_case(job, "s", "\033[31mred\033[0m\007\b\x7F", CASE_FAIL, "a\rb\tc\vd");
    sample_case(job, "s", "\xFF\xFE\xC0\x80 \xED\xA0\x80", CASE_FAIL,
                "\xEF\xBF\xBF\xC2\x9B"
                "31m");
    sample_case(job, "s", "]]><x a=\"'\">&amp;</testcase>", CASE_SKIP, "<![CDATA[ ]]> -->");
    sample_case(job, "s", "\xE2\x80\xAEgnp.exe", CASE_FAIL, "\xE2\x80\xA8turned");
    added = sample_case(job, "s\n::warning::t", repeat(job, "long-", 500), CASE_FAIL,
                        repeat(job, "\xC3\xA4", 3000));
    added->detail = repeat(job, "line \x80 of detail\n", 6);
    added->file = "::error::/a.c";
    added->line = 4294967295U;
    sample_case(job, "s\n::warning::t", repeat(job, "long-", 501), CASE_PASS, NULL);
    job->capture.replaced_bytes = 1;
}

static void build_many(struct run_result *run)
{
    struct job_result *job = sample_job(run, "nucleo-3", "a-test-with-quite-a-long-name-of-its-own",
                                        VERDICT_FAIL, "34 of 36 tests failed");

    for (size_t i = 0; i < 36; i++) {
        const char *name = arena_printf(&job->arena, "test_channel_%02zu", i);
        if (i % 18 == 17)
            sample_case(job, "adc", name, CASE_PASS, NULL);
        else
            place(sample_case(job, "adc", name, CASE_FAIL, "Expected 2048 Was 0"), "tests/adc.c",
                  (uint32_t)(10 + i));
    }
    run->took_us = 83000000;
}

/* The same failure on two boards, with what the first of them printed at hand. */
static void build_logged(struct run_result *run)
{
    static const char *const boards[] = {"nucleo-3", "nucleo-4"};
    struct test_case *added;

    run->origin = (struct run_origin){.server_url = "https://example.org",
                                      .repository = "acme/fw",
                                      .sha = "0123456789abcdef0123456789abcdef01234567",
                                      .run_url = "https://example.org/acme/fw/actions/runs/7",
                                      .describe = "v1.2-3-g0123456",
                                      .dirty_known = true,
                                      .dirty = true,
                                      .files_known = true};
    for (size_t i = 0; i < ARRAY_SIZE(boards); i++) {
        struct job_result *job =
            sample_job(run, boards[i], "blinky", VERDICT_FAIL, "1 of 3 tests failed");
        job->log = i ? NULL : HIL_TEST_DATA "/report/uart.log";
        job->capture = (struct capture_stats){.bytes = 309, .before_reset = 24, .lines = 11};
        job->test_us = 400000;
        added = sample_case(job, "math", "test_add", CASE_PASS, NULL);
        added->log_begin = 50, added->log_end = 90;
        added = sample_case(job, "math", "test_div", CASE_FAIL, "Expected 4 Was 5");
        place(added, "C:\\build\\tests\\test math.c", 42);
        added->path = "tests/test math.c";
        added->start_us = 30000, added->end_us = 330000, added->duration_us = 300000;
        added->log_begin = 90, added->log_end = 240;
        added = sample_case(job, "math", "test_sub", CASE_PASS, NULL);
        added->start_us = 330000, added->end_us = 399000, added->duration_us = 69000;
        added->log_begin = 240, added->log_end = 290;
    }
}

static struct job_result *earlier(struct job_result *job, const char *board, enum verdict verdict,
                                  const char *reason)
{
    struct job_result *was = job_result_new();

    job->earlier = xrealloc(job->earlier, job->earlier_count + 1, sizeof(struct job_result *));
    job->earlier[job->earlier_count++] = was;
    was->board = board;
    was->name = job->name;
    was->verdict = verdict;
    was->reason = reason;
    was->dir = board;
    was->started_unix_us = STARTED_US;
    was->took_us = 1000000;
    return was;
}

/* A board that the lab failed and whose test failed once, one on which it never passed, and one
 * that fell silent at first. */
static void build_flaky(struct run_result *run)
{
    struct job_result *job = sample_job(run, "nucleo-4", "blinky", VERDICT_PASS, ""), *was;

    sample_case(job, "math", "test_add", CASE_PASS, NULL);
    sample_case(job, "math", "test_div", CASE_PASS, NULL);
    earlier(job, "nucleo-3", VERDICT_INFRA, "flash openocd: no probe found");
    was = earlier(job, "nucleo-4", VERDICT_FAIL, "1 of 2 tests failed");
    sample_case(was, "math", "test_add", CASE_PASS, NULL);
    place(sample_case(was, "math", "test_div", CASE_FAIL, "Expected 4 Was 5"), "tests/math.c", 42);
    attempts_settle(job);
    job = sample_job(run, "virtual-1", "blinky", VERDICT_FAIL, "1 of 1 tests failed");
    place(sample_case(job, "math", "test_div", CASE_FAIL, "Expected 4 Was 6"), "tests/math.c", 42);
    was = earlier(job, "virtual-1", VERDICT_FAIL, "the firmware crashed");
    sample_case(was, "math", "test_div", CASE_ERROR, "MPU FAULT")->error_type = "crash";
    attempts_settle(job);
    job = sample_job(run, "virtual-2", "blinky", VERDICT_PASS, "");
    sample_case(job, "math", "test_div", CASE_PASS, NULL);
    earlier(job, "virtual-2", VERDICT_FAIL, "it printed nothing for 10 s");
    attempts_settle(job);
}

static void build_nothing(struct run_result *run)
{
    run->verdict = VERDICT_INFRA;
    run->lab = run->version = NULL;
    run->started_unix_us = run->took_us = 0;
}

const struct sample samples[] = {
    {"pass", build_pass},       {"fail", build_fail},   {"infra", build_infra},
    {"hostile", build_hostile}, {"many", build_many},   {"nothing", build_nothing},
    {"logged", build_logged},   {"flaky", build_flaky}, {NULL, NULL},
};

struct run_result sample_build(const struct sample *sample)
{
    struct run_result run = {
        .lab = "bench-a", .version = "0.1.0", .started_unix_us = STARTED_US, .took_us = 2345678};

    sample->build(&run);
    return run;
}

void read_back(int fd, struct buf *ret)
{
    off_t size = lseek(fd, 0, SEEK_END);
    char *space = buf_space(ret, (size_t)size);

    cr_assert_eq(pread(fd, space, (size_t)size, 0), size);
    buf_grew(ret, (size_t)size);
}

void check_golden(const char *name, const char *bytes, size_t size)
{
    cleanup_free char *path = xasprintf("%s/report/%s", HIL_TEST_DATA, name);
    cleanup_buf struct buf golden = BUF_INIT(FILE_MAX_BYTES);
    struct err err = {0};
    size_t same = 0;

    if (getenv("HIL_GOLDEN_UPDATE"))
        cr_assert_eq(fs_write(path, bytes, size, &err), 0, "%s", err.message);
    cr_assert_eq(fs_read(path, &golden, &err), 0, "%s", err.message);
    while (same < size && same < golden.size && bytes[same] == golden.data[same])
        same++;
    cr_expect(same == size && same == golden.size, "%s differs at byte %zu, from here: %.200s",
              name, same, bytes + (same < size ? same : size));
}
