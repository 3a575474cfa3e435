/* SPDX-License-Identifier: MIT
 *
 * tags: the ten-column tags before the lines of GoogleTest and of CMocka, which has them from it.
 */
#ifndef HIL_PARSE_FORMATS_TAGS_H
#define HIL_PARSE_FORMATS_TAGS_H

#include "parse/scan.h"

enum tag {
    TAG_NONE,
    TAG_RUN,
    TAG_OK,
    TAG_FAILED,
    TAG_SKIPPED,
    TAG_DISABLED, /* GoogleTest */
    TAG_ERROR,    /* CMocka */
    TAG_LINE,     /* CMocka */
    TAG_PASSED,
    TAG_BAR,  /* of the run: [==========] */
    TAG_RULE, /* of a suite: [----------] */
};

extern const char *const tag_texts[]; /* NULL-terminated: a format's signs */
/* The tag at the start of the line, or behind output that lacked a line end; past it. */
enum tag tag_find(struct text line, struct scan *ret_rest);
/* "12 tests, listed below:" in the lists at the end: a count, and no test's name. */
bool tag_read_count(struct scan scan, uint64_t *ret);

#endif
