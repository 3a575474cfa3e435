/* SPDX-License-Identifier: MIT */
#include "base/str.h"
#include "report/report.h"
#include "samples.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *printed(const struct run_result *run, const char *out_dir, struct term term,
                     size_t *ret_size)
{
    char *text = NULL;

    term.out = open_memstream(&text, ret_size);
    report_terminal(run, out_dir, false, &term);
    fclose(term.out);
    return text;
}

Test(terminal, is_as_the_golden_ones)
{
    for (const struct sample *sample = samples; sample->name; sample++) {
        for (int colour = 0; colour < 2; colour++) {
            cleanup_free char *name =
                xasprintf("%s.terminal%s.txt", sample->name, colour ? "-colour" : "");
            struct run_result run = sample_build(sample);
            size_t size = 0;
            cleanup_free char *text =
                printed(&run, "hil-out", (struct term){.colour = colour}, &size);
            check_golden(name, text, size);
            run_result_done(&run);
        }
    }
}

Test(terminal, a_table_fits_the_screen)
{
    static const int columns[] = {60, 80, 120};

    for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
        struct run_result run = sample_build(&samples[4]);
        struct term term = {.live = true, .columns = columns[i]};
        size_t size = 0, lines = 0;
        cleanup_free char *text = printed(&run, "hil-out", term, &size);
        for (const char *line = text; *line; line += strcspn(line, "\n") + 1) {
            if (!str_starts(line, "nucleo-3 "))
                continue;
            lines++;
            cr_expect_leq(strcspn(line, "\n"), (size_t)(columns[i] < 67 ? 67 : columns[i]));
        }
        cr_expect_eq(lines, 1);
        run_result_done(&run);
    }
}

Test(terminal, names_no_files_where_there_are_none)
{
    struct run_result run = sample_build(&samples[1]);
    size_t size = 0;
    cleanup_free char *text = printed(&run, NULL, (struct term){0}, &size);

    cr_expect_null(strstr(text, "junit.xml"));
    cr_expect_null(strstr(text, "uart.log"));
    run_result_done(&run);
}

/* The runner takes "::" at the start of a line for a command, and "##[" anywhere, and it overlooks
 * characters without width. */
Test(terminal, cannot_be_made_to_say_a_workflow_command)
{
    for (const struct sample *sample = samples; sample->name; sample++) {
        struct run_result run = sample_build(sample);
        size_t size = 0;
        cleanup_free char *text = printed(&run, "hil-out", (struct term){0}, &size);
        for (const char *line = text; line; line = strpbrk(line, "\r\n")) {
            line += strspn(line, "\r\n \t");
            cr_expect_not(str_starts(line, "::"), "%s: %.80s", sample->name, line);
        }
        cr_expect_null(strstr(text, "##["));
        cr_expect_null(strstr(text, "#\xE2\x80\x8B#["));
        cr_expect_null(strchr(text, '\r'));
        cr_expect_null(strchr(text, '\033'));
        run_result_done(&run);
    }
}
