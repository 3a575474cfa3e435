/* SPDX-License-Identifier: MIT
 *
 * The tty itself, through the kernel's termios2 (asm/termbits.h), which takes any speed. It cannot
 * be in one file with <termios.h>: both define struct termios.
 */
#include "base/str.h"
#include "board/console/serial.h"

#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/major.h>
#include <linux/serial.h>
#include <stdbool.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Linux' Documentation/admin-guide/devices.txt: 136 to 143 are the slaves of Unix98 ptys. */
#define PTY_SLAVE_MAJORS 8

/* Where a speed has a name it is set by that, so that other programs understand what they see. */
static tcflag_t named_speed(uint64_t baud)
{
    static const struct {
        uint32_t baud;
        tcflag_t flag;
    } speeds[] = {
        {50, B50},           {75, B75},           {110, B110},         {134, B134},
        {150, B150},         {200, B200},         {300, B300},         {600, B600},
        {1200, B1200},       {1800, B1800},       {2400, B2400},       {4800, B4800},
        {9600, B9600},       {19200, B19200},     {38400, B38400},     {57600, B57600},
        {115200, B115200},   {230400, B230400},   {460800, B460800},   {500000, B500000},
        {576000, B576000},   {921600, B921600},   {1000000, B1000000}, {1152000, B1152000},
        {1500000, B1500000}, {2000000, B2000000}, {2500000, B2500000}, {3000000, B3000000},
        {3500000, B3500000}, {4000000, B4000000},
    };

    for (size_t i = 0; i < ARRAY_SIZE(speeds); i++)
        if (speeds[i].baud == baud)
            return speeds[i].flag;
    return BOTHER;
}

static struct termios2 raw_settings(const struct serial_line *line)
{
    static const tcflag_t sizes[] = {CS5, CS6, CS7, CS8};
    struct termios2 tty = {.c_ispeed = (speed_t)line->baud, .c_ospeed = (speed_t)line->baud};

    /* No HUPCL: closing must not drop DTR, which resets many boards. */
    tty.c_cflag = CREAD | CLOCAL | sizes[line->data - 5] | named_speed(line->baud);
    if (line->parity != SERIAL_PARITY_NONE)
        tty.c_cflag |= PARENB;
    if (line->parity == SERIAL_PARITY_ODD)
        tty.c_cflag |= PARODD;
    if (line->stop == 2)
        tty.c_cflag |= CSTOPB;
    if (line->flow == SERIAL_FLOW_RTSCTS)
        tty.c_cflag |= CRTSCTS;
    if (line->flow == SERIAL_FLOW_XONXOFF)
        tty.c_iflag |= IXON | IXOFF;
    tty.c_cc[VSTART] = 0x11; /* DC1 and DC3, the usual XON and XOFF */
    tty.c_cc[VSTOP] = 0x13;
    tty.c_cc[VMIN] = 1; /* with 0 a read of nothing would look like the end of the stream */
    return tty;
}

/* What a tty answers whose device is not there any more: tty_hung_up_p() of the kernel's, or its
 * driver. */
static bool says_gone(int reason)
{
    return reason == EIO || reason == ENODEV || reason == ENXIO;
}

/* An ioctl that failed with `reason`. */
static int refused(const char *path, const char *doing, int reason, struct err *err)
{
    if (says_gone(reason))
        return err_set(err, ERR_NOT_FOUND,
                       "%s: its adapter went away while it was being opened; is it still plugged "
                       "in, and its board powered?",
                       path);
    return err_sys(err, reason, "%s: %s", path, doing);
}

/* The kernel accepts a speed that the hardware cannot do, and takes the nearest. UARTs bear 2 to 3
 * percent. */
static int check_speed(int fd, const char *path, uint64_t baud, struct err *err)
{
    struct termios2 tty;
    uint64_t got;

    if (ioctl(fd, TCGETS2, &tty) < 0)
        return refused(path, "reading its settings", errno, err);
    got = tty.c_ospeed;
    if ((got > baud ? got - baud : baud - got) <= baud / 33)
        return 0;
    return err_set(err, ERR_CONFIG, "%s cannot do %" PRIu64 " baud; its nearest speed is %" PRIu64,
                   path, baud, got);
}

/* Adapters such as FTDI's otherwise collect bytes for up to 16 ms. Not every tty knows this. */
static void ask_low_latency(int fd)
{
    struct serial_struct serial;

    if (ioctl(fd, TIOCGSERIAL, &serial) == 0 && !(serial.flags & ASYNC_LOW_LATENCY)) {
        serial.flags |= ASYNC_LOW_LATENCY;
        (void)ioctl(fd, TIOCSSERIAL, &serial);
    }
}

static int held(const char *path, struct err *err)
{
    return err_set(err, ERR_BUSY,
                   "%s: another program holds it, maybe a terminal program or ModemManager; "
                   "'fuser -v %s' says which",
                   path, path);
}

/* A lock that goes with the descriptor and that other serial programs ask for too; then TIOCEXCL,
 * which keeps out those that do not ask. Not on a pty: there it would outlive us, as the kernel
 * forgets it only when the other end closes as well. */
static int take_alone(int fd, const char *path, struct err *err)
{
    unsigned int device_major;
    struct stat status;
    int exclusive = 0;

    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK ? held(path, err) : err_sys(err, errno, "%s: flock", path);
    if (fstat(fd, &status) < 0)
        return err_sys(err, errno, "%s", path);
    device_major = major(status.st_rdev);
    if (device_major >= UNIX98_PTY_SLAVE_MAJOR &&
        device_major < UNIX98_PTY_SLAVE_MAJOR + PTY_SLAVE_MAJORS)
        return 0;
    /* root may open a tty in spite of TIOCEXCL, so ask */
    if (ioctl(fd, TIOCGEXCL, &exclusive) == 0 && exclusive)
        return held(path, err);
    if (ioctl(fd, TIOCEXCL) < 0)
        return refused(path, "TIOCEXCL", errno, err);
    return 0;
}

static int cannot_open(const char *path, int reason, struct err *err)
{
    int rc = err_sys(err, reason, "%s", path);

    if (reason == EBUSY)
        return held(path, err);
    if (reason == EACCES || reason == EPERM)
        return err_hint(err, "; ttys belong to the group dialout: 'sudo usermod -aG dialout "
                             "$USER', then log in again (a runner service: restart it)");
    if (reason == ENOENT || reason == ENODEV || reason == ENXIO)
        err_hint(err,
                 "; is the board plugged in and powered? 'ls -l /dev/serial/by-id' shows what is");
    return rc;
}

/* Open and ours alone, its settings untouched. */
static int open_alone(const char *path, int *ret_fd, struct err *err)
{
    /* Never O_CREAT: on the path of an unplugged adapter that would make a plain file. */
    cleanup_close int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    struct termios2 tty;
    int rc;

    if (fd < 0)
        return cannot_open(path, errno, err);
    if (ioctl(fd, TCGETS2, &tty) < 0)
        return says_gone(errno)
                   ? refused(path, "", errno, err)
                   : err_set(err, ERR_CONFIG, "%s is not a tty; name a device such as /dev/ttyACM0",
                             path);
    rc = take_alone(fd, path, err);
    if (rc < 0)
        return rc;
    *ret_fd = take_fd(&fd);
    return 0;
}

int serial_open_line(const char *path, const struct serial_line *line, int *ret_fd, struct err *err)
{
    cleanup_close int fd = -1;
    struct termios2 tty = raw_settings(line);
    int rc = open_alone(path, &fd, err);

    if (rc < 0)
        return rc;
    if (ioctl(fd, TCSETS2, &tty) < 0)
        return refused(path, "setting its speed", errno, err);
    rc = check_speed(fd, path, line->baud, err);
    if (rc < 0)
        return rc;
    ask_low_latency(fd);
    *ret_fd = take_fd(&fd);
    return 0;
}

int serial_open_modem(const char *path, int *ret_fd, struct err *err)
{
    cleanup_close int fd = -1;
    struct termios2 tty;
    int rc = open_alone(path, &fd, err);

    if (rc < 0)
        return rc;
    if (ioctl(fd, TCGETS2, &tty) < 0)
        return refused(path, "reading its settings", errno, err);
    tty.c_cflag &= ~(tcflag_t)(HUPCL | CRTSCTS); /* with CRTSCTS the kernel moves RTS by itself */
    tty.c_cflag |= CLOCAL;
    tty.c_lflag = 0; /* no echo: the board must not be sent its own words */
    if (ioctl(fd, TCSETS2, &tty) < 0)
        return refused(path, "changing its settings", errno, err);
    *ret_fd = take_fd(&fd);
    return 0;
}

int serial_open(const char *path, uint64_t baud, int *ret_fd, struct err *err)
{
    return serial_open_line(path, &SERIAL_LINE_8N1(baud), ret_fd, err);
}

void serial_close(int fd)
{
    (void)ioctl(fd, TIOCNXCL);
    (void)flock(fd, LOCK_UN);
    close(fd);
}

/* linux/serial.h */
bool serial_errors(int fd, struct line_errors *ret)
{
    struct serial_icounter_struct count = {0};

    if (ioctl(fd, TIOCGICOUNT, &count) < 0)
        return false;
    *ret = (struct line_errors){.overrun = (uint32_t)count.overrun,
                                .buffer = (uint32_t)count.buf_overrun,
                                .framing = (uint32_t)count.frame,
                                .parity = (uint32_t)count.parity,
                                .breaks = (uint32_t)count.brk};
    return true;
}

void serial_flush(int fd)
{
    (void)ioctl(fd, TCFLSH, TCIFLUSH);
}
