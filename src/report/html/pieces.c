/* SPDX-License-Identifier: MIT */
#include "report/html/parts.h"

#include "report/place.h"
#include "report/words.h"

#include <inttypes.h>

const char *html_class(enum case_result result)
{
    static const char *const names[] = {
        [CASE_PASS] = "p", [CASE_FAIL] = "f", [CASE_ERROR] = "e", [CASE_SKIP] = "s"};

    return names[result];
}

const char *html_verdict_class(enum verdict verdict)
{
    return verdict == VERDICT_PASS ? "p" : verdict == VERDICT_FAIL ? "f" : "i";
}

void html_name(struct markup *markup, const char *text)
{
    markup_text(markup, text && *text ? text : "(no name)", HTML_NAME_BYTES_MAX);
}

void html_pill(struct markup *markup, const char *class, const char *word)
{
    markup_f(markup, "<span class=\"v %s\">%s</span> ", class, word);
}

void html_link(struct markup *markup, const char *url)
{
    markup_raw(markup, "<a rel=\"noopener noreferrer\" href=\"");
    markup_raw(markup, url);
    markup_raw(markup, "\">");
}

void html_fact(struct markup *markup, const char *what, const char *value)
{
    if (!value || !*value)
        return;
    markup_f(markup, "<div><dt>%s</dt><dd>", what);
    html_name(markup, value);
    markup_raw(markup, "</dd></div>\n");
}

void html_place(struct markup *markup, const struct run_result *run,
                const struct test_case *test_case)
{
    const char *file = case_file(test_case);
    bool linked;

    if (!file || !*file)
        return;
    linked = place_link(&markup->link, &run->origin, test_case) != NULL;
    markup_raw(markup, "<span class=\"at\">");
    if (linked)
        html_link(markup, markup->link.data);
    html_name(markup, file);
    if (test_case->line)
        markup_f(markup, ":%" PRIu32, test_case->line);
    markup_raw(markup, linked ? "</a></span>" : "</span>");
}
