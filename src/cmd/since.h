/* SPDX-License-Identifier: MIT
 *
 * since: a point in the past, as people say it: a duration ago, or a local date and time.
 */
#ifndef HIL_CMD_SINCE_H
#define HIL_CMD_SINCE_H

#include "base/err.h"

#include <stdint.h>

/* "7d", "12h", "2026-11-01", "2026-11-01 14:00" into microseconds of Unix time. -ERR_USAGE. */
int since_parse(const char *text, int64_t *ret_us, struct err *err);

#endif
