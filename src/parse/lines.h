/* SPDX-License-Identifier: MIT
 *
 * lines: console bytes in, clean lines out.
 *
 * A line ends at LF, CR LF or a lone CR (progress bars); CRs before the LF or at the start of a
 * line say nothing, so "\r\r\n" and "\n\r" are one line end. Escape sequences (ECMA-48: CSI, OSC
 * and the other strings, two-byte) are taken out; an unfinished string sequence stays as text, so
 * that it cannot hide a result. NUL and the other control characters but TAB are dropped and
 * counted; bytes that are no UTF-8 stay and are counted.
 *
 * A line of more than LINE_PIECE * 2 bytes comes as two: its first and its last LINE_PIECE bytes.
 * Memory is bounded. Never blocks, never fails.
 */
#ifndef HIL_PARSE_LINES_H
#define HIL_PARSE_LINES_H

#include "result/capture.h"

#include <stddef.h>
#include <stdint.h>

#define LINE_PIECE ((size_t)16 * 1024)

struct line {
    const char *text; /* without NUL bytes and not NUL-terminated; ends with the call */
    size_t size;
    int64_t time_us;     /* when its first byte came; -1: unknown */
    uint64_t begin, end; /* its bytes in uart.log, end past the CR or LF that ended it */
};

struct lines;
typedef void lines_sink(void *arg, const struct line *line);

struct lines *lines_new(lines_sink *sink, void *arg);
void lines_feed(struct lines *lines, const void *bytes, size_t size, int64_t time_us,
                uint64_t offset);
void lines_finish(struct lines *lines); /* hands out a last line without an end */
/* Adds lines, replaced_bytes and cut_lines. */
void lines_count(const struct lines *lines, struct capture_stats *stats);
void lines_free(struct lines *lines); /* NULL is fine */

#endif
