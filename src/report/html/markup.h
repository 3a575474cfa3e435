/* SPDX-License-Identifier: MIT
 *
 * markup: HTML written as a stream, in which only this program's own words can be markup.
 *
 * markup_raw() and markup_f() take what is written in the source here (numbers and the like may go
 * into %-fields, never a text from outside); markup_text() and markup_line() take anything. Errors
 * of the descriptor are kept and returned by markup_end(). Blocks as long as the file does.
 */
#ifndef HIL_REPORT_HTML_MARKUP_H
#define HIL_REPORT_HTML_MARKUP_H

#include "base/buf.h"

#include <stddef.h>

struct markup {
    int fd;
    struct buf pending;
    struct buf text, link; /* scratch, for callers, too */
    struct err err;
};

void markup_begin(struct markup *markup, int fd);
void markup_raw(struct markup *markup, const char *html);
void markup_f(struct markup *markup, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* One line, as content or in an attribute in double quotes; at most `max` bytes of it. */
void markup_text(struct markup *markup, const char *text, size_t max);
/* A line of a console, with its end. */
void markup_line(struct markup *markup, const char *line, size_t size);
int markup_end(struct markup *markup, struct err *err);

#endif
