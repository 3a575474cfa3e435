/* SPDX-License-Identifier: MIT */
/* When a board did what: its cases on a line from the reset to the last byte. The line has a fixed
 * number of columns, so ten cases and a million cost the page the same; where several share a
 * column, the worst of them has it. */
#include "report/html/parts.h"

#include "base/str.h"

#include <inttypes.h>
#include <stdlib.h>

#define COLUMNS 1000
#define DENSE 200 /* more boxes than this have no gap between them */

struct column {
    const struct html_case *of; /* NULL: nothing known */
};

static int badness(enum case_result result)
{
    static const int order[] = {
        [CASE_SKIP] = 1, [CASE_PASS] = 2, [CASE_FAIL] = 3, [CASE_ERROR] = 4};

    return order[result];
}

static int64_t span_of(const struct html_job *job)
{
    int64_t span = job->job->test_us;

    for (size_t i = 0; i < job->count; i++)
        if (job->cases[i].test_case->end_us > span)
            span = job->cases[i].test_case->end_us;
    return span;
}

static size_t column_of(int64_t us, int64_t span)
{
    size_t column = us > 0 ? (size_t)((double)us / (double)span * COLUMNS) : 0;

    return column < COLUMNS ? column : COLUMNS - 1;
}

/* Returns how many cases have a time. */
static size_t place(const struct html_job *job, int64_t span, struct column *columns)
{
    int64_t last = 0;
    size_t placed = 0;

    for (size_t i = 0; i < job->count; i++) {
        const struct test_case *test_case = job->cases[i].test_case;
        /* A format that prints no starts: a test begins where the one before it ended. */
        int64_t start = test_case->start_us >= 0 ? test_case->start_us : last;
        if (test_case->end_us < 0)
            continue;
        placed++;
        for (size_t c = column_of(start, span); c <= column_of(test_case->end_us, span); c++)
            if (!columns[c].of ||
                badness(columns[c].of->test_case->result) < badness(test_case->result))
                columns[c].of = &job->cases[i];
        last = test_case->end_us;
    }
    return placed;
}

static size_t run_of(const struct column *columns, size_t from)
{
    size_t to = from;

    while (to < COLUMNS && columns[to].of == columns[from].of)
        to++;
    return to;
}

static void box(struct markup *markup, const struct html_job *job, const struct html_case *of,
                size_t from, size_t to)
{
    char when[32];
    bool linked = html_listed(job, of->test_case);

    if (linked)
        markup_f(markup, "<a href=\"#c%zu-%zu\" tabindex=\"-1\">", job->number, of->number);
    markup_f(markup, "<rect class=\"%s\" x=\"%zu\" width=\"%zu\" height=\"24\"><title>",
             html_class(of->test_case->result), from, to - from);
    markup_text(markup, of->test_case->name, HTML_NAME_BYTES_MAX);
    markup_f(markup, ": %s, ended at %s</title></rect>%s", case_result_name(of->test_case->result),
             str_from_us(of->test_case->end_us, when), linked ? "</a>" : "");
}

static void boxes(struct markup *markup, const struct html_job *job, const struct column *columns)
{
    size_t count = 0;

    for (size_t from = 0; from < COLUMNS; from = run_of(columns, from))
        count += columns[from].of != NULL;
    /* Everything that it shows stands in the list as text. */
    markup_f(markup,
             "<svg class=\"time%s\" viewBox=\"0 0 %d 24\" preserveAspectRatio=\"none\" "
             "aria-hidden=\"true\" focusable=\"false\">",
             count > DENSE ? " dense" : "", COLUMNS);
    for (size_t from = 0; from < COLUMNS;) {
        size_t to = run_of(columns, from);
        if (columns[from].of)
            box(markup, job, columns[from].of, from, to);
        from = to;
    }
    markup_raw(markup, "</svg>\n");
}

void html_timeline(struct markup *markup, const struct html_job *job)
{
    struct column *columns = xcalloc(COLUMNS, sizeof *columns);
    int64_t span = span_of(job);
    char text[32];

    if (span > 0 && place(job, span, columns)) {
        markup_raw(markup, "<figure>\n");
        boxes(markup, job, columns);
        markup_f(markup, "<figcaption><span>reset</span><span>%s</span>",
                 str_from_us(span / 2, text));
        markup_f(markup, "<span>%s</span></figcaption></figure>\n", str_from_us(span, text));
    }
    free(columns);
}
