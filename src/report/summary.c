/* SPDX-License-Identifier: MIT */
/* summary.md, the page that GitHub shows of a job: verdict, table of boards, what broke, what to
 * mistrust. Where it may hold no more (GitHub drops a step's summary beyond 1 MiB as a whole) it
 * ends with what was left out.
 *
 * What boards print stands in code spans, in fenced blocks, or escaped inside of HTML blocks: there
 * Markdown looks for nothing, neither for images nor for bare addresses. */
#include "report/report.h"

#include "base/fs.h"
#include "base/str.h"
#include "report/place.h"
#include "report/step_file.h"
#include "report/summary/parts.h"
#include "report/words.h"

#define CLOSING_BYTES 512 /* kept free for saying what was cut */
#define ROWS_MAX 100

static const char *verdict_mark(enum verdict verdict)
{
    return verdict == VERDICT_PASS ? "✅" : verdict == VERDICT_FAIL ? "❌" : "⚠️";
}

static void headline(struct summary *page)
{
    static const char *const words[] = {"PASS", "FAIL", "INFRA"};
    const struct run_result *run = page->run;

    buf_addf(&page->block, "## %s %s: %s\n\n", verdict_mark(run->verdict), words[run->verdict],
             words_run(&page->text, run));
    summary_commit(page);
}

static void add_row(struct summary *page, const struct job_result *job)
{
    struct test_counts counts = job_counts(job);
    char took[32];

    buf_addf(&page->block, "<tr><td>%s %s</td><td>", verdict_mark(job->verdict),
             verdict_name(job->verdict));
    summary_html_code(page, job->board);
    summary_say(page, "</td><td>");
    summary_html_code(page, job->name);
    buf_addf(&page->block,
             "</td><td align=\"right\">%zu</td><td align=\"right\">%zu</td>"
             "<td align=\"right\">%zu</td><td align=\"right\">%s</td></tr>\n",
             counts.pass, counts.fail + counts.error, counts.skip, words_took(job->took_us, took));
}

/* Red rows first, since the green ones may be many. */
static void table(struct summary *page)
{
    const struct run_result *run = page->run;
    size_t rows = 0;

    if (!run->count)
        return;
    summary_say(page, "<table>\n<tr><th align=\"left\">Verdict</th><th align=\"left\">Board</th>"
                      "<th align=\"left\">Test</th><th align=\"right\">Passed</th>"
                      "<th align=\"right\">Failed</th><th align=\"right\">Skipped</th>"
                      "<th align=\"right\">Time</th></tr>\n");
    for (int green = 0; green <= 1; green++)
        for (size_t i = 0; i < run->count; i++)
            if ((run->jobs[i]->verdict == VERDICT_PASS) == green && rows++ < ROWS_MAX)
                add_row(page, run->jobs[i]);
    summary_say(page, "</table>\n\n");
    if (rows > ROWS_MAX)
        buf_addf(&page->block, "and %zu more\n\n", rows - ROWS_MAX);
    summary_commit(page);
}

static void origin(struct summary *page)
{
    const struct run_origin *origin = &page->run->origin;
    cleanup_buf struct buf link = BUF_INIT(SIZE_MAX / 4);

    summary_say(page, "hil");
    if (page->run->version) {
        summary_say(page, " ");
        summary_code(page, page->run->version);
    }
    if (page->run->lab) {
        summary_say(page, " in lab ");
        summary_code(page, page->run->lab);
    }
    if (place_commit(&link, origin))
        buf_addf(&page->block, " · commit [`%.10s`](%s)", origin->sha, link.data);
    if (origin->describe) {
        summary_say(page, " · ");
        summary_code(page, origin->describe);
    }
    summary_say(page, origin->dirty ? " with changes that are not committed" : "");
    if (place_run(&link, origin))
        buf_addf(&page->block, " · [workflow run](%s)", link.data);
    summary_say(page, "\n");
    summary_commit(page);
}

/* Always fits: room was kept. */
static void closing(struct summary *page)
{
    page->body.ceiling += CLOSING_BYTES;
    if (page->failures_cut)
        buf_addf(&page->body, "\n**Cut:** %zu more failure%s; %s and %s have them all.\n",
                 page->failures_cut, words_plural(page->failures_cut), report_junit.file,
                 report_html.file);
    if (page->logs_cut)
        buf_adds(&page->body, "\n**Cut:** for some failures the UART log, for want of room.\n");
    if (page->parts_cut)
        buf_adds(&page->body, "\n**Cut:** whole tables, for want of room.\n");
}

static int write_page(const struct run_result *run, size_t bytes_max, int fd, struct err *err)
{
    struct summary page = {.run = run,
                           .body = BUF_INIT(bytes_max - CLOSING_BYTES),
                           .block = BUF_INIT(SIZE_MAX / 4),
                           .text = BUF_INIT(SIZE_MAX / 4)};
    int rc;

    for (size_t i = 1; i < run->count; i++)
        page.several_tests |= !str_eq(run->jobs[i]->name, run->jobs[0]->name);
    headline(&page);
    table(&page);
    summary_broke(&page);
    summary_blame(&page);
    summary_attempts(&page);
    summary_identity(&page);
    summary_honesty(&page);
    summary_slowest(&page);
    origin(&page);
    closing(&page);
    rc = fs_write_all(fd, page.body.data, page.body.size, "cannot write", err);
    buf_done(&page.body);
    buf_done(&page.block);
    buf_done(&page.text);
    return rc;
}

static int summary_write(const struct run_result *run, int fd, struct err *err)
{
    return write_page(run, STEP_SUMMARY_MAX, fd, err);
}

int report_step_summary(const struct run_result *run, const char *path, struct err *err)
{
    cleanup_close int fd = -1;
    size_t room = 0;
    int rc = path ? step_summary_open(path, &fd, &room, err) : 0;

    if (rc == 0 && room > 4 * CLOSING_BYTES) { /* less is no summary */
        rc = write_page(run, room, fd, err);
        if (rc < 0)
            err_wrap(err, "%s", path);
    }
    return rc;
}

const struct report_format report_summary = {
    .name = "summary",
    .file = "summary.md",
    .first = '#',
    .summary = "Markdown, as GitHub shows it on a job's page",
    .write = summary_write,
};
