/* SPDX-License-Identifier: MIT */
/* A step's outputs, read back as the runner reads them. */
#include "../scratch.h"
#include "report/report.h"
#include "samples.h"

#include <string.h>

/* The value of one output; NULL: there is none. Caller frees. */
static char *output(const char *text, const char *name)
{
    cleanup_free char *begin = xasprintf("\n%s<<", name);
    char *at = strstr(text, begin), *value, *found;
    cleanup_free char *end = NULL;

    if (!at)
        return NULL;
    at += strlen(begin);
    end = xasprintf("\n%.*s\n", (int)strcspn(at, "\n"), at);
    value = strchr(at, '\n') + 1;
    found = strstr(value, end);
    return found ? xstrndup(value, (size_t)(found - value)) : NULL;
}

static void written(const char *out_dir, const char *before, struct buf *ret)
{
    cleanup_scratch char *dir = scratch_make();
    cleanup_free char *path = fs_join(dir, "output");
    struct run_result run = sample_build(&samples[0]);
    struct err err = {0};

    cr_assert_eq(fs_write(path, before, strlen(before), &err), 0, "%s", err.message);
    cr_assert_eq(report_step_outputs(&run, out_dir, path, &err), 0, "%s", err.message);
    cr_assert_eq(fs_read(path, ret, &err), 0, "%s", err.message);
    run_result_done(&run);
}

static void check(const char *text, const char *name, const char *expected)
{
    cleanup_free char *value = output(text, name);

    cr_expect_str_eq(value ? value : "(none)", expected, "%s in:\n%s", name, text);
}

Test(github_output, has_verdict_counts_and_files)
{
    cleanup_buf struct buf text = BUF_INIT(1 << 16);
    struct run_result run = sample_build(&samples[0]);
    struct test_counts counts = run_counts(&run);
    cleanup_free char *total = xasprintf("%zu", counts.total);
    cleanup_free char *failed = xasprintf("%zu", counts.fail);
    cleanup_free char *errors = xasprintf("%zu", counts.error);

    written("hil-out", "", &text);
    check(text.data, "verdict", verdict_name(run.verdict));
    check(text.data, "tests", total);
    check(text.data, "failures", failed);
    check(text.data, "errors", errors);
    check(text.data, "junit", "hil-out/junit.xml");
    check(text.data, "report", "hil-out/report.json");
    run_result_done(&run);
}

/* A line that is not ended would swallow the first output. */
Test(github_output, keeps_what_was_there)
{
    cleanup_buf struct buf text = BUF_INIT(1 << 16);

    written("hil-out", "earlier=1", &text);
    cr_expect(str_starts(text.data, "earlier=1\n"), "%s", text.data);
    check(text.data, "verdict", "pass");
}

Test(github_output, no_value_can_pose_as_another_output)
{
    cleanup_buf struct buf text = BUF_INIT(1 << 16), other = BUF_INIT(1 << 16);

    written("x\nverdict=pass\nEOF\nverdict<<EOF\n", "", &text);
    written("hil-out", "", &other);
    check(text.data, "junit", "x\nverdict=pass\nEOF\nverdict<<EOF\n/junit.xml");
    cr_expect_neq(strncmp(text.data, other.data, 40), 0, "the end is the same twice");
}

Test(github_output, a_file_that_cannot_be_written_is_an_error)
{
    struct run_result run = sample_build(&samples[0]);
    struct err err = {0};

    cr_expect_eq(report_step_outputs(&run, "hil-out", NULL, &err), 0);
    cr_expect_lt(report_step_outputs(&run, "hil-out", "/no/such/dir/output", &err), 0);
    cr_expect(strstr(err.message, "/no/such/dir/output"), "%s", err.message);
    run_result_done(&run);
}
