/* SPDX-License-Identifier: MIT
 *
 * text_lines: a text's lines, where they stand; and what changed between two texts, line by line.
 *
 * The text is borrowed and must outlive its lines. Nothing blocks or fails.
 */
#ifndef HIL_CONF_TEXT_LINES_H
#define HIL_CONF_TEXT_LINES_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

struct text_line {
    const char *at;
    size_t size; /* with its end, which the last one may lack */
};

struct text_lines {
    struct text_line *items;
    size_t count;
};

struct text_lines text_lines_split(const char *text, size_t size);
void text_lines_done(struct text_lines *lines);
#define cleanup_text_lines __attribute__((cleanup(text_lines_done)))

size_t text_line_indent(const struct text_line *line); /* its leading blanks */
bool text_line_blank(const struct text_line *line);
bool text_line_comment(const struct text_line *line); /* '#' is the first that is no blank */

/* What changed, in hunks that patch(1) takes; nothing where they are equal. The fewest lines that
 * can be told (Myers, "An O(ND) difference algorithm", 1986); texts with thousands of changes are
 * told as one. */
void text_diff(const struct text_lines *before, const struct text_lines *after, const char *name,
               struct buf *ret);

#endif
