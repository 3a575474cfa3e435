/* SPDX-License-Identifier: MIT */
/* What a person reads when a run is over: failures, a table of the jobs, what to mistrust, where
 * the files are, and last the verdict. Every line that holds a board's text starts with a mark of
 * ours, so that no CI system takes it for a command. */
#include "base/fs.h"
#include "base/str.h"
#include "report/report.h"
#include "report/words.h"
#include "result/attempts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAILURES_MAX 20
#define DETAIL_LINES_MAX 4
#define LINE_BYTES_MAX 600
#define CASE_COLUMNS_MAX 100
#define NAME_COLUMNS_MIN 12
#define NAME_COLUMNS_MAX 64
#define BOARD_COLUMNS_MAX 24 /* on a terminal */
#define LOGS_MAX 5

struct page {
    const struct run_result *run;
    const struct term *term;
    const char *out_dir;  /* NULL: none */
    bool several_tests;   /* jobs differ in their test */
    bool told;            /* the line above says what became of the only job, and why */
    size_t shown, hidden; /* failures */
    struct buf text;
};

static const char *screen(struct page *page, const char *text)
{
    return words_screen(&page->text, text ? text : "", strnlen(text ? text : "", LINE_BYTES_MAX),
                        false);
}

/* The same, at most `columns` wide. */
static const char *screen_fit(struct page *page, const char *text, size_t columns)
{
    screen(page, text);
    return words_fit(&page->text, columns);
}

static const char *style(const struct page *page, enum term_style which)
{
    return term_style(page->term, which);
}

static enum term_style verdict_style(enum verdict verdict)
{
    return verdict == VERDICT_PASS ? TERM_GREEN : verdict == VERDICT_FAIL ? TERM_RED : TERM_YELLOW;
}

static const char *verdict_word(enum verdict verdict)
{
    return verdict == VERDICT_PASS ? "PASS" : verdict == VERDICT_FAIL ? "FAIL" : "INFRA";
}

/* ---- failures -------------------------------------------------------------------------------- */

/* "FAIL   nucleo-3  blinky  suite.name"; false once there are enough of them. */
static bool headline(struct page *page, const struct job_result *job, const char *word,
                     enum term_style colour)
{
    FILE *out = page->term->out;

    if (page->shown == FAILURES_MAX) {
        page->hidden++;
        return false;
    }
    page->shown++;
    fprintf(out, "%s%s%-5s%s  %s", style(page, TERM_BOLD), style(page, colour), word,
            style(page, TERM_PLAIN), screen(page, job->board));
    if (page->several_tests)
        fprintf(out, "  %s", screen(page, job->name));
    return true;
}

static void below(struct page *page, const char *text, size_t size)
{
    FILE *out = page->term->out;

    words_screen(&page->text, text, size < LINE_BYTES_MAX ? size : LINE_BYTES_MAX, false);
    fprintf(out, "  %s|%s %s%s\n", style(page, TERM_DIM), style(page, TERM_PLAIN), page->text.data,
            size > LINE_BYTES_MAX ? "..." : "");
}

static void print_detail(struct page *page, const char *detail)
{
    size_t lines = 0;

    while (detail && *detail) {
        size_t size = strcspn(detail, "\r\n");
        if (size && ++lines <= DETAIL_LINES_MAX)
            below(page, detail, size);
        detail += size + (detail[size] != '\0');
    }
    if (lines > DETAIL_LINES_MAX) {
        char more[48];
        snprintf(more, sizeof more, "... %zu more lines", lines - DETAIL_LINES_MAX);
        below(page, more, strlen(more));
    }
}

static void print_failure(struct page *page, const struct job_result *job, const char *suite,
                          const struct test_case *test_case)
{
    bool error = test_case->result == CASE_ERROR;
    cleanup_buf struct buf line = BUF_INIT(SIZE_MAX / 4);
    FILE *out = page->term->out;

    if (!headline(page, job, error ? "ERROR" : "FAIL", TERM_RED))
        return;
    fprintf(out, "  %s%s", style(page, TERM_BOLD), screen_fit(page, suite, CASE_COLUMNS_MAX));
    fprintf(out, "%s%s%s", *suite ? "." : "", screen_fit(page, test_case->name, CASE_COLUMNS_MAX),
            style(page, TERM_PLAIN));
    if (error && test_case->error_type)
        fprintf(out, "  (%s)", screen(page, test_case->error_type));
    fputc('\n', out);
    if (test_case->file && test_case->line)
        buf_addf(&line, "%s:%" PRIu32 ": ", case_file(test_case), test_case->line);
    if (test_case->message || line.size)
        buf_adds(&line, words_message(test_case));
    if (line.size)
        below(page, line.data, line.size);
    print_detail(page, test_case->detail);
}

static void print_trouble(struct page *page, const struct job_result *job)
{
    const char *trouble = words_trouble(job);
    enum verdict verdict = job->verdict == VERDICT_PASS ? VERDICT_FAIL : job->verdict;

    if (!trouble || page->told ||
        !headline(page, job, verdict_word(verdict), verdict_style(verdict)))
        return;
    fputc('\n', page->term->out);
    below(page, trouble, strlen(trouble));
}

static void print_flaky(struct page *page, const struct job_result *job,
                        const struct test_suite *suite, const struct test_case *test_case)
{
    cleanup_buf struct buf line = BUF_INIT(SIZE_MAX / 4);

    if (!headline(page, job, "FLAKY", TERM_YELLOW))
        return;
    fprintf(page->term->out, "  %s%s", screen_fit(page, suite->name, CASE_COLUMNS_MAX),
            *suite->name ? "." : "");
    fprintf(page->term->out, "%s\n", screen_fit(page, test_case->name, CASE_COLUMNS_MAX));
    for (const struct earlier *at = test_case->earlier; at; at = at->next) {
        words_earlier(&line, at);
        below(page, line.data, line.size);
    }
}

static void print_failures(struct page *page)
{
    FILE *out = page->term->out;

    for (size_t i = 0; i < page->run->count; i++) {
        const struct job_result *job = page->run->jobs[i];
        print_trouble(page, job);
        for (size_t k = 0; k < job->suite_count; k++) {
            const struct test_suite *suite = &job->suites[k];
            for (size_t n = 0; n < suite->count; n++)
                if (suite->cases[n].result == CASE_FAIL || suite->cases[n].result == CASE_ERROR)
                    print_failure(page, job, suite->name, &suite->cases[n]);
                else if (case_flaky(&suite->cases[n]))
                    print_flaky(page, job, suite, &suite->cases[n]);
        }
    }
    if (page->hidden)
        fprintf(out, "and %zu more%s\n", page->hidden, page->out_dir ? " in junit.xml" : "");
    if (page->shown)
        fputc('\n', out);
}

/* ---- the table of jobs ----------------------------------------------------------------------- */

enum { COLUMNS = 7 };
#define OTHER_COLUMNS \
    47 /* what all but the names take: "verdict  passed  failed  skipped  ..." \
        */

struct name_columns {
    size_t board, test;
};

static char *name_cell(struct page *page, const char *name, size_t columns)
{
    return xstrdup(screen_fit(page, name, columns));
}

static char *board_cell(struct page *page, const char *name, size_t columns)
{
    screen(page, name);
    return xstrdup(words_fit_board(&page->text, columns));
}

/* On a terminal a row fits its width; a log can be scrolled. */
static struct name_columns name_columns(struct page *page)
{
    struct name_columns columns = {NAME_COLUMNS_MAX, NAME_COLUMNS_MAX};
    size_t widest = 0, width = (size_t)page->term->columns;

    if (!page->term->live)
        return columns;
    for (size_t i = 0; i < page->run->count; i++) {
        size_t wide = term_width_of(screen(page, page->run->jobs[i]->board));
        widest = wide > widest ? wide : widest;
    }
    columns.board = BOARD_COLUMNS_MAX;
    widest = widest < BOARD_COLUMNS_MAX ? widest : BOARD_COLUMNS_MAX;
    columns.test = width > OTHER_COLUMNS + widest + NAME_COLUMNS_MIN
                       ? width - OTHER_COLUMNS - widest
                       : NAME_COLUMNS_MIN;
    return columns;
}

/* Numbers stand right-aligned under their headings; term_table aligns left. */
static void table_row(struct page *page, struct term_table *table, struct name_columns columns,
                      const struct job_result *job)
{
    struct test_counts counts = job_counts(job);
    char took[32];
    cleanup_free char *board = board_cell(page, job->board, columns.board);
    cleanup_free char *test = name_cell(page, job->name, columns.test);
    cleanup_free char *passed = xasprintf("%6zu", counts.pass);
    cleanup_free char *failed = xasprintf("%6zu", counts.fail + counts.error);
    cleanup_free char *skipped = xasprintf("%7zu", counts.skip);
    cleanup_free char *time = xasprintf("%9s", words_took(job->took_us, took));
    const char *cells[COLUMNS] = {board,   test, verdict_name(job->verdict), passed, failed,
                                  skipped, time};

    term_table_row(table, job->verdict == VERDICT_PASS ? TERM_PLAIN : verdict_style(job->verdict),
                   cells);
}

static void print_table(struct page *page)
{
    static const char *const heading[COLUMNS] = {"board",  "test",    "verdict",  "passed",
                                                 "failed", "skipped", "     time"};
    struct name_columns columns = name_columns(page);
    struct term_table *table;

    if (!page->run->count)
        return;
    table = term_table_new(COLUMNS);
    term_table_row(table, TERM_DIM, heading);
    for (size_t i = 0; i < page->run->count; i++)
        table_row(page, table, columns, page->run->jobs[i]);
    term_table_print(table, page->term);
    term_table_free(table);
    fputc('\n', page->term->out);
}

/* ---- what to mistrust, and where to look ----------------------------------------------------- */

static void print_note(struct page *page, const struct job_result *job, const char *note)
{
    fprintf(page->term->out, "%snote:%s %s", style(page, TERM_YELLOW), style(page, TERM_PLAIN),
            screen(page, job->board));
    if (page->several_tests)
        fprintf(page->term->out, " %s", screen(page, job->name));
    fprintf(page->term->out, ": %s\n", note);
}

static void print_honesty(struct page *page)
{
    cleanup_buf struct buf note = BUF_INIT(SIZE_MAX / 4), clean = BUF_INIT(SIZE_MAX / 4);

    for (size_t i = 0; i < page->run->count; i++) {
        const struct job_result *job = page->run->jobs[i];
        bool good = identity_proven(&job->identity) && !job->identity.ignored;
        if (words_attempts(&note, job)) {
            words_screen(&clean, note.data, note.size, false);
            print_note(page, job, clean.data);
        }
        if (words_blame(&note, job)) {
            cleanup_free char *text = xasprintf("to blame is %s", note.data);
            words_screen(&clean, text, strlen(text), false);
            print_note(page, job, clean.data);
        }
        if (words_honesty(&note, job))
            print_note(page, job, note.data);
        if (!good && words_identity(&note, job))
            print_note(page, job, note.data);
    }
}

static void print_files(struct page *page)
{
    size_t logs = 0;

    if (!page->out_dir)
        return;
    fprintf(page->term->out, "report: %s", screen(page, page->out_dir));
    fprintf(page->term->out, "%s%s\n", str_ends(page->out_dir, "/") ? "" : "/", report_junit.file);
    for (size_t i = 0; i < page->run->count && logs < LOGS_MAX; i++) {
        const struct job_result *job = page->run->jobs[i];
        cleanup_free char *dir = NULL, *log = NULL;
        if (job->verdict == VERDICT_PASS || !job->dir || !job->capture.bytes)
            continue;
        dir = fs_join(page->out_dir, job->dir);
        log = fs_join(dir, "uart.log");
        fprintf(page->term->out, "log:    %s\n", screen(page, log));
        logs++;
    }
}

/* "FAIL  2 boards, 36 tests, 1 failed, 4 skipped in 1.2 s" */
static void print_verdict(struct page *page)
{
    const struct run_result *run = page->run;

    fprintf(page->term->out, "%s%s%s%s  %s\n", style(page, TERM_BOLD),
            style(page, verdict_style(run->verdict)), verdict_word(run->verdict),
            style(page, TERM_PLAIN), words_run(&page->text, run));
}

void report_terminal(const struct run_result *run, const char *out_dir, bool seen,
                     const struct term *term)
{
    struct page page = {.run = run,
                        .term = term,
                        .out_dir = out_dir,
                        .told = seen && run->count == 1,
                        .text = BUF_INIT(SIZE_MAX / 4)};

    for (size_t i = 1; i < run->count; i++)
        page.several_tests |= !str_eq(run->jobs[i]->name, run->jobs[0]->name);
    print_failures(&page);
    print_table(&page);
    print_honesty(&page);
    print_files(&page);
    print_verdict(&page);
    fflush(term->out);
    buf_done(&page.text);
}
