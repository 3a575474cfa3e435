/* SPDX-License-Identifier: MIT */
/* What was tried again, and whom further runs put a failure down to. */
#include "report/summary/parts.h"

#include "base/str.h"
#include "report/report.h"
#include "report/words.h"
#include "result/attempts.h"

#define FLAKY_MAX 50

static void flaky_case(struct summary *page, const struct job_result *job,
                       const struct test_suite *suite, const struct test_case *test_case)
{
    cleanup_buf struct buf words = BUF_INIT(SIZE_MAX / 4);
    cleanup_free char *name =
        xasprintf("%s%s%s", suite->name, *suite->name ? "." : "", test_case->name);

    summary_say(page, "- flaky: ");
    summary_code(page, name);
    summary_say(page, " on ");
    summary_code(page, job->board);
    summary_say(page, ": ");
    summary_code(page, words_earlier(&words, test_case->earlier));
    summary_say(page, "\n");
}

static size_t flaky_cases(struct summary *page, const struct job_result *job, size_t shown)
{
    for (size_t k = 0; k < job->suite_count; k++) {
        const struct test_suite *suite = &job->suites[k];
        for (size_t n = 0; n < suite->count; n++)
            if (case_flaky(&suite->cases[n]) && shown++ < FLAKY_MAX)
                flaky_case(page, job, suite, &suite->cases[n]);
    }
    return shown;
}

void summary_attempts(struct summary *page)
{
    cleanup_buf struct buf words = BUF_INIT(SIZE_MAX / 4);
    size_t jobs = 0, cases = 0;

    for (size_t i = 0; i < page->run->count; i++) {
        const struct job_result *job = page->run->jobs[i];
        if (!words_attempts(&words, job))
            continue;
        if (!jobs++)
            summary_say(page, "### Tried again\n\n");
        if (jobs <= SUMMARY_NOTES_MAX)
            summary_note_code(page, job, words.data);
        cases = flaky_cases(page, job, cases);
    }
    if (jobs > SUMMARY_NOTES_MAX || cases > FLAKY_MAX)
        buf_addf(&page->block, "- and more: %s has them all\n", report_json.file);
    if (jobs)
        summary_say(page, "\n");
    summary_commit(page);
}

void summary_blame(struct summary *page)
{
    cleanup_buf struct buf words = BUF_INIT(SIZE_MAX / 4);
    size_t jobs = 0;

    for (size_t i = 0; i < page->run->count; i++) {
        const struct job_result *job = page->run->jobs[i];
        if (!words_blame(&words, job) || jobs == SUMMARY_NOTES_MAX)
            continue;
        if (!jobs++)
            summary_say(page, "### To blame\n\n");
        summary_note_code(page, job, words.data);
    }
    if (jobs)
        summary_say(page, "\n");
    summary_commit(page);
}
