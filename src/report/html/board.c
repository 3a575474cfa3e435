/* SPDX-License-Identifier: MIT */
/* One board: what it was given, its cases and its log. */
#include "report/html/parts.h"

#include "base/str.h"
#include "report/report.h"
#include "report/words.h"
#include "result/attempts.h"

#include <string.h>

#define FOLD_CASES 500  /* a longer list is folded up at first */
#define CHUNK_CASES 100 /* laid out at once, when they scroll into sight */
#define DETAIL_BYTES_MAX ((size_t)16 << 10)
#define DETAIL_LINES_OPEN 8

bool html_listed(const struct html_job *job, const struct test_case *test_case)
{
    return !job->only_bad || test_case->result == CASE_FAIL || test_case->result == CASE_ERROR;
}

static void detail(struct markup *markup, const char *text)
{
    size_t lines = 0, left = strnlen(text, DETAIL_BYTES_MAX);

    for (const char *at = text; *at; at++)
        lines += *at == '\n';
    markup_f(markup, "<details class=\"d\"%s><summary>%zu line%s of detail</summary><pre>",
             lines < DETAIL_LINES_OPEN ? " open" : "", lines + 1, words_plural(lines + 1));
    while (left) {
        size_t size = 0;
        while (size < left && text[size] != '\n')
            size++;
        markup_line(markup, text, size);
        size += size < left;
        text += size;
        left -= size;
    }
    markup_raw(markup, *text ? "…</pre></details>" : "</pre></details>");
}

static void earlier(struct markup *markup, const struct test_case *test_case)
{
    for (const struct earlier *at = test_case->earlier; at; at = at->next) {
        cleanup_buf struct buf words = BUF_INIT(SIZE_MAX / 4);
        markup_raw(markup, "<p class=\"m\">");
        markup_text(markup, words_earlier(&words, at), HTML_MESSAGE_BYTES_MAX);
        markup_raw(markup, "</p>");
    }
}

static void test_case(struct markup *markup, const struct run_result *run,
                      const struct html_job *job, const struct html_case *of)
{
    const struct test_case *test_case = of->test_case;
    const char *message = words_message(test_case);
    char took[32];

    markup_f(markup, "<li class=\"%s\" id=\"c%zu-%zu\">", html_class(test_case->result),
             job->number, of->number);
    html_pill(markup, html_class(test_case->result),
              test_case->error_type ? test_case->error_type : case_result_name(test_case->result));
    if (case_flaky(test_case))
        html_pill(markup, "i", "flaky");
    markup_raw(markup, "<b>");
    html_name(markup, test_case->name);
    markup_raw(markup, "</b> ");
    if (html_has_lines(job, test_case))
        markup_f(markup, "<a class=\"l\" href=\"#l%zu-%zu\">log</a> ", job->number, of->number);
    if (test_case->duration_us > 0)
        markup_f(markup, "<span class=\"t\">%s</span>", str_from_us(test_case->duration_us, took));
    if (message) {
        markup_raw(markup, "<p class=\"m\">");
        markup_text(markup, message, HTML_MESSAGE_BYTES_MAX);
        markup_raw(markup, "</p>");
    }
    earlier(markup, test_case);
    if (test_case->result != CASE_PASS)
        html_place(markup, run, test_case);
    if (test_case->detail && *test_case->detail)
        detail(markup, test_case->detail);
    markup_raw(markup, "</li>\n");
}

/* The cases as the suite has them; `numbered` are the job's in the same order. */
static void suite(struct markup *markup, const struct run_result *run, const struct html_job *job,
                  const struct test_suite *suite, size_t first)
{
    struct test_counts counts = suite_counts(suite);
    size_t shown = 0;

    markup_raw(markup, "<div class=\"suite\">");
    if (*suite->name) {
        markup_raw(markup, "<h3>");
        html_name(markup, suite->name);
        markup_f(markup, " <small>%s</small></h3>\n", words_counts(&markup->text, &counts));
    }
    for (size_t i = 0; i < suite->count; i++) {
        struct html_case of = {suite, &suite->cases[i], first + i};
        if (!html_listed(job, of.test_case))
            continue;
        if (shown++ % CHUNK_CASES == 0)
            markup_raw(markup, shown > 1 ? "</ul>\n<ul>\n" : "<ul>\n");
        test_case(markup, run, job, &of);
    }
    markup_raw(markup, shown ? "</ul></div>\n" : "</div>\n");
}

static void cases(struct markup *markup, const struct run_result *run, const struct html_job *job)
{
    struct test_counts counts = job_counts(job->job);
    size_t first = 0;

    if (!counts.total)
        return;
    markup_f(markup, "<details class=\"cases\"%s><summary>%s</summary>\n",
             counts.total <= FOLD_CASES ? " open" : "", words_counts(&markup->text, &counts));
    if (job->only_bad)
        markup_f(markup,
                 "<p class=\"gap\">%zu tests that passed or were skipped are left out: %s "
                 "has them</p>\n",
                 counts.pass + counts.skip, report_junit.file);
    for (size_t i = 0; i < job->job->suite_count; i++) {
        suite(markup, run, job, &job->job->suites[i], first);
        first += job->job->suites[i].count;
    }
    markup_raw(markup, "</details>\n");
}

static void facts(struct markup *markup, const struct job_result *job)
{
    cleanup_buf struct buf labels = BUF_INIT(SIZE_MAX / 4), honesty = BUF_INIT(SIZE_MAX / 4);
    cleanup_buf struct buf proof = BUF_INIT(SIZE_MAX / 4), attempts = BUF_INIT(SIZE_MAX / 4);
    cleanup_buf struct buf blame = BUF_INIT(SIZE_MAX / 4);
    char took[32];

    for (const char *const *label = job->labels; label && *label; label++)
        buf_addf(&labels, "%s%s", labels.size ? ", " : "", *label);
    markup_raw(markup, "<dl>\n");
    html_fact(markup, "To blame", words_blame(&blame, job));
    html_fact(markup, "Attempts", words_attempts(&attempts, job));
    html_fact(markup, "Labels", labels.data);
    html_fact(markup, "Probe", job->probe);
    html_fact(markup, "Image", job->image.file);
    html_fact(markup, "SHA-256", job->image.sha256);
    html_fact(markup, "Build id", job->image.build_id);
    html_fact(markup, "Proof", words_identity(&proof, job));
    html_fact(markup, "Format", job->format);
    html_fact(markup, "Flashed in", job->flash_us > 0 ? str_from_us(job->flash_us, took) : NULL);
    html_fact(markup, "Tested for", job->test_us > 0 ? str_from_us(job->test_us, took) : NULL);
    html_fact(markup, "Capture", words_honesty(&honesty, job));
    markup_raw(markup, "</dl>\n");
}

void html_board(struct markup *markup, const struct run_result *run, size_t number,
                uint64_t log_bytes, bool only_bad)
{
    const struct job_result *result = run->jobs[number];
    struct html_job job = html_job_of(result, number, log_bytes);

    job.only_bad = only_bad;
    markup_raw(markup, "<section class=\"job\" data-board=\"");
    html_name(markup, result->board);
    markup_f(markup, "\" aria-labelledby=\"j%zu\">\n<h2 id=\"j%zu\">", number, number);
    html_pill(markup, html_verdict_class(result->verdict), verdict_name(result->verdict));
    html_name(markup, result->board);
    markup_raw(markup, " <small>");
    html_name(markup, result->name);
    markup_raw(markup, "</small></h2>\n");
    if (result->reason && *result->reason) {
        markup_raw(markup, "<p class=\"why\">");
        markup_text(markup, result->reason, HTML_MESSAGE_BYTES_MAX);
        markup_raw(markup, "</p>\n");
    }
    html_timeline(markup, &job);
    facts(markup, result);
    cases(markup, run, &job);
    html_log(markup, &job);
    markup_raw(markup, "</section>\n");
    html_job_done(&job);
}
