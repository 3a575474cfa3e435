/* SPDX-License-Identifier: MIT
 *
 * console unix: a unix stream socket, such as an emulator's UART.
 *
 *     console: {unix: {path: /run/sim/uart}}
 */
#include "board/connect.h"
#include "board/console/console.h"

/* An emulator that is only just starting has no socket yet; most have one within a few ms. */
#define APPEAR_MS 5000
#define RETRY_MS 2

struct console_unix {
    char *path;
};

static const struct field fields[] = {{"path", FIELD_STRING, offsetof(struct console_unix, path),
                                       FIELD_REQUIRED,
                                       .help = "the socket that the other side listens on"},
                                      {0}};

static void check(void *self, const struct yaml_node *node, struct diags *diags)
{
    struct err err;

    if (connect_unix_check(((struct console_unix *)self)->path, &err) < 0)
        diag_node(diags, yaml_get(node, "path"), "%s", err.message);
}

static int open_unix(void *self, const struct driver_env *env, const struct ctx *ctx, int *ret_fd,
                     struct err *err)
{
    const struct console_unix *conf = self;
    struct ctx until = ctx_narrow(ctx, APPEAR_MS);

    (void)env;
    for (;;) {
        int rc = connect_unix(conf->path, &until, ret_fd, err);
        if (rc != -ERR_NOT_FOUND)
            return rc;
        if (ctx_left_ms(&until) == 0)
            return err_hint(err, "; is the emulator running that listens there?");
        if (ctx_sleep(&until, RETRY_MS, err) == -ERR_CANCELLED)
            return -ERR_CANCELLED;
    }
}

const struct console_driver console_unix = {
    .base = {.name = "unix",
             .summary = "a unix socket, such as an emulator's UART",
             .fields = fields,
             .self_size = sizeof(struct console_unix),
             .check = check},
    .settle_ms = 1, /* nothing but the other process lies between */
    .open = open_unix,
};
