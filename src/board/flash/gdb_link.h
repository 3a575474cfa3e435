/* SPDX-License-Identifier: MIT
 *
 * gdb_link: how a GDB server is reached: a unix socket, TCP, or a tty.
 */
#ifndef HIL_BOARD_FLASH_GDB_LINK_H
#define HIL_BOARD_FLASH_GDB_LINK_H

#include "base/ctx.h"
#include "base/err.h"
#include "conf/field.h"

#include <stdint.h>

struct gdb_link {                   /* a driver's instance begins with it */
    char *unix_path, *tcp, *serial; /* one of them; the others are NULL */
    uint64_t baud;                  /* of `serial` */
};

#define GDB_LINK_BAUD 115200 /* where none is given: for a driver's preset */

/* The rows of a driver's table that fill it. */
#define GDB_LINK_ROWS                                                       \
    {"unix", FIELD_STRING, offsetof(struct gdb_link, unix_path),            \
     .help = "the server's unix socket"},                                   \
        {"tcp", FIELD_STRING, offsetof(struct gdb_link, tcp),               \
         .help = "the server's \"host:port\": localhost:3333 for OpenOCD"}, \
        {"serial", FIELD_STRING, offsetof(struct gdb_link, serial),         \
         .help = "the server's tty, for a Black Magic Probe"},              \
    {                                                                       \
        "baud", FIELD_UINT, offsetof(struct gdb_link, baud),                \
            .min = 50, .max = 12000000,                                     \
            .help = "bits a second on `serial`; 115200 where not given"     \
    }

/* `what` names the driver: "flash gdb". */
void gdb_link_check(const struct gdb_link *link, const char *what, const struct yaml_node *node,
                    struct diags *diags);
/* A non-blocking descriptor, for gdb_link_close(). A server that was only just started gets a few
 * seconds until it listens. */
int gdb_link_open(const struct gdb_link *link, const struct ctx *ctx, int *ret_fd, struct err *err);
void gdb_link_close(const struct gdb_link *link, int fd); /* -1 is fine */
const char *gdb_link_name(const struct gdb_link *link);   /* the one that is given */

#endif
