/* SPDX-License-Identifier: MIT
 *
 * gdb_link: how a GDB server is reached: a unix socket, TCP, or a tty.
 */
#ifndef HIL_BOARD_FLASH_GDB_LINK_H
#define HIL_BOARD_FLASH_GDB_LINK_H

#include "base/ctx.h"
#include "base/err.h"

#include <stdint.h>

struct gdb_link {
    char *unix_path, *tcp, *serial; /* one of them; the others are NULL */
    uint64_t baud;                  /* of `serial` */
};

/* A non-blocking descriptor, for gdb_link_close(). A server that was only just started gets a few
 * seconds until it listens. */
int gdb_link_open(const struct gdb_link *link, const struct ctx *ctx, int *ret_fd, struct err *err);
void gdb_link_close(const struct gdb_link *link, int fd); /* -1 is fine */
const char *gdb_link_name(const struct gdb_link *link);   /* the one that is given */

#endif
