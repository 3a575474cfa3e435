/* SPDX-License-Identifier: MIT
 *
 * schedule: when a service asks again, and at which hours it may flash.
 *
 * Pure functions: what is random and what time it is comes in by the arguments. A lab with many
 * hosts must not ask in step, so every pause is up to a tenth shorter or longer.
 */
#ifndef HIL_SERVE_SCHEDULE_H
#define HIL_SERVE_SCHEDULE_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

/* `ms`, less or more by a tenth at most; `random` is any number, evenly drawn. */
int64_t schedule_jitter(int64_t ms, uint32_t random);
/* After `failures` in a row: first_ms, doubled each time, max_ms at most; jittered. */
int64_t schedule_backoff(int64_t first_ms, int64_t max_ms, unsigned failures, uint32_t random);
/* The next number for the two above. */
uint32_t schedule_random(void);

struct window {   /* local hours; all zero: always open */
    int from, to; /* minutes of the day; `to` is outside; from > to: over midnight */
    bool given;
};
/* "22:00-06:00", "" and NULL: always. */
int window_parse(const char *text, struct window *ret, struct err *err);
bool window_open(const struct window *window, int minute);
int window_minute(int64_t unix_s); /* of the day, in local time */

#endif
