/* SPDX-License-Identifier: MIT */
#include "report/summary/parts.h"

#include "base/str.h"
#include "report/escape.h"
#include "report/words.h"

#include <string.h>

#define NAME_COLUMNS_MAX 200

static const char *clean(struct summary *page, const char *text)
{
    text = text ? text : "";
    words_screen(&page->text, text, strnlen(text, SUMMARY_LINE_BYTES_MAX), false);
    return words_fit(&page->text, NAME_COLUMNS_MAX);
}

void summary_say(struct summary *page, const char *ours)
{
    buf_adds(&page->block, ours);
}

void summary_code(struct summary *page, const char *text)
{
    escape_code_span(&page->block, clean(page, text));
}

void summary_html_code(struct summary *page, const char *text)
{
    const char *shown = clean(page, text);

    summary_say(page, "<code>");
    escape_html(&page->block, shown, strlen(shown));
    summary_say(page, "</code>");
}

bool summary_fits(struct summary *page)
{
    bool added = buf_add(&page->body, page->block.data, page->block.size) == 0;

    buf_clear(&page->block);
    return added;
}

void summary_commit(struct summary *page)
{
    page->parts_cut |= !summary_fits(page);
}

static void about(struct summary *page, const struct job_result *job)
{
    summary_say(page, "- ");
    summary_code(page, job->board);
    summary_say(page, " ");
    summary_code(page, job->name);
    summary_say(page, ": ");
}

void summary_note(struct summary *page, const struct job_result *job, const char *ours)
{
    about(page, job);
    summary_say(page, ours);
    summary_say(page, "\n");
}

void summary_note_code(struct summary *page, const struct job_result *job, const char *words)
{
    about(page, job);
    summary_code(page, words);
    summary_say(page, "\n");
}
