/* SPDX-License-Identifier: MIT
 *
 * outlet: a stream to somebody who may stop reading: a terminal after Ctrl-S, a pipe nobody
 * empties.
 *
 *     outlet_open(stdout, cancel_fd, &outlet)
 *     fprintf(outlet_stream(outlet), ...)     never waits; what does not fit is left out, and counted
 *     outlet_be_patient(outlet)               from now on waits for the reader, until a cancel
 *     outlet_close(outlet)
 *
 * What is shown of a run must not hold up the run: deadlines and a cancel hold whoever reads. A
 * terminal or pipe gets a description of its own that does not block; other programs' stay as they
 * are. Files, and what cannot be opened again, are written as always. One thread at a time.
 */
#ifndef HIL_BASE_OUTLET_H
#define HIL_BASE_OUTLET_H

#include "base/err.h"

#include <stdio.h>

#define OUTLET_WAITING_MAX ((size_t)256 << 10) /* bytes that wait for the reader */

struct outlet;

/* `out` is borrowed, and nobody else writes to it until outlet_close(). */
int outlet_open(FILE *out, int cancel_fd, struct outlet **ret, struct err *err);
FILE *outlet_stream(const struct outlet *outlet);
void outlet_be_patient(struct outlet *outlet);
void outlet_close(struct outlet *outlet); /* NULL is fine */

#endif
