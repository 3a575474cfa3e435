/* SPDX-License-Identifier: MIT */
/* What broke: each failure once, with links to the boards that have it. */
#include "report/html/parts.h"

#include "report/failures.h"

#define FAILURES_MAX 200
#define BOARDS_NAMED_MAX 16

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
        html_name(markup, failure->seen[i].job->board);
        markup_raw(markup, "</a> <small>");
        html_name(markup, failure->seen[i].job->name);
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
        html_name(markup, seen->suite->name);
        markup_raw(markup, ".");
    }
    html_name(markup, seen->test_case ? seen->test_case->name : seen->job->name);
    markup_raw(markup, "</a></b> ");
}

static void failure_item(struct markup *markup, const struct run_result *run,
                         const struct failure *failure)
{
    const struct sighting *seen = failure->seen;
    const char *class = seen->test_case ? html_class(seen->test_case->result)
                        : seen->job     ? html_verdict_class(seen->job->verdict)
                                        : html_verdict_class(run->verdict);

    markup_raw(markup, "<li>");
    html_pill(markup, class, failure->kind);
    failure_name(markup, seen);
    if (seen->test_case)
        html_place(markup, run, seen->test_case);
    markup_raw(markup, "<p class=\"m\">");
    markup_text(markup, seen->message, HTML_MESSAGE_BYTES_MAX);
    markup_raw(markup, "</p>");
    if (run->count > 1 && seen->job)
        failure_boards(markup, failure);
    markup_raw(markup, "</li>\n");
}

void html_broke(struct markup *markup, const struct run_result *run)
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
