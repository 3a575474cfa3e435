/* SPDX-License-Identifier: MIT
 *
 * tell: a ruling, written for a person at a terminal, for a page of GitHub, for a program.
 *
 * Boards' words are made harmless here.
 */
#ifndef HIL_GATE_TELL_H
#define HIL_GATE_TELL_H

#include "base/buf.h"
#include "base/term.h"
#include "gate/decide.h"

/* "2 reasons against it"; in `out`, and returned. */
const char *ruling_title(const struct ruling *ruling, struct buf *out);
/* A line a red, then the notes, then the verdict. */
void ruling_print(const struct ruling *ruling, const struct term *term);
/* The verdict alone, and what is against it: a line each on `out`. */
int ruling_json(const struct ruling *ruling, int fd, struct err *err);
/* Markdown, at most `max` bytes; what was cut is said. */
void ruling_markdown(const struct ruling *ruling, size_t max, struct buf *out);
/* Outputs of a step: verdict, reasons. */
int ruling_step_outputs(const struct ruling *ruling, const char *path, struct err *err);
int ruling_step_summary(const struct ruling *ruling, const char *path, struct err *err);

#endif
