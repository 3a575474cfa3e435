/* SPDX-License-Identifier: MIT
 *
 * connect: stream sockets opened within a ctx.
 *
 * Both make one attempt and give a non-blocking, close-on-exec descriptor. Where nobody listens
 * (yet) that is -ERR_NOT_FOUND: the caller may try again. Any thread.
 */
#ifndef HIL_BOARD_CONNECT_H
#define HIL_BOARD_CONNECT_H

#include "base/ctx.h"
#include "base/err.h"

/* -ERR_CONFIG where the path is longer than a socket's address can be. */
int connect_unix(const char *path, const struct ctx *ctx, int *ret_fd, struct err *err);
/* "host:port", "[::1]:port", ":port" for this host. Names are resolved first, within the resolver's
 * own limits (resolv.conf), not the ctx's. -ERR_CONFIG where it is not of that form. */
int connect_tcp(const char *host_port, const struct ctx *ctx, int *ret_fd, struct err *err);
/* The -ERR_CONFIG of those, found out beforehand. */
int connect_unix_check(const char *path, struct err *err);
int connect_tcp_check(const char *host_port, struct err *err);

#endif
