/* SPDX-License-Identifier: MIT */
/* The table of boards: how many of each result, and when in the run each board was busy. */
#include "report/html/parts.h"

#include "base/str.h"
#include "report/words.h"

#include <inttypes.h>

#define BAR 120 /* units wide */

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
             html_verdict_class(job->verdict), x, width < 4 ? 4 : width);
}

static void row(struct markup *markup, const struct run_result *run, size_t number)
{
    const struct job_result *job = run->jobs[number];
    struct test_counts counts = job_counts(job);
    char took[32];

    markup_raw(markup, "<tr><td>");
    html_pill(markup, html_verdict_class(job->verdict), verdict_name(job->verdict));
    markup_f(markup, "</td><th scope=\"row\"><a href=\"#j%zu\">", number);
    html_name(markup, job->board);
    markup_raw(markup, "</a></th><td>");
    html_name(markup, job->name);
    markup_raw(markup, "</td><td>");
    bar(markup, &counts);
    markup_f(markup, "%s</td><td class=\"t\">", words_counts(&markup->text, &counts));
    busy(markup, run, job);
    markup_f(markup, "%s</td></tr>\n", words_took(job->took_us, took));
}

void html_boards(struct markup *markup, const struct run_result *run)
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
