/* SPDX-License-Identifier: MIT
 *
 * console serial: a UART, a USB adapter or a board's own USB port.
 *
 *     console: {serial: {usb-serial: 066DFF515754888367131638, baud: 115200}}
 *     console: {serial: {path: /dev/serial/by-path/..., baud: 921600, flow: rtscts}}
 */
#include "board/console/serial.h"

#include "base/str.h"
#include "board/console/console.h"

#include <errno.h>
#include <sys/stat.h>

/* A board that was just switched on needs a moment until its tty is there. */
#define APPEAR_MS 5000
#define RETRY_MS 20

struct console_serial {
    char *path, *usb_serial; /* one of them */
    struct serial_line line;
};

#define LINE(member) offsetof(struct console_serial, line.member)

static const char *const parities[] = {"none", "even", "odd", NULL};
static const char *const flows[] = {"none", "rtscts", "xonxoff", NULL};

static const struct field fields[] = {
    {"path", FIELD_STRING, offsetof(struct console_serial, path),
     .help = "the tty: /dev/ttyACM0, or better a link in /dev/serial/by-id"},
    {"usb-serial", FIELD_STRING, offsetof(struct console_serial, usb_serial),
     .help = "instead of path: the serial number of the USB device that has the tty"},
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
    const struct console_serial *conf = self;

    if (!conf->path == !conf->usb_serial)
        diag_key(diags, node, "console serial needs either 'path' or 'usb-serial'%s",
                 conf->path ? ", not both" : "");
}

static int present(const void *self, struct err *err)
{
    const struct console_serial *conf = self;
    cleanup_free char *found = NULL;
    struct stat status;

    if (conf->usb_serial)
        return serial_find_usb("/sys", conf->usb_serial, &found, err);
    if (stat(conf->path, &status) < 0)
        return err_sys(err, errno, "%s", conf->path);
    return S_ISCHR(status.st_mode) ? 0 : err_set(err, ERR_NOT_FOUND, "%s: is no tty", conf->path);
}

static int open_now(const struct console_serial *conf, int *ret_fd, struct err *err)
{
    cleanup_free char *found = NULL;
    int rc = conf->path ? 0 : serial_find_usb("/sys", conf->usb_serial, &found, err);

    return rc < 0 ? rc : serial_open_line(found ? found : conf->path, &conf->line, ret_fd, err);
}

static int open_serial(void *self, const struct driver_env *env, const struct ctx *ctx, int *ret_fd,
                       struct err *err)
{
    struct ctx until = ctx_narrow(ctx, APPEAR_MS);
    bool missed = false;

    (void)env;
    for (;;) {
        struct err why = {0};
        int rc = open_now(self, ret_fd, &why);
        missed = missed || rc == -ERR_NOT_FOUND;
        /* udev sets a new node's permissions a little after it appears */
        bool passes = rc == -ERR_NOT_FOUND || (missed && why.sys_errno == EACCES);
        if (!passes || ctx_left_ms(&until) == 0) {
            if (rc < 0 && err)
                *err = why;
            return rc;
        }
        if (ctx_sleep(&until, RETRY_MS, err) == -ERR_CANCELLED)
            return -ERR_CANCELLED;
    }
}

static void flush(void *self, int fd)
{
    (void)self;
    serial_flush(fd);
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
    .close = serial_close,
};
