/* SPDX-License-Identifier: MIT */
#include "board/flash/gdb_link.h"

#include "board/connect.h"
#include "board/console/serial.h"

#include <unistd.h>

#define LISTEN_MS 5000 /* OpenOCD takes one or two seconds from its start until it listens */
#define RETRY_MS 20

void gdb_link_check(const struct gdb_link *link, const char *what, const struct yaml_node *node,
                    struct diags *diags)
{
    struct err err = {0};

    if (!!link->unix_path + !!link->tcp + !!link->serial != 1)
        diag_node(diags, node, "%s: needs exactly one of unix, tcp and serial", what);
    else if (link->unix_path && connect_unix_check(link->unix_path, &err) < 0)
        diag_node(diags, yaml_get(node, "unix"), "%s", err.message);
    else if (link->tcp && connect_tcp_check(link->tcp, &err) < 0)
        diag_node(diags, yaml_get(node, "tcp"), "%s", err.message);
}

const char *gdb_link_name(const struct gdb_link *link)
{
    return link->unix_path ? link->unix_path : link->tcp ? link->tcp : link->serial;
}

int gdb_link_open(const struct gdb_link *link, const struct ctx *ctx, int *ret_fd, struct err *err)
{
    struct ctx until = ctx_narrow(ctx, LISTEN_MS);

    if (link->serial)
        return serial_open(link->serial, link->baud, ret_fd, err);
    for (;;) {
        int rc = link->unix_path ? connect_unix(link->unix_path, &until, ret_fd, err)
                                 : connect_tcp(link->tcp, &until, ret_fd, err);
        if (rc != -ERR_NOT_FOUND)
            return rc;
        rc = ctx_sleep(&until, RETRY_MS, NULL);
        if (rc == -ERR_CANCELLED)
            return err_set(err, ERR_CANCELLED, "cancelled");
        if (rc < 0)
            return err_hint(err, "; is the GDB server running?");
    }
}

void gdb_link_close(const struct gdb_link *link, int fd)
{
    if (fd >= 0 && link->serial)
        serial_close(fd);
    else if (fd >= 0)
        close(fd);
}
