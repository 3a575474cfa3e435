/* SPDX-License-Identifier: MIT */
/* Annotations of every sample against golden files, and how many there may be. */
#include "base/str.h"
#include "report/report.h"
#include "samples.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *annotations_of(const struct run_result *run)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    report_annotations(run, out);
    fclose(out);
    return text;
}

Test(annotations, are_as_the_golden_ones)
{
    for (const struct sample *sample = samples; sample->name; sample++) {
        struct run_result run = sample_build(sample);
        cleanup_free char *text = annotations_of(&run);
        cleanup_free char *name = xasprintf("%s.annotations.txt", sample->name);
        check_golden(name, text, strlen(text));
        run_result_done(&run);
    }
}

/* Whatever a board printed, each line is one of ours with our own properties. */
Test(annotations, carry_no_command_of_a_board)
{
    for (const struct sample *sample = samples; sample->name; sample++) {
        struct run_result run = sample_build(sample);
        cleanup_free char *text = annotations_of(&run);
        for (char *line = text, *end; *line; line = end + 1) {
            end = strchr(line, '\n');
            cr_assert_not_null(end);
            *end = '\0';
            cr_expect(str_starts(line, "::error ") || str_starts(line, "::warning ") ||
                          str_starts(line, "::notice title=hil::"),
                      "%s", line);
            cr_expect_null(strpbrk(line, "\r\033"), "%s", line);
            cr_expect_null(strstr(line, "##["), "%s", line);
            cr_expect_leq(strlen(line), 8000);
        }
        run_result_done(&run);
    }
}

Test(annotations, are_ten_and_a_word_about_the_rest)
{
    struct run_result run = {0};
    struct job_result *job = sample_job(&run, "nucleo-3", "blinky", VERDICT_FAIL, "all failed");
    cleanup_free char *text = NULL;
    size_t lines = 0;

    for (size_t i = 0; i < 24; i++)
        sample_case(job, "s", arena_printf(&job->arena, "t%zu", i), CASE_FAIL, "no");
    sample_case(job, "s", "dead", CASE_ERROR, NULL)->error_type = "crash";
    text = annotations_of(&run);
    for (const char *at = text; (at = strchr(at, '\n')); at++)
        lines++;
    cr_expect_eq(lines, 11);
    cr_expect(str_starts(text, "::error title=crash%3A s.dead::crash%0Aon nucleo-3\n"), "%s", text);
    cr_expect_not_null(strstr(text, "::notice title=hil::and 15 more failures"));
    run_result_done(&run);
}
