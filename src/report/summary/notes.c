/* SPDX-License-Identifier: MIT */
/* What to know besides: how far the results can be trusted, and where the time went. */
#include "report/summary/parts.h"

#include "base/str.h"
#include "report/words.h"

#include <inttypes.h>

#define SLOWEST_MAX 10
#define SLOW_US 10000 /* faster ones are none's concern */

/* Whether the boards ran what was flashed, where that was asked for: one line where all is well. */
void summary_identity(struct summary *page)
{
    cleanup_buf struct buf words = BUF_INIT(SIZE_MAX / 4);
    size_t asked = 0, good = 0, notes = 0;

    for (size_t i = 0; i < page->run->count; i++) {
        const struct job_result *job = page->run->jobs[i];
        if (!words_identity(&words, job))
            continue;
        asked++;
        good += identity_proven(&job->identity);
        if ((identity_proven(&job->identity) && !job->identity.ignored) ||
            notes++ >= SUMMARY_NOTES_MAX)
            continue;
        summary_note(page, job, words.data);
    }
    if (notes > SUMMARY_NOTES_MAX)
        buf_addf(&page->block, "- and %zu more boards\n", notes - SUMMARY_NOTES_MAX);
    if (asked)
        buf_addf(&page->block, "%s%zu of %zu board%s proved to run the image.\n\n",
                 notes ? "\n" : "", good, asked, words_plural(asked));
    summary_commit(page);
}

/* How far the console's bytes can be trusted, where they can and where they cannot. */
void summary_honesty(struct summary *page)
{
    cleanup_buf struct buf note = BUF_INIT(SIZE_MAX / 4);
    uint64_t bytes = 0, lines = 0;
    size_t notes = 0;

    for (size_t i = 0; i < page->run->count; i++) {
        const struct job_result *job = page->run->jobs[i];
        bytes += job->capture.bytes;
        lines += job->capture.lines;
        if (!words_honesty(&note, job) || notes++ >= SUMMARY_NOTES_MAX)
            continue;
        summary_note(page, job, note.data);
    }
    if (notes > SUMMARY_NOTES_MAX)
        buf_addf(&page->block, "- and %zu more boards\n", notes - SUMMARY_NOTES_MAX);
    if (bytes)
        buf_addf(&page->block, "%sCaptured %" PRIu64 " byte%s in %" PRIu64 " line%s%s.\n\n",
                 notes ? "\n" : "", bytes, words_plural(bytes), lines, words_plural(lines),
                 notes ? "" : ", all of them text");
    summary_commit(page);
}

struct slow {
    const struct job_result *job;
    const struct test_suite *suite;
    const struct test_case *test_case;
};

/* Sorted in, the slowest first. */
static void offer(struct slow *slowest, size_t *count, struct slow one)
{
    size_t at = *count < SLOWEST_MAX ? (*count)++ : SLOWEST_MAX;

    for (; at && slowest[at - 1].test_case->duration_us < one.test_case->duration_us; at--)
        if (at < SLOWEST_MAX)
            slowest[at] = slowest[at - 1];
    if (at < SLOWEST_MAX)
        slowest[at] = one;
}

static size_t find_slowest(const struct run_result *run, struct slow *slowest)
{
    size_t count = 0;

    for (size_t i = 0; i < run->count; i++)
        for (size_t k = 0; k < run->jobs[i]->suite_count; k++) {
            const struct test_suite *suite = &run->jobs[i]->suites[k];
            for (size_t n = 0; n < suite->count; n++)
                if (suite->cases[n].duration_us >= SLOW_US)
                    offer(slowest, &count, (struct slow){run->jobs[i], suite, &suite->cases[n]});
        }
    return count;
}

void summary_slowest(struct summary *page)
{
    struct slow slowest[SLOWEST_MAX];
    size_t count = find_slowest(page->run, slowest);

    if (count < 2)
        return;
    summary_say(page, "<details><summary>Slowest tests</summary>\n<table>\n");
    for (size_t i = 0; i < count; i++) {
        cleanup_free char *name =
            xasprintf("%s%s%s", slowest[i].suite->name, *slowest[i].suite->name ? "." : "",
                      slowest[i].test_case->name);
        char took[32];
        buf_addf(&page->block, "<tr><td align=\"right\">%s</td><td>",
                 str_from_us(slowest[i].test_case->duration_us, took));
        summary_html_code(page, name);
        summary_say(page, "</td><td>");
        summary_html_code(page, slowest[i].job->board);
        summary_say(page, "</td></tr>\n");
    }
    summary_say(page, "</table>\n</details>\n\n");
    summary_commit(page);
}
