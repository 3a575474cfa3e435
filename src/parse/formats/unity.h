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

#endif
