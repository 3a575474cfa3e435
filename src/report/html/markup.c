/* SPDX-License-Identifier: MIT */
#include "report/html/markup.h"

#include "base/fs.h"
#include "report/escape.h"
#include "report/words.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define FLUSH_BYTES (64 * 1024)
#define FORMATTED_MAX 512
#define LINE_BYTES_MAX 4000

void markup_begin(struct markup *markup, int fd)
{
    *markup = (struct markup){.fd = fd,
                              .pending = BUF_INIT(SIZE_MAX / 4),
                              .text = BUF_INIT(SIZE_MAX / 4),
                              .link = BUF_INIT(SIZE_MAX / 4)};
}

static void flush(struct markup *markup)
{
    if (!markup->err.code)
        fs_write_all(markup->fd, markup->pending.data, markup->pending.size, "cannot write",
                     &markup->err);
    buf_clear(&markup->pending);
}

void markup_raw(struct markup *markup, const char *html)
{
    buf_adds(&markup->pending, html);
    if (markup->pending.size > FLUSH_BYTES)
        flush(markup);
}

void markup_f(struct markup *markup, const char *format, ...)
{
    char text[FORMATTED_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    markup_raw(markup, text);
}

void markup_text(struct markup *markup, const char *text, size_t max)
{
    size_t size = strnlen(text, max + 1);

    words_screen(&markup->text, text, size > max ? max : size, false);
    escape_html(&markup->pending, markup->text.data, markup->text.size);
    markup_raw(markup, size > max ? "…" : "");
}

void markup_line(struct markup *markup, const char *line, size_t size)
{
    words_line(&markup->text, line, size < LINE_BYTES_MAX ? size : LINE_BYTES_MAX);
    escape_html(&markup->pending, markup->text.data, markup->text.size);
    markup_raw(markup, size > LINE_BYTES_MAX ? "…\n" : "\n");
}

int markup_end(struct markup *markup, struct err *err)
{
    flush(markup);
    buf_done(&markup->pending);
    buf_done(&markup->text);
    buf_done(&markup->link);
    return markup->err.code ? err_set(err, markup->err.code, "%s", markup->err.message) : 0;
}
