/* SPDX-License-Identifier: MIT
 *
 * parsed: a log read as a test wants it: all at once or in small pieces, and shown as text.
 */
#ifndef HIL_TEST_PARSE_PARSED_H
#define HIL_TEST_PARSE_PARSED_H

#include "base/buf.h"
#include "parse/parser.h"

struct parsed {
    struct job_result *job;
    const char *trouble; /* "" for none */
    enum parse_state state;
    int64_t patience_ms;
    enum capture_end silence;
};

/* `step` bytes at once; byte N comes at N * us_per_byte, or at an unknown time where that is -1. */
struct parsed parse_bytes(const struct parse_options *options, const char *bytes, size_t size,
                          size_t step, int64_t us_per_byte, enum capture_end end);
struct parsed parse_text(const char *format, const char *text); /* at unknown times, END_EOF */
void parsed_done(struct parsed *parsed);
#define cleanup_parsed __attribute__((cleanup(parsed_done)))

const struct test_case *parsed_case(const struct parsed *parsed, const char *name); /* or NULL */
size_t parsed_count(const struct parsed *parsed);
void parsed_show(const struct parsed *parsed, struct buf *out);

#endif
