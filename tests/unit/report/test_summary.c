/* SPDX-License-Identifier: MIT */
/* summary.md beyond its golden files: how much of it there is, and the step's file. */
#include "../scratch.h"
#include "base/fs.h"
#include "report/report.h"
#include "samples.h"

#include <string.h>
#include <sys/mman.h>

#define STEP_BYTES_MAX (1024 * 1024)

static void fill_failures(struct run_result *run, size_t count, size_t detail_size)
{
    struct job_result *job = sample_job(run, "nucleo-3", "blinky", VERDICT_FAIL, "all failed");
    char *detail = arena_alloc(&job->arena, detail_size + 1);

    for (size_t i = 0; i < detail_size; i++)
        detail[i] = i % 500 == 499 ? '\n' : 'x';
    for (size_t i = 0; i < count; i++) {
        const char *name = arena_printf(&job->arena, "test_%zu", i);
        sample_case(job, "s", name, CASE_FAIL, "no")->detail = detail;
    }
}

static void summary_of(const struct run_result *run, struct buf *ret)
{
    cleanup_close int fd = memfd_create("summary", MFD_CLOEXEC);
    struct err err = {0};

    cr_assert_eq(report_summary.write(run, fd, &err), 0, "%s", err.message);
    read_back(fd, ret);
}

static size_t count_of(const char *text, const char *what)
{
    size_t count = 0;

    for (; (text = strstr(text, what)); text += strlen(what))
        count++;
    return count;
}

Test(summary, says_how_many_failures_it_leaves_out)
{
    cleanup_buf struct buf text = BUF_INIT(1 << 22);
    struct run_result run = {0};

    fill_failures(&run, 130, 20);
    summary_of(&run, &text);
    cr_expect_eq(count_of(text.data, "#### fail: "), 100);
    cr_expect_not_null(strstr(text.data, "**Cut:** 30 more failures; junit.xml and report.html"));
    cr_expect(!strncmp(text.data, "## ❌ FAIL: 1 board, 130 tests, 130 failed", 40));
    run_result_done(&run);
}

static void step_summary(const struct run_result *run, size_t before, struct buf *ret)
{
    cleanup_scratch char *dir = scratch_make();
    cleanup_free char *path = fs_join(dir, "step"), *earlier = xmalloc(before + 1);
    struct err err = {0};

    memset(earlier, 'e', before);
    cr_assert_eq(fs_write(path, earlier, before, &err), 0, "%s", err.message);
    cr_expect_eq(report_step_summary(run, path, &err), 0, "%s", err.message);
    cr_assert_eq(fs_read(path, ret, &err), 0, "%s", err.message);
    cr_expect(!memcmp(ret->data, earlier, before), "what was there stays");
}

/* GitHub drops the whole summary of a step that is larger. */
Test(summary, leaves_the_step_below_what_github_shows)
{
    static const size_t before[] = {0,       10,      500000,      900000,      1000000,
                                    1040000, 1046000, 1048000 - 1, 1048576 - 1, 1048576};

    for (size_t i = 0; i < ARRAY_SIZE(before); i++) {
        cleanup_buf struct buf text = BUF_INIT(1 << 22);
        struct run_result run = {0};
        fill_failures(&run, 100, 20000);
        step_summary(&run, before[i], &text);
        cr_expect_leq(text.size, STEP_BYTES_MAX, "%zu", before[i]);
        if (before[i] < 1000000)
            cr_expect_not_null(strstr(text.data, "**Cut:**"), "%zu", before[i]);
        if (before[i] <= 1046000)
            cr_expect_not_null(strstr(text.data, "## ❌ FAIL"), "%zu", before[i]);
        if (before[i] < 900000)
            cr_expect_not_null(strstr(text.data, "\nhil"), "%zu: its end is there", before[i]);
        run_result_done(&run);
    }
}

Test(summary, of_a_step_that_cannot_be_written_is_an_error)
{
    struct run_result run = sample_build(&samples[0]);
    struct err err = {0};

    cr_expect_eq(report_step_summary(&run, "/nonexistent/step", &err), -ERR_NOT_FOUND);
    cr_expect_not_null(strstr(err.message, "/nonexistent/step"), "%s", err.message);
    cr_expect_eq(report_step_summary(&run, NULL, &err), 0);
    run_result_done(&run);
}
