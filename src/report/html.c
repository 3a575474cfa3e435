/* SPDX-License-Identifier: MIT */
/* report.html: the whole run on one page that asks no network for anything. It reads without
 * scripts, too; html.js adds filters and search. Its policy lets nothing run or load but the style
 * and the script that are named by their hashes, whatever a board may have printed. */
#include "report/report.h"

#include "base/str.h"
#include "report/failures.h"
#include "report/html/assets.h"
#include "report/html/parts.h"
#include "report/place.h"
#include "report/words.h"
#include "result/attempts.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define LOG_BYTES_MAX (UINT64_C(4) << 20) /* of all boards together */
#define CASES_MAX 20000                   /* of all boards; with more only what is red is listed */
#define FAILURES_MAX 200
#define BOARDS_NAMED_MAX 16
#define FOLD_CASES 500  /* a longer list is folded up at first */
#define CHUNK_CASES 100 /* laid out at once, when they scroll into sight */
#define MESSAGE_BYTES_MAX 4000
#define DETAIL_BYTES_MAX ((size_t)16 << 10)
#define DETAIL_LINES_OPEN 8

const char *html_class(enum case_result result)
{
    static const char *const names[] = {
        [CASE_PASS] = "p", [CASE_FAIL] = "f", [CASE_ERROR] = "e", [CASE_SKIP] = "s"};

    return names[result];
}

bool html_listed(const struct html_job *job, const struct test_case *test_case)
{
    return !job->only_bad || test_case->result == CASE_FAIL || test_case->result == CASE_ERROR;
}

static const char *verdict_class(enum verdict verdict)
{
    return verdict == VERDICT_PASS ? "p" : verdict == VERDICT_FAIL ? "f" : "i";
}

static void name(struct markup *markup, const char *text)
{
    markup_text(markup, text && *text ? text : "(no name)", HTML_NAME_BYTES_MAX);
}

static void pill(struct markup *markup, const char *class, const char *word)
{
    markup_f(markup, "<span class=\"v %s\">%s</span> ", class, word);
}

/* ---- head ------------------------------------------------------------------------------------ */

/* 'sha256-...' as Content Security Policy level 2 has it. */
static void policy_hash(struct markup *markup, const char *source)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    char text[sodium_base64_ENCODED_LEN(sizeof hash, sodium_base64_VARIANT_ORIGINAL)];

    crypto_hash_sha256(hash, (const unsigned char *)source, strlen(source));
    sodium_bin2base64(text, sizeof text, hash, sizeof hash, sodium_base64_VARIANT_ORIGINAL);
    markup_f(markup, "'sha256-%s'", text);
}

static void head(struct markup *markup, const struct run_result *run)
{
    markup_raw(markup, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                       "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                       "base-uri 'none'; form-action 'none'; style-src ");
    policy_hash(markup, html_css);
    markup_raw(markup, "; script-src ");
    policy_hash(markup, html_js);
    markup_f(markup,
             "\">\n<meta name=\"referrer\" content=\"no-referrer\">\n"
             "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
             "<meta name=\"color-scheme\" content=\"light dark\">\n<title>%s: %s</title>\n<style>",
             verdict_name(run->verdict), words_run(&markup->text, run));
    markup_raw(markup, html_css);
    markup_raw(markup, "</style>\n</head>\n");
}

/* ---- the verdict ----------------------------------------------------------------------------- */

static void link_to(struct markup *markup, const char *url)
{
    markup_raw(markup, "<a rel=\"noopener noreferrer\" href=\"");
    markup_raw(markup, url);
    markup_raw(markup, "\">");
}

static void fact(struct markup *markup, const char *what, const char *value)
{
    if (!value || !*value)
        return;
    markup_f(markup, "<div><dt>%s</dt><dd>", what);
    name(markup, value);
    markup_raw(markup, "</dd></div>\n");
}

static void origin(struct markup *markup, const struct run_origin *origin)
{
    if (place_commit(&markup->link, origin)) {
        markup_raw(markup, "<div><dt>Commit</dt><dd>");
        link_to(markup, markup->link.data);
        markup_f(markup, "%.10s</a>%s</dd></div>\n", origin->sha,
                 origin->dirty ? " with changes that are not committed" : "");
    } else {
        fact(markup, "Commit", origin->sha);
    }
    fact(markup, "Described", origin->describe);
    if (place_run(&markup->link, origin)) {
        markup_raw(markup, "<div><dt>Workflow</dt><dd>");
        link_to(markup, markup->link.data);
        markup_raw(markup, "this run</a></dd></div>\n");
    }
}

static void verdict(struct markup *markup, const struct run_result *run)
{
    static const char *const words[] = {"Pass", "Fail", "Infra"};
    char started[ISO_TIME_SIZE];

    markup_f(markup, "<body>\n<header class=\"%s\">\n<h1>%s</h1>\n<p>%s</p>\n<dl>\n",
             verdict_class(run->verdict), words[run->verdict], words_run(&markup->text, run));
    fact(markup, "Lab", run->lab);
    fact(markup, "Started", words_iso_time(run->started_unix_us, started));
    origin(markup, &run->origin);
    fact(markup, "hil", run->version);
    markup_raw(markup, "</dl>\n</header>\n");
}

/* html.js fills it in and shows it. */
static void toolbar(struct markup *markup)
{
    markup_raw(markup,
               "<form id=\"tools\" role=\"search\" hidden>\n"
               "<input id=\"find\" type=\"search\" placeholder=\"Search tests ( / )\" "
               "aria-label=\"Search tests\" autocomplete=\"off\" spellcheck=\"false\">\n"
               "<select id=\"board\" aria-label=\"Board\"><option value=\"\">All boards</option>"
               "</select>\n"
               "<div role=\"group\" aria-label=\"Results shown\" id=\"results\"></div>\n"
               "<output id=\"count\" aria-live=\"polite\"></output>\n</form>\n");
}

/* ---- what broke ------------------------------------------------------------------------------ */

static void place(struct markup *markup, const struct run_result *run,
                  const struct test_case *test_case)
{
    const char *file = case_file(test_case);
    bool linked;

    if (!file || !*file)
        return;
    linked = place_link(&markup->link, &run->origin, test_case) != NULL;
    markup_raw(markup, "<span class=\"at\">");
    if (linked)
        link_to(markup, markup->link.data);
    name(markup, file);
    if (test_case->line)
        markup_f(markup, ":%" PRIu32, test_case->line);
    markup_raw(markup, linked ? "</a></span>" : "</span>");
}

static void sighting_link(struct markup *markup, const struct sighting *seen)
{
    if (seen->test_case)
        markup_f(markup, "<a href=\"#c%zu-%zu\">", seen->job_number, seen->case_number);
    else
        markup_f(markup, "<a href=\"#j%zu\">", seen->job_number);
}

static void failure_boards(struct markup *markup, const struct failure *failure)
{
    markup_raw(markup, "<p class=\"on\">");
    for (size_t i = 0; i < failure->count && i < BOARDS_NAMED_MAX; i++) {
        sighting_link(markup, &failure->seen[i]);
        name(markup, failure->seen[i].job->board);
        markup_raw(markup, "</a> <small>");
        name(markup, failure->seen[i].job->name);
        markup_raw(markup, "</small> ");
    }
    if (failure->count > BOARDS_NAMED_MAX)
        markup_f(markup, "and %zu more", failure->count - BOARDS_NAMED_MAX);
    markup_raw(markup, "</p>\n");
}

/* What it is called, as a link to where it stands. */
static void failure_name(struct markup *markup, const struct sighting *seen)
{
    if (!seen->job)
        return;
    markup_raw(markup, "<b>");
    sighting_link(markup, seen);
    if (seen->test_case && *seen->suite->name) {
        name(markup, seen->suite->name);
        markup_raw(markup, ".");
    }
    name(markup, seen->test_case ? seen->test_case->name : seen->job->name);
    markup_raw(markup, "</a></b> ");
}

static void failure_item(struct markup *markup, const struct run_result *run,
                         const struct failure *failure)
{
    const struct sighting *seen = failure->seen;
    const char *class = seen->test_case ? html_class(seen->test_case->result)
                        : seen->job     ? verdict_class(seen->job->verdict)
                                        : verdict_class(run->verdict);

    markup_raw(markup, "<li>");
    pill(markup, class, failure->kind);
    failure_name(markup, seen);
    if (seen->test_case)
        place(markup, run, seen->test_case);
    markup_raw(markup, "<p class=\"m\">");
    markup_text(markup, seen->message, MESSAGE_BYTES_MAX);
    markup_raw(markup, "</p>");
    if (run->count > 1 && seen->job)
        failure_boards(markup, failure);
    markup_raw(markup, "</li>\n");
}

static void what_broke(struct markup *markup, const struct run_result *run)
{
    struct failures found = failures_of(run);

    if (found.count)
        markup_raw(markup, "<section class=\"broke\" aria-labelledby=\"broke\">\n"
                           "<h2 id=\"broke\">What broke</h2>\n<ol>\n");
    for (size_t i = 0; i < found.count && i < FAILURES_MAX; i++)
        failure_item(markup, run, &found.items[i]);
    if (found.count)
        markup_raw(markup, "</ol>\n");
    if (found.count > FAILURES_MAX)
        markup_f(markup, "<p class=\"gap\">%zu more stand with their boards below</p>\n",
                 found.count - FAILURES_MAX);
    if (found.count)
        markup_raw(markup, "</section>\n");
    failures_done(&found);
}

/* ---- the table of boards --------------------------------------------------------------------- */

#define BAR 120

static void bar(struct markup *markup, const struct test_counts *counts)
{
    const size_t parts[] = {counts->error, counts->fail, counts->pass, counts->skip};
    static const char *const classes[] = {"e", "f", "p", "s"};
    double x = 0;

    markup_f(markup,
             "<svg class=\"bar\" viewBox=\"0 0 %d 8\" preserveAspectRatio=\"none\" "
             "aria-hidden=\"true\" focusable=\"false\">",
             BAR);
    for (size_t i = 0; i < ARRAY_SIZE(parts) && counts->total; i++) {
        /* One failure among thousands is to be seen, too. */
        double width = (double)parts[i] * BAR / (double)counts->total;
        width = parts[i] && width < 2 ? 2 : width;
        if (parts[i])
            markup_f(markup, "<rect class=\"%s\" x=\"%d.%d\" width=\"%d.%d\" height=\"8\"/>",
                     classes[i], (int)x, (int)(x * 10) % 10, (int)width, (int)(width * 10) % 10);
        x += width;
    }
    markup_raw(markup, "</svg>");
}

/* When in the run the board was busy with it. */
static void busy(struct markup *markup, const struct run_result *run, const struct job_result *job)
{
    int64_t begin = job->started_unix_us - run->started_unix_us;
    int64_t x, width;

    if (run->count < 2 || run->took_us <= 0 || !run->started_unix_us || begin < 0 ||
        begin > run->took_us || job->took_us < 0 || job->took_us > run->took_us)
        return;
    x = begin / (run->took_us / 1000 + 1);
    width = job->took_us / (run->took_us / 1000 + 1);
    markup_f(markup,
             "<svg class=\"busy\" viewBox=\"0 0 1000 8\" preserveAspectRatio=\"none\" "
             "aria-hidden=\"true\" focusable=\"false\"><rect class=\"%s\" x=\"%" PRId64
             "\" width=\"%" PRId64 "\" height=\"8\"/></svg>",
             verdict_class(job->verdict), x, width < 4 ? 4 : width);
}

static void row(struct markup *markup, const struct run_result *run, size_t number)
{
    const struct job_result *job = run->jobs[number];
    struct test_counts counts = job_counts(job);
    char took[32];

    markup_raw(markup, "<tr><td>");
    pill(markup, verdict_class(job->verdict), verdict_name(job->verdict));
    markup_f(markup, "</td><th scope=\"row\"><a href=\"#j%zu\">", number);
    name(markup, job->board);
    markup_raw(markup, "</a></th><td>");
    name(markup, job->name);
    markup_raw(markup, "</td><td>");
    bar(markup, &counts);
    markup_f(markup, "%s</td><td class=\"t\">", words_counts(&markup->text, &counts));
    busy(markup, run, job);
    markup_f(markup, "%s</td></tr>\n", words_took(job->took_us, took));
}

static void boards(struct markup *markup, const struct run_result *run)
{
    if (!run->count)
        return;
    markup_raw(markup, "<section aria-labelledby=\"boards\">\n<h2 id=\"boards\">Boards</h2>\n"
                       "<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\">Verdict</th>"
                       "<th scope=\"col\">Board</th><th scope=\"col\">Test</th>"
                       "<th scope=\"col\">Results</th><th scope=\"col\">Time</th></tr></thead>\n"
                       "<tbody>\n");
    for (size_t i = 0; i < run->count; i++)
        row(markup, run, i);
    markup_raw(markup, "</tbody></table></div>\n</section>\n");
}

/* ---- one board ------------------------------------------------------------------------------- */

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
        markup_text(markup, words_earlier(&words, at), MESSAGE_BYTES_MAX);
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
    pill(markup, html_class(test_case->result),
         test_case->error_type ? test_case->error_type : case_result_name(test_case->result));
    if (case_flaky(test_case))
        pill(markup, "i", "flaky");
    markup_raw(markup, "<b>");
    name(markup, test_case->name);
    markup_raw(markup, "</b> ");
    if (html_has_lines(job, test_case))
        markup_f(markup, "<a class=\"l\" href=\"#l%zu-%zu\">log</a> ", job->number, of->number);
    if (test_case->duration_us > 0)
        markup_f(markup, "<span class=\"t\">%s</span>", str_from_us(test_case->duration_us, took));
    if (message) {
        markup_raw(markup, "<p class=\"m\">");
        markup_text(markup, message, MESSAGE_BYTES_MAX);
        markup_raw(markup, "</p>");
    }
    earlier(markup, test_case);
    if (test_case->result != CASE_PASS)
        place(markup, run, test_case);
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
        name(markup, suite->name);
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
    fact(markup, "To blame", words_blame(&blame, job));
    fact(markup, "Attempts", words_attempts(&attempts, job));
    fact(markup, "Labels", labels.data);
    fact(markup, "Probe", job->probe);
    fact(markup, "Image", job->image.file);
    fact(markup, "SHA-256", job->image.sha256);
    fact(markup, "Build id", job->image.build_id);
    fact(markup, "Proof", words_identity(&proof, job));
    fact(markup, "Format", job->format);
    fact(markup, "Flashed in", job->flash_us > 0 ? str_from_us(job->flash_us, took) : NULL);
    fact(markup, "Tested for", job->test_us > 0 ? str_from_us(job->test_us, took) : NULL);
    fact(markup, "Capture", words_honesty(&honesty, job));
    markup_raw(markup, "</dl>\n");
}

static void board(struct markup *markup, const struct run_result *run, size_t number,
                  uint64_t log_bytes, bool only_bad)
{
    const struct job_result *result = run->jobs[number];
    struct html_job job = html_job_of(result, number, log_bytes);

    job.only_bad = only_bad;
    markup_raw(markup, "<section class=\"job\" data-board=\"");
    name(markup, result->board);
    markup_f(markup, "\" aria-labelledby=\"j%zu\">\n<h2 id=\"j%zu\">", number, number);
    pill(markup, verdict_class(result->verdict), verdict_name(result->verdict));
    name(markup, result->board);
    markup_raw(markup, " <small>");
    name(markup, result->name);
    markup_raw(markup, "</small></h2>\n");
    if (result->reason && *result->reason) {
        markup_raw(markup, "<p class=\"why\">");
        markup_text(markup, result->reason, MESSAGE_BYTES_MAX);
        markup_raw(markup, "</p>\n");
    }
    html_timeline(markup, &job);
    facts(markup, result);
    cases(markup, run, &job);
    html_log(markup, &job);
    markup_raw(markup, "</section>\n");
    html_job_done(&job);
}

static int html_write(const struct run_result *run, int fd, struct err *err)
{
    struct markup markup;
    uint64_t log_bytes = html_log_share(run, LOG_BYTES_MAX);
    bool only_bad = run_counts(run).total > CASES_MAX;

    markup_begin(&markup, fd);
    head(&markup, run);
    verdict(&markup, run);
    toolbar(&markup);
    markup_raw(&markup, "<main>\n");
    what_broke(&markup, run);
    boards(&markup, run);
    for (size_t i = 0; i < run->count; i++)
        board(&markup, run, i, log_bytes, only_bad);
    markup_raw(&markup, "</main>\n<script>");
    markup_raw(&markup, html_js);
    markup_raw(&markup, "</script>\n</body>\n</html>\n");
    return markup_end(&markup, err);
}

const struct report_format report_html = {
    .name = "html",
    .file = "report.html",
    .summary = "one page with everything, the logs too, for a browser",
    .write = html_write,
};
