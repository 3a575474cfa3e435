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
#include "report/escape.h"
#include "report/failures.h"
#include "report/place.h"
#include "report/step_file.h"
#include "report/uart_log.h"
#include "report/words.h"
#include "result/attempts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CLOSING_BYTES 512 /* kept free for saying what was cut */
#define ROWS_MAX 100
#define FAILURES_MAX 100
#define NOTES_MAX 20
#define FLAKY_MAX 50
#define REST_BYTES (64 * 1024) /* kept free by the failures for what comes after them */
#define SLOWEST_MAX 10
#define SLOW_US 10000 /* faster ones are none's concern */
#define BOARDS_NAMED_MAX 8
#define LOG_LINES 20
#define DETAIL_LINES_MAX 30
#define LINE_BYTES_MAX 600
#define NAME_COLUMNS_MAX 200

struct page {
    const struct run_result *run;
    struct buf body;  /* its ceiling is what the page may hold, less CLOSING_BYTES */
    struct buf block; /* the next piece, which goes in whole or not at all */
    struct buf text;
    size_t failures_cut;
    bool logs_cut, parts_cut;
    bool several_tests; /* jobs differ in their test */
};

/* ---- pieces ---------------------------------------------------------------------------------- */

static const char *clean(struct page *page, const char *text)
{
    text = text ? text : "";
    words_screen(&page->text, text, strnlen(text, LINE_BYTES_MAX), false);
    return words_fit(&page->text, NAME_COLUMNS_MAX);
}

static void say(struct page *page, const char *ours)
{
    buf_adds(&page->block, ours);
}

static void code(struct page *page, const char *text)
{
    escape_code_span(&page->block, clean(page, text));
}

/* Only inside of an HTML block. */
static void html_code(struct page *page, const char *text)
{
    const char *shown = clean(page, text);

    say(page, "<code>");
    escape_html(&page->block, shown, strlen(shown));
    say(page, "</code>");
}

/* False: there was no room for the block. */
static bool fits(struct page *page)
{
    bool added = buf_add(&page->body, page->block.data, page->block.size) == 0;

    buf_clear(&page->block);
    return added;
}

static void commit(struct page *page)
{
    page->parts_cut |= !fits(page);
}

static const char *verdict_mark(enum verdict verdict)
{
    return verdict == VERDICT_PASS ? "✅" : verdict == VERDICT_FAIL ? "❌" : "⚠️";
}

static void headline(struct page *page)
{
    static const char *const words[] = {"PASS", "FAIL", "INFRA"};
    const struct run_result *run = page->run;

    buf_addf(&page->block, "## %s %s: %s\n\n", verdict_mark(run->verdict), words[run->verdict],
             words_run(&page->text, run));
    commit(page);
}

/* ---- the table of boards --------------------------------------------------------------------- */

static void add_row(struct page *page, const struct job_result *job)
{
    struct test_counts counts = job_counts(job);
    char took[32];

    buf_addf(&page->block, "<tr><td>%s %s</td><td>", verdict_mark(job->verdict),
             verdict_name(job->verdict));
    html_code(page, job->board);
    say(page, "</td><td>");
    html_code(page, job->name);
    buf_addf(&page->block,
             "</td><td align=\"right\">%zu</td><td align=\"right\">%zu</td>"
             "<td align=\"right\">%zu</td><td align=\"right\">%s</td></tr>\n",
             counts.pass, counts.fail + counts.error, counts.skip, words_took(job->took_us, took));
}

/* Red rows first, since the green ones may be many. */
static void table(struct page *page)
{
    const struct run_result *run = page->run;
    size_t rows = 0;

    if (!run->count)
        return;
    say(page, "<table>\n<tr><th align=\"left\">Verdict</th><th align=\"left\">Board</th>"
              "<th align=\"left\">Test</th><th align=\"right\">Passed</th>"
              "<th align=\"right\">Failed</th><th align=\"right\">Skipped</th>"
              "<th align=\"right\">Time</th></tr>\n");
    for (int green = 0; green <= 1; green++)
        for (size_t i = 0; i < run->count; i++)
            if ((run->jobs[i]->verdict == VERDICT_PASS) == green && rows++ < ROWS_MAX)
                add_row(page, run->jobs[i]);
    say(page, "</table>\n\n");
    if (rows > ROWS_MAX)
        buf_addf(&page->block, "and %zu more\n\n", rows - ROWS_MAX);
    commit(page);
}

/* ---- what broke ------------------------------------------------------------------------------ */

static void add_boards(struct page *page, const struct failure *failure)
{
    for (size_t i = 0; i < failure->count && i < BOARDS_NAMED_MAX; i++) {
        const struct job_result *job = failure->seen[i].job;
        say(page, i ? ", " : "On ");
        code(page, job->board);
        if (page->several_tests) {
            say(page, " (");
            code(page, job->name);
            say(page, ")");
        }
    }
    if (failure->count > BOARDS_NAMED_MAX)
        buf_addf(&page->block, " and %zu more", failure->count - BOARDS_NAMED_MAX);
}

static void add_place(struct page *page, const struct test_case *test_case)
{
    cleanup_buf struct buf link = BUF_INIT(SIZE_MAX / 4);
    const char *file = test_case ? case_file(test_case) : NULL;
    cleanup_free char *place = NULL;

    if (!file)
        return;
    place = test_case->line ? xasprintf("%s:%" PRIu32, file, test_case->line) : xstrdup(file);
    say(page, " at ");
    if (place_link(&link, &page->run->origin, test_case)) {
        say(page, "[");
        code(page, place);
        buf_addf(&page->block, "](%s)", link.data);
    } else {
        code(page, place);
    }
}

static void add_lines(struct page *page, struct buf *lines, const char *text)
{
    size_t count = 0;

    for (; *text; text += *text != '\0') {
        size_t size = strcspn(text, "\r\n");
        if (size && ++count <= DETAIL_LINES_MAX) {
            buf_adds(lines,
                     words_line(&page->text, text, size < LINE_BYTES_MAX ? size : LINE_BYTES_MAX));
            buf_adds(lines, size < LINE_BYTES_MAX ? "\n" : "...\n");
        }
        text += size;
    }
    if (count > DETAIL_LINES_MAX)
        buf_addf(lines, "... %zu more lines\n", count - DETAIL_LINES_MAX);
}

static void add_message(struct page *page, const struct sighting *seen)
{
    cleanup_buf struct buf lines = BUF_INIT(SIZE_MAX / 4);

    add_lines(page, &lines, seen->message);
    if (seen->test_case && seen->test_case->detail)
        add_lines(page, &lines, seen->test_case->detail);
    escape_code_block(&page->block, lines.data);
    say(page, "\n");
}

static void add_log(struct page *page, const struct job_result *job,
                    const struct test_case *test_case)
{
    cleanup_buf struct buf lines = BUF_INIT(SIZE_MAX / 4);
    struct uart_log log = uart_log_open(job);
    size_t count =
        uart_log_before(&log, test_case ? test_case->log_end : log.size, LOG_LINES, &lines);

    uart_log_close(&log);
    if (!count)
        return;
    buf_addf(&page->block, "<details><summary>The last %zu line%s of the UART on ", count,
             words_plural(count));
    html_code(page, job->board);
    say(page, "</summary>\n\n");
    escape_code_block(&page->block, lines.data);
    say(page, "\n</details>\n\n");
}

static void add_failure(struct page *page, const struct failure *failure)
{
    const struct sighting *seen = failure->seen;
    size_t without_log;

    buf_addf(&page->block, "#### %s: ", failure->kind);
    if (seen->test_case) {
        cleanup_free char *name =
            xasprintf("%s%s%s", seen->suite->name, *seen->suite->name ? "." : "",
                      *seen->test_case->name ? seen->test_case->name : "(no name)");
        code(page, name);
    } else if (seen->job) {
        code(page, seen->job->name);
    } else {
        say(page, "the run");
    }
    say(page, "\n\n");
    if (seen->job) {
        add_boards(page, failure);
        add_place(page, seen->test_case);
        say(page, "\n\n");
    }
    add_message(page, seen);
    without_log = page->block.size;
    if (seen->job)
        add_log(page, seen->job, seen->test_case);
    if (page->body.size + page->block.size > page->body.ceiling) {
        page->block.size = without_log;
        page->logs_cut = true;
    }
    if (!fits(page))
        page->failures_cut++;
}

static void failures(struct page *page)
{
    struct failures found = failures_of(page->run);
    size_t ceiling = page->body.ceiling, rest = ceiling / 4 < REST_BYTES ? ceiling / 4 : REST_BYTES;

    page->body.ceiling = ceiling - rest;
    if (found.count) {
        say(page, "### What broke\n\n");
        commit(page);
    }
    for (size_t i = 0; i < found.count; i++)
        if (i < FAILURES_MAX)
            add_failure(page, &found.items[i]);
        else
            page->failures_cut++;
    page->body.ceiling = ceiling;
    failures_done(&found);
}

/* ---- what was tried again -------------------------------------------------------------------- */

static void flaky_case(struct page *page, const struct job_result *job,
                       const struct test_suite *suite, const struct test_case *test_case)
{
    cleanup_buf struct buf words = BUF_INIT(SIZE_MAX / 4);
    cleanup_free char *name =
        xasprintf("%s%s%s", suite->name, *suite->name ? "." : "", test_case->name);

    say(page, "- flaky: ");
    code(page, name);
    say(page, " on ");
    code(page, job->board);
    say(page, ": ");
    code(page, words_earlier(&words, test_case->earlier));
    say(page, "\n");
}

static size_t flaky_cases(struct page *page, const struct job_result *job, size_t shown)
{
    for (size_t k = 0; k < job->suite_count; k++) {
        const struct test_suite *suite = &job->suites[k];
        for (size_t n = 0; n < suite->count; n++)
            if (case_flaky(&suite->cases[n]) && shown++ < FLAKY_MAX)
                flaky_case(page, job, suite, &suite->cases[n]);
    }
    return shown;
}

static void bullet(struct page *page, const struct job_result *job, const char *words)
{
    say(page, "- ");
    code(page, job->board);
    say(page, " ");
    code(page, job->name);
    say(page, ": ");
    code(page, words);
    say(page, "\n");
}

static void attempts(struct page *page)
{
    cleanup_buf struct buf words = BUF_INIT(SIZE_MAX / 4);
    size_t jobs = 0, cases = 0;

    for (size_t i = 0; i < page->run->count; i++) {
        const struct job_result *job = page->run->jobs[i];
        if (!words_attempts(&words, job))
            continue;
        if (!jobs++)
            say(page, "### Tried again\n\n");
        if (jobs <= NOTES_MAX)
            bullet(page, job, words.data);
        cases = flaky_cases(page, job, cases);
    }
    if (jobs > NOTES_MAX || cases > FLAKY_MAX)
        buf_addf(&page->block, "- and more: %s has them all\n", report_json.file);
    if (jobs)
        say(page, "\n");
    commit(page);
}

static void blame(struct page *page)
{
    cleanup_buf struct buf words = BUF_INIT(SIZE_MAX / 4);
    size_t jobs = 0;

    for (size_t i = 0; i < page->run->count; i++) {
        const struct job_result *job = page->run->jobs[i];
        if (!words_blame(&words, job) || jobs == NOTES_MAX)
            continue;
        if (!jobs++)
            say(page, "### To blame\n\n");
        bullet(page, job, words.data);
    }
    if (jobs)
        say(page, "\n");
    commit(page);
}

/* ---- what to know besides -------------------------------------------------------------------- */

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

static void slowest_cases(struct page *page)
{
    struct slow slowest[SLOWEST_MAX];
    size_t count = find_slowest(page->run, slowest);

    if (count < 2)
        return;
    say(page, "<details><summary>Slowest tests</summary>\n<table>\n");
    for (size_t i = 0; i < count; i++) {
        cleanup_free char *name =
            xasprintf("%s%s%s", slowest[i].suite->name, *slowest[i].suite->name ? "." : "",
                      slowest[i].test_case->name);
        char took[32];
        buf_addf(&page->block, "<tr><td align=\"right\">%s</td><td>",
                 str_from_us(slowest[i].test_case->duration_us, took));
        html_code(page, name);
        say(page, "</td><td>");
        html_code(page, slowest[i].job->board);
        say(page, "</td></tr>\n");
    }
    say(page, "</table>\n</details>\n\n");
    commit(page);
}

/* Whether the boards ran what was flashed, where that was asked for: one line where all is well. */
static void identity(struct page *page)
{
    cleanup_buf struct buf words = BUF_INIT(SIZE_MAX / 4);
    size_t asked = 0, good = 0, notes = 0;

    for (size_t i = 0; i < page->run->count; i++) {
        const struct job_result *job = page->run->jobs[i];
        if (!words_identity(&words, job))
            continue;
        asked++;
        good += identity_proven(&job->identity);
        if ((identity_proven(&job->identity) && !job->identity.ignored) || notes++ >= NOTES_MAX)
            continue;
        say(page, "- ");
        code(page, job->board);
        say(page, " ");
        code(page, job->name);
        buf_addf(&page->block, ": %s\n", words.data);
    }
    if (notes > NOTES_MAX)
        buf_addf(&page->block, "- and %zu more boards\n", notes - NOTES_MAX);
    if (asked)
        buf_addf(&page->block, "%s%zu of %zu board%s proved to run the image.\n\n",
                 notes ? "\n" : "", good, asked, words_plural(asked));
    commit(page);
}

/* How far the console's bytes can be trusted, where they can and where they cannot. */
static void honesty(struct page *page)
{
    cleanup_buf struct buf note = BUF_INIT(SIZE_MAX / 4);
    uint64_t bytes = 0, lines = 0;
    size_t notes = 0;

    for (size_t i = 0; i < page->run->count; i++) {
        const struct job_result *job = page->run->jobs[i];
        bytes += job->capture.bytes;
        lines += job->capture.lines;
        if (!words_honesty(&note, job) || notes++ >= NOTES_MAX)
            continue;
        say(page, "- ");
        code(page, job->board);
        say(page, " ");
        code(page, job->name);
        buf_addf(&page->block, ": %s\n", note.data);
    }
    if (notes > NOTES_MAX)
        buf_addf(&page->block, "- and %zu more boards\n", notes - NOTES_MAX);
    if (bytes)
        buf_addf(&page->block, "%sCaptured %" PRIu64 " byte%s in %" PRIu64 " line%s%s.\n\n",
                 notes ? "\n" : "", bytes, words_plural(bytes), lines, words_plural(lines),
                 notes ? "" : ", all of them text");
    commit(page);
}

static void origin(struct page *page)
{
    const struct run_origin *origin = &page->run->origin;
    cleanup_buf struct buf link = BUF_INIT(SIZE_MAX / 4);

    say(page, "hil");
    if (page->run->version) {
        say(page, " ");
        code(page, page->run->version);
    }
    if (page->run->lab) {
        say(page, " in lab ");
        code(page, page->run->lab);
    }
    if (place_commit(&link, origin))
        buf_addf(&page->block, " · commit [`%.10s`](%s)", origin->sha, link.data);
    if (origin->describe) {
        say(page, " · ");
        code(page, origin->describe);
    }
    say(page, origin->dirty ? " with changes that are not committed" : "");
    if (place_run(&link, origin))
        buf_addf(&page->block, " · [workflow run](%s)", link.data);
    say(page, "\n");
    commit(page);
}

/* Always fits: room was kept. */
static void closing(struct page *page)
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
    struct page page = {.run = run,
                        .body = BUF_INIT(bytes_max - CLOSING_BYTES),
                        .block = BUF_INIT(SIZE_MAX / 4),
                        .text = BUF_INIT(SIZE_MAX / 4)};
    int rc;

    for (size_t i = 1; i < run->count; i++)
        page.several_tests |= !str_eq(run->jobs[i]->name, run->jobs[0]->name);
    headline(&page);
    table(&page);
    failures(&page);
    blame(&page);
    attempts(&page);
    identity(&page);
    honesty(&page);
    slowest_cases(&page);
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
    .summary = "Markdown, as GitHub shows it on a job's page",
    .write = summary_write,
};
