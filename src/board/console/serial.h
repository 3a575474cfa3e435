/* SPDX-License-Identifier: MIT
 *
 * serial: a tty opened raw, exclusive and non-blocking, at any speed.
 *
 * Works on UARTs, USB adapters and pseudo-terminals. A tty that another program holds is -ERR_BUSY,
 * a path that is no tty -ERR_CONFIG, one whose adapter goes away meanwhile -ERR_NOT_FOUND. Nothing
 * here waits. Any thread.
 */
#ifndef HIL_BOARD_CONSOLE_SERIAL_H
#define HIL_BOARD_CONSOLE_SERIAL_H

#include "base/err.h"
#include "result/capture.h"

#include <stdbool.h>
#include <stdint.h>

enum serial_parity { SERIAL_PARITY_NONE, SERIAL_PARITY_EVEN, SERIAL_PARITY_ODD };
enum serial_flow { SERIAL_FLOW_NONE, SERIAL_FLOW_RTSCTS, SERIAL_FLOW_XONXOFF };

struct serial_line {
    uint64_t baud, data, stop; /* bits a second; 5 to 8 data bits; 1 or 2 stop bits */
    int parity, flow;          /* enum serial_parity, enum serial_flow */
};
#define SERIAL_LINE_8N1(speed) ((struct serial_line){.baud = (speed), .data = 8, .stop = 1})

/* The descriptor is for serial_close(). */
int serial_open_line(const char *path, const struct serial_line *line, int *ret_fd,
                     struct err *err);
/* The same with 8 data bits, no parity, 1 stop bit, no flow control. */
int serial_open(const char *path, uint64_t baud, int *ret_fd, struct err *err);
/* Only for its modem lines: its speed and framing stay as they are. The kernel sets DTR and RTS
 * whenever a tty is opened; closing this one leaves them as they are then. */
int serial_open_modem(const char *path, int *ret_fd, struct err *err);
/* Lets go of it at once: a child of another thread between fork and exec has a copy of the
 * descriptor, and close(2) alone would leave the tty taken until that child is further. */
void serial_close(int fd);
/* What the kernel has counted since its driver was loaded. False: this tty does not count (a pty,
 * some adapters), or it is gone. */
bool serial_errors(int fd, struct line_errors *ret);
/* Drops what was received and not read. */
void serial_flush(int fd);

/* A USB device's tty, and which where it has several. */
struct serial_usb {
    const char *serial;    /* the device's serial number; NULL: any */
    const char *path;      /* where it is plugged, "1-1.4"; NULL: anywhere */
    const char *interface; /* the number of the tty's interface, "2"; NULL: the only one */
};
/* As "/dev/ttyACM0"; the caller frees. `sysfs` is "/sys". -ERR_NOT_FOUND: not plugged in;
 * -ERR_CONFIG: there are several. */
int serial_find_usb(const char *sysfs, const struct serial_usb *usb, char **ret_path,
                    struct err *err);

#endif
