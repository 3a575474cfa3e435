/* SPDX-License-Identifier: MIT
 *
 * console serial: a UART, a USB adapter or a board's own USB port.
 *
 *     console: {serial: {usb-serial: 066DFF515754888367131638, baud: 115200}}
 *     console: {serial: {usb-path: 1-1.4, interface: 2}}
 *     console: {serial: {path: /dev/serial/by-path/..., baud: 921600, flow: rtscts}}
 */
#include "board/console/serial.h"

#include "board/console/console.h"
#include "board/tty_target.h"

struct console_serial {
    struct tty_target target;
    struct serial_line line;
};

#define LINE(member) offsetof(struct console_serial, line.member)

static const char *const parities[] = {"none", "even", "odd", NULL};
static const char *const flows[] = {"none", "rtscts", "xonxoff", NULL};

static const struct field fields[] = {
    TTY_TARGET_ROWS,
    {"baud", FIELD_UINT, LINE(baud), .min = 50, .max = 12000000,
     .help = "bits a second; 115200 where not given"},
    {"data", FIELD_UINT, LINE(data), .min = 5, .max = 8, .help = "data bits; 8 where not given"},
    {"parity", FIELD_CHOICE, LINE(parity), .choices = parities, .help = "none where not given"},
    {"stop", FIELD_UINT, LINE(stop), .min = 1, .max = 2, .help = "stop bits; 1 where not given"},
    {"flow", FIELD_CHOICE, LINE(flow), .choices = flows,
     .help = "flow control; none where not given"},
    {0}};

static void preset(void *self)
{
    ((struct console_serial *)self)->line = SERIAL_LINE_8N1(115200);
}

static void check(void *self, const struct yaml_node *node, struct diags *diags)
{
    tty_target_check(&((struct console_serial *)self)->target, "console serial", "path", true, node,
                     diags);
}

static int present(const void *self, struct err *err)
{
    return tty_target_present(&((const struct console_serial *)self)->target, err);
}

static int open_line(const char *path, const void *line, int *ret_fd, struct err *err)
{
    return serial_open_line(path, line, ret_fd, err);
}

static int open_serial(void *self, const struct driver_env *env, const struct ctx *ctx, int *ret_fd,
                       struct err *err)
{
    const struct console_serial *conf = self;

    (void)env;
    return tty_target_open(&conf->target, open_line, &conf->line, ctx, ret_fd, err);
}

static const struct tty_target *tty(const void *self)
{
    return &((const struct console_serial *)self)->target;
}

static void flush(void *self, int fd)
{
    (void)self;
    serial_flush(fd);
}

static void close_serial(void *self, int fd)
{
    (void)self;
    serial_close(fd);
}

const struct console_driver console_serial = {
    .base = {.name = "serial",
             .summary = "a UART, a USB adapter, or a board's own USB serial port",
             .fields = fields,
             .self_size = sizeof(struct console_serial),
             .preset = preset,
             .check = check,
             .present = present},
    .settle_ms = 20, /* USB adapters collect bytes for up to 16 ms */
    .open = open_serial,
    .flush = flush,
    .close = close_serial,
    .tty = tty,
};
