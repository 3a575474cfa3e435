/* SPDX-License-Identifier: MIT
 *
 * escape: a text made literal in the language around it.
 *
 * Every function appends to `out`. The text must be clean (report/words.h); what it says is kept,
 * what it would do is not. Never blocks.
 */
#ifndef HIL_REPORT_ESCAPE_H
#define HIL_REPORT_ESCAPE_H

#include "base/buf.h"

#include <stddef.h>

/* For an element's content and for an attribute in double quotes. In Markdown such text is safe
 * inside of an HTML block without blank lines, where nothing else is looked for. */
void escape_html(struct buf *out, const char *text, size_t size);
/* One line as a code span of Markdown: its fence is longer than any run of backticks in the text.
 * Not for a table of GitHub's, where a pipe would end the cell. */
void escape_code_span(struct buf *out, const char *text);
/* Lines as a fenced block that no line of them can close. */
void escape_code_block(struct buf *out, const char *lines);
/* Message and property of a workflow command. */
void escape_message(struct buf *out, const char *text);
void escape_property(struct buf *out, const char *text);

#endif
