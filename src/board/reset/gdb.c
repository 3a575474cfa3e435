/* SPDX-License-Identifier: MIT
 *
 * reset gdb: a command of a GDB server's own that resets the chip and lets it run.
 *
 *     reset: {gdb: {tcp: "localhost:3333"}}                             # OpenOCD: monitor reset run
 *     reset: {gdb: {tcp: "localhost:2331", run: [reset, go]}}           # J-Link
 *     reset: {gdb: {serial: /dev/ttyBmpGdb, run: [reset]}}              # Black Magic
 *
 * A server that halts the chip when somebody connects lets it run when that one detaches.
 */
#include "board/flash/gdb_link.h"
#include "board/flash/gdb_monitor.h"
#include "board/reset/reset.h"

struct reset_gdb {
    struct gdb_link link;
    struct strv run;
};

static const struct field fields[] = {
    GDB_LINK_ROWS,
    {"run", FIELD_STRINGS, offsetof(struct reset_gdb, run),
     .help = "monitor commands; \"reset run\", which is OpenOCD's, where not given"},
    {0},
};

static void preset(void *self)
{
    struct reset_gdb *conf = self;

    conf->link.baud = GDB_LINK_BAUD;
    strv_add(&conf->run, "reset run");
}

static void check(void *self, const struct yaml_node *node, struct diags *diags)
{
    const struct reset_gdb *conf = self;

    gdb_link_check(&conf->link, "reset gdb", node, diags);
    if (!conf->run.count)
        diag_node(diags, yaml_get(node, "run"), "'run' names no command");
}

static int reset(void *self, const struct driver_env *env, const struct ctx *ctx, struct err *err)
{
    const struct reset_gdb *conf = self;
    struct gdb_remote gdb;
    int fd = -1;
    int rc = gdb_link_open(&conf->link, ctx, &fd, err);

    if (rc < 0)
        return rc;
    rc = gdb_open(&gdb, fd, ctx, err);
    if (rc == 0)
        rc = gdb_monitor_all(&gdb, env, &conf->run, "reset.log", ctx, err);
    if (rc == 0)
        rc = gdb_detach(&gdb, ctx, err);
    gdb_done(&gdb);
    gdb_link_close(&conf->link, fd);
    return rc < 0 ? err_wrap(err, "%s", gdb_link_name(&conf->link)) : 0;
}

const struct reset_driver reset_gdb = {
    .base = {.name = "gdb",
             .summary = "a GDB server: OpenOCD, pyOCD, J-Link, st-util, Black Magic Probe, QEMU",
             .fields = fields,
             .self_size = sizeof(struct reset_gdb),
             .preset = preset,
             .check = check},
    .reset = reset,
};
