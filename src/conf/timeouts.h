/* SPDX-License-Identifier: MIT
 *
 * timeouts: how long a board's steps may take: `timeouts:` of a lab or a board, and --timeout.
 *
 * Plain values; nothing to free.
 */
#ifndef HIL_CONF_TIMEOUTS_H
#define HIL_CONF_TIMEOUTS_H

#include "conf/diag.h"
#include "conf/yaml.h"

#include <stdint.h>

struct timeouts { /* milliseconds; -1: not given here */
    int64_t lease, flash, boot, idle, total;
};
extern const struct timeouts timeouts_default; /* 10m 2m 10s 30s 10m */

/* What `over` gives wins. */
struct timeouts timeouts_merge(struct timeouts base, struct timeouts over);
/* A `timeouts:` map (NULL is fine) into `ret`; what it does not give is -1. */
void timeouts_read(const struct yaml_node *node, struct timeouts *ret, struct diags *diags);
/* The words of --timeout: "30s" is the total, "boot=5s,idle=10s" names each. 0, or -ERR_USAGE. */
int timeouts_parse(const char *text, struct timeouts *ret, struct err *err);

#endif
