/* SPDX-License-Identifier: MIT
 *
 * event_read: a line of events.jsonl, or of --events, as an event again.
 *
 * For hil that watches another hil. What a line says of a job's or a run's end is not read: that is
 * told by the run directory. Lines come from outside: one that is no event is -ERR_DATA.
 */
#ifndef HIL_REPORT_EVENT_READ_H
#define HIL_REPORT_EVENT_READ_H

#include "base/json.h"
#include "result/event.h"

#define EVENT_LINE_MAX ((size_t)256 << 10)

struct event_line {
    cJSON *json; /* owns the strings */
    struct event event;
    struct test_case test_case;
};

int event_read(const char *line, size_t size, struct event_line *ret, struct err *err);
void event_line_done(struct event_line *line); /* zeroed is fine */

#endif
