/* SPDX-License-Identifier: MIT
 *
 * reset serial: a board whose reset hangs on DTR or RTS of a serial adapter.
 *
 *     reset: {serial: {pattern: esptool}}                                   the console's own tty
 *     reset: {serial: {path: /dev/serial/by-id/..., pattern: [rts=1, 50ms, rts=0]}}
 */
#include "board/modem_lines.h"
#include "board/reset/reset.h"
#include "board/reset/serial_pattern.h"

struct reset_serial {
    struct tty_target target;
    struct strv words;
    struct serial_pattern pattern; /* of them */
};

static const struct field fields[] = {
    TTY_TARGET_ROWS,
    {"pattern", FIELD_STRINGS, offsetof(struct reset_serial, words), FIELD_REQUIRED,
     .help =
         "nrst-dtr, nrst-rts (the line set for 100 ms), arduino, esptool (an ESP's firmware), "
         "esptool-boot (its bootloader), dtr-rts or rts-dtr (an STM32's: NRST on the first, BOOT0 "
         "on the second), or steps: [dtr=0, rts=1, 100ms, rts=0]"},
    {0},
};

/* The item that is wrong, or the one word there is. */
static const struct yaml_node *item_at(const struct yaml_node *list, size_t index)
{
    const struct yaml_node *item = list->first;

    while (item && index--)
        item = item->next;
    return item ? item : list;
}

static void check(void *self, const struct yaml_node *node, struct diags *diags)
{
    struct reset_serial *conf = self;
    struct err err = {0};
    size_t bad;

    tty_target_check(&conf->target, "reset serial", "path", false, node, diags);
    if (serial_pattern_read(&conf->words, &conf->pattern, &bad, &err) < 0)
        diag_node(diags, item_at(yaml_get(node, "pattern"), bad), "reset serial: pattern: %s",
                  err.message);
}

static bool borrows_tty(const void *self)
{
    return !tty_target_given(&((const struct reset_serial *)self)->target);
}

static int present(const void *self, struct err *err)
{
    return borrows_tty(self)
               ? 0
               : tty_target_present(&((const struct reset_serial *)self)->target, err);
}

static int change(void *arg, unsigned set, unsigned clear, struct err *err)
{
    return modem_lines_change(arg, set, clear, err);
}

static int reset(void *self, const struct driver_env *env, const struct ctx *ctx, struct err *err)
{
    const struct reset_serial *conf = self;
    struct modem_lines lines;
    int rc = modem_lines_open(&conf->target, env, ctx, &lines, err);

    if (rc < 0)
        return rc;
    rc = serial_pattern_run(&conf->pattern, change, &lines, ctx, err);
    modem_lines_close(&lines);
    return rc;
}

const struct reset_driver reset_serial = {
    .base = {.name = "serial",
             .summary = "DTR and RTS of a serial adapter, the console's own where none is named",
             .fields = fields,
             .self_size = sizeof(struct reset_serial),
             .check = check,
             .present = present,
             .borrows_tty = borrows_tty},
    .reset = reset,
};
