/* SPDX-License-Identifier: MIT
 *
 * tap_line: what the lines of TAP and of its relatives say, each for itself. Lines come without the
 * blanks around them, but for tap_indent().
 */
#ifndef HIL_PARSE_FORMATS_TAP_LINE_H
#define HIL_PARSE_FORMATS_TAP_LINE_H

#include "parse/scan.h"

#define TAP_SUBTEST_INDENT 4

struct tap_point {
    bool ok, todo, skip;
    uint64_t number;                 /* 0: none printed */
    struct text description, reason; /* reason: of TODO and SKIP */
    int64_t duration_us;             /* -1: not printed */
};

bool tap_read_point(struct text line, struct tap_point *ret);
/* "1..5"; of the directive only what is in it is set. */
bool tap_read_plan(struct text line, uint64_t *ret_last, struct tap_point *ret_directive);
bool tap_read_version(struct text line);
/* "key: 'value'" of YAML; false also where the value stands on the next lines. */
bool tap_read_pair(struct text line, const char *key, struct text *ret);
/* The description without its escapes, in `out`. */
struct text tap_plain_name(struct text escaped, char *out, size_t room);
size_t tap_indent(struct text line); /* blanks before it; a tab is one subtest deeper */

#endif
