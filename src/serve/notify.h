/* SPDX-License-Identifier: MIT
 *
 * notify: what systemd wants to hear of a Type=notify service (sd_notify(3)), where it listens.
 *
 *     notify_open(&notify); notify_send(&notify, "READY=1\nSTATUS=...");
 *     notify_alive(&notify)            each time round the loop
 *
 * A datagram to $NOTIFY_SOCKET; without one nothing happens. Never fails, never blocks.
 */
#ifndef HIL_SERVE_NOTIFY_H
#define HIL_SERVE_NOTIFY_H

#include <stdint.h>

struct notify {
    int fd;              /* -1: nobody listens */
    int64_t watchdog_ms; /* to be told at least this often; 0: no need */
    int64_t told_ns;
};
void notify_open(struct notify *notify);
void notify_send(struct notify *notify, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void notify_alive(struct notify *notify);
void notify_close(struct notify *notify);

#endif
