/* SPDX-License-Identifier: MIT
 *
 * listen: a TCP socket to be connected to, at an address that a person wrote.
 *
 *     "127.0.0.1:8321"   "[::1]:8321"   ":8321" and "localhost:8321": the loopback   port 0: any
 *
 * Names are not looked up. Never blocks.
 */
#ifndef HIL_SERVE_LISTEN_H
#define HIL_SERVE_LISTEN_H

#include "base/err.h"

#include <stdbool.h>

#define LISTEN_NAME_SIZE 64

/* The caller closes *ret_fd (close-on-exec, non-blocking). `what` names the option: -ERR_CONFIG
 * says that it is no address, -ERR_IO why it cannot be had. */
int listen_at(const char *address, const char *what, int *ret_fd, struct err *err);
/* Where it listens, with the port that it got. */
void listen_name(int fd, char ret[LISTEN_NAME_SIZE]);
/* Only this host can connect. */
bool listen_is_loopback(int fd);

#endif
