/* SPDX-License-Identifier: MIT */
#include "report/escape.h"

#include <string.h>

#define FENCE_MIN 3

void escape_html(struct buf *out, const char *text, size_t size)
{
    static const char *const names[256] = {
        ['&'] = "&amp;", ['<'] = "&lt;", ['>'] = "&gt;", ['"'] = "&quot;", ['\''] = "&#39;"};
    size_t plain = 0;

    for (size_t at = 0; at < size; at++) {
        const char *name = names[(unsigned char)text[at]];
        if (!name)
            continue;
        buf_add(out, text + plain, at - plain);
        buf_adds(out, name);
        plain = at + 1;
    }
    buf_add(out, text + plain, size - plain);
}

static size_t longest_run(const char *text, char of)
{
    size_t longest = 0, run = 0;

    for (; *text; text++) {
        run = *text == of ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    return longest;
}

static void add_backticks(struct buf *out, size_t count)
{
    while (count--)
        buf_adds(out, "`");
}

/* CommonMark 0.31, section 6.1: one blank at both ends is taken off, unless all is blank. */
void escape_code_span(struct buf *out, const char *text)
{
    size_t fence = longest_run(text, '`') + 1, size = strlen(text);
    const char *pad = size && strchr("` ", text[0])          ? " "
                      : size && strchr("` ", text[size - 1]) ? " "
                                                             : "";

    add_backticks(out, fence);
    buf_adds(out, pad);
    buf_adds(out, size ? text : " ");
    buf_adds(out, pad);
    add_backticks(out, fence);
}

/* Section 4.5: a closing fence is at least as long as the opening one. */
void escape_code_block(struct buf *out, const char *lines)
{
    size_t run = longest_run(lines, '`'), size = strlen(lines);
    size_t fence = run < FENCE_MIN ? FENCE_MIN : run + 1;

    add_backticks(out, fence);
    buf_adds(out, "text\n");
    buf_adds(out, lines);
    buf_adds(out, size && lines[size - 1] != '\n' ? "\n" : "");
    add_backticks(out, fence);
    buf_adds(out, "\n");
}

static void add_percent(struct buf *out, const char *text, const char *escaped)
{
    for (; *text; text++)
        if (strchr(escaped, *text))
            buf_addf(out, "%%%02X", (unsigned char)*text);
        else
            buf_add(out, text, 1);
}

void escape_message(struct buf *out, const char *text)
{
    add_percent(out, text, "%\r\n");
}

void escape_property(struct buf *out, const char *text)
{
    add_percent(out, text, "%\r\n:,");
}
