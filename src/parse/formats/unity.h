/* SPDX-License-Identifier: MIT
 *
 * unity: what a line of Unity's says, for unity.c and for ESP-IDF's variant of it.
 */
#ifndef HIL_PARSE_FORMATS_UNITY_H
#define HIL_PARSE_FORMATS_UNITY_H

#include "parse/collector.h"

/* "file:line:name:STATUS: message" in its layouts; `ret_glued` is what follows and is no message.
 */
bool unity_read_result(struct text line, struct finding *ret, struct text *ret_glued);
/* "5 Tests 1 Failures 0 Ignored", maybe behind the rule. */
bool unity_read_summary(struct text line, uint64_t *ret_total, uint64_t *ret_failed,
                        uint64_t *ret_ignored);

/* Counts behind an end and no test between them: the same again say nothing new, others tell of
 * tests of which nothing was seen. */
struct unity_counts {
    bool known; /* of the run that ended last, and no test since */
    uint64_t total, failed;
};
void unity_counts_again(const struct unity_counts *last, uint64_t total, uint64_t failed,
                        struct collector *collector);

#endif
