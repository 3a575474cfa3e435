/* SPDX-License-Identifier: MIT
 *
 * loop: what the loops of all services share: signals that come as descriptors, and when to wake.
 *
 *     stop_fd = loop_stops(), reload_fd = loop_reloads()
 *     due = loop_after_ms(IDLE_MS); loop_sooner(&due, ...); ... wait until then, or for a descriptor
 *     if (loop_drained(reload_fd)) ...
 *
 * The signals are blocked since the program began. Nothing here blocks.
 */
#ifndef HIL_SERVE_LOOP_H
#define HIL_SERVE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

/* Readable after SIGINT or SIGTERM; after SIGHUP. Non-blocking; -1: no more descriptors can be
 * had. */
int loop_stops(void);
int loop_reloads(void);
/* Takes in what signals came; whether any did. fd -1: none. */
bool loop_drained(int fd);

int64_t loop_after_ms(int64_t ms); /* as ctx_now_ns() tells the time */
void loop_sooner(int64_t *due_ns, int64_t at_ns);

#endif
