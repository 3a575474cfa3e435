/* SPDX-License-Identifier: MIT
 *
 * detect: which format a log is in.
 *
 * Every line is shown to every format; what the formats make of the lines adds up, and the first
 * that is sure is taken. Until then the newest DETECT_PENDING_BYTES of lines are kept, so that the
 * parser can read them again with the format.
 */
#ifndef HIL_PARSE_DETECT_H
#define HIL_PARSE_DETECT_H

#include "parse/format.h"
#include "parse/lines.h"
#include "parse/signs.h"

#define DETECT_PENDING_BYTES ((size_t)256 * 1024)

struct detector;

struct detector *detector_new(void);
/* The format, once it is clear. `signs` are the line's. */
const struct format *detector_line(struct detector *detector, const struct line *line,
                                   const struct signs *signs);
void detector_keep(struct detector *detector, const struct line *line); /* says nothing */
const struct format *detector_best(const struct detector *detector);    /* NULL: no sign of any */
/* Hands out the pending lines, oldest first, and forgets them. */
void detector_replay(struct detector *detector, lines_sink *sink, void *arg);
/* Hands them out and keeps them. */
void detector_show(const struct detector *detector, lines_sink *sink, void *arg);
bool detector_dropped(const struct detector *detector); /* lines, before the pending ones */
void detector_free(struct detector *detector);          /* NULL is fine */

#endif
