/* SPDX-License-Identifier: MIT
 *
 * power serial: a relay, or a supply's enable pin, on DTR or RTS of a serial adapter.
 *
 *     power: {serial: {usb-serial: A50285BI, line: rts}}
 *
 * Linux sets both lines whenever a tty is opened. So the adapter of a relay that is on while its
 * line is clear (`inverted`) must be the relay's alone, and not the console's. What is on stays so
 * when hil ends, and after a SIGKILL: no program could switch it off for the guardian; hil rest
 * does.
 */
#include "board/modem_lines.h"
#include "board/power/power.h"

struct power_serial {
    struct tty_target target;
    int line;
    bool inverted;
};

static const char *const line_names[] = {"dtr", "rts", NULL};
static const unsigned line_bits[] = {MODEM_DTR, MODEM_RTS};

static const struct field fields[] = {
    TTY_TARGET_ROWS,
    {"line", FIELD_CHOICE, offsetof(struct power_serial, line), FIELD_REQUIRED,
     .choices = line_names, .help = "what the relay hangs on"},
    {"inverted", FIELD_BOOL, offsetof(struct power_serial, inverted),
     .help = "true: the board is on while the line is clear; then the adapter must be the relay's "
             "alone"},
    {0},
};

static void check(void *self, const struct yaml_node *node, struct diags *diags)
{
    tty_target_check(&((struct power_serial *)self)->target, "power serial", "path", false, node,
                     diags);
}

static bool borrows_tty(const void *self)
{
    return !tty_target_given(&((const struct power_serial *)self)->target);
}

static int present(const void *self, struct err *err)
{
    return borrows_tty(self)
               ? 0
               : tty_target_present(&((const struct power_serial *)self)->target, err);
}

static int turn(const struct power_serial *conf, bool on, const struct driver_env *env,
                const struct ctx *ctx, struct err *err)
{
    unsigned bit = line_bits[conf->line];
    bool set = on != conf->inverted;
    struct modem_lines lines;
    int rc = modem_lines_open(&conf->target, env, ctx, &lines, err);

    if (rc < 0)
        return rc;
    rc = modem_lines_change(&lines, set ? bit : 0, set ? 0 : bit, err);
    modem_lines_close(&lines);
    return rc;
}

static int on(void *self, const struct driver_env *env, const struct ctx *ctx, struct err *err)
{
    return turn(self, true, env, ctx, err);
}

static int off(void *self, const struct driver_env *env, const struct ctx *ctx, struct err *err)
{
    return turn(self, false, env, ctx, err);
}

static int is_on(void *self, const struct driver_env *env, const struct ctx *ctx, bool *ret,
                 struct err *err)
{
    const struct power_serial *conf = self;
    struct modem_lines lines;
    unsigned set = 0;
    int rc = modem_lines_borrow(&conf->target, env, &lines, err);

    (void)ctx;
    if (rc < 0)
        return rc;
    rc = modem_lines_read(&lines, &set, err);
    *ret = ((set & line_bits[conf->line]) != 0) != conf->inverted;
    modem_lines_close(&lines);
    return rc;
}

const struct power_driver power_serial = {
    .base = {.name = "serial",
             .summary = "a relay on DTR or RTS of a serial adapter",
             .fields = fields,
             .self_size = sizeof(struct power_serial),
             .check = check,
             .present = present,
             .borrows_tty = borrows_tty},
    .on = on,
    .off = off,
    .is_on = is_on,
};
