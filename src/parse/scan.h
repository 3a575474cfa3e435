/* SPDX-License-Identifier: MIT
 *
 * scan: reading a line from left to right, bytes that need not be text.
 *
 *     struct scan at = scan_begin(text);
 *     if (scan_word(&at, "START - ")) name = scan_rest(&at);
 *
 * A scan_ function that returns bool moves on only where it returns true.
 */
#ifndef HIL_PARSE_SCAN_H
#define HIL_PARSE_SCAN_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text { /* a piece of a line; not NUL-terminated */
    const char *at;
    size_t size;
};

struct scan {
    const char *at, *end;
};

struct scan scan_begin(struct text text);
bool scan_done(const struct scan *scan);
size_t scan_blanks(struct scan *scan); /* skips blanks and tabs; returns how many */
bool scan_word(struct scan *scan, const char *word);
bool scan_word_any_case(struct scan *scan, const char *word); /* ASCII */
/* Decimal digits, at most 18 of them. */
bool scan_number(struct scan *scan, uint64_t *ret);
/* "1.451": microseconds of so many units of `unit_us` each; digits below 1 us are dropped. */
bool scan_decimal(struct scan *scan, int64_t unit_us, int64_t *ret_us);
/* What stands before `word`, and past it. */
bool scan_until(struct scan *scan, const char *word, struct text *ret);
struct text scan_rest(struct scan *scan); /* without blanks on either side */

struct text text_of(const char *string);
struct text text_of_buf(const struct buf *buf); /* until the buffer changes */
void text_store(struct text text,
                struct buf *ret); /* in place of what was there; cut at its ceiling */
struct text text_trim(struct text text);
bool text_is(struct text text, const char *string);
bool text_same(struct text a, struct text b);
bool text_starts(struct text text, const char *prefix);
bool text_ends(struct text text, const char *suffix);
/* Takes `suffix` off the end. */
bool text_cut_end(struct text *text, const char *suffix);

#endif
