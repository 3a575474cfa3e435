/* SPDX-License-Identifier: MIT
 *
 * The console drivers against real pseudo-terminals and sockets. asm/termbits.h instead of
 * termios.h: only the kernel's termios2 tells odd speeds.
 */
#include "base/fs.h"
#include "base/str.h"
#include "board/console/console.h"
#include "board/console/serial.h"
#include "board/tty_target.h"
#include "fake_kernel.h"

#include <asm/termbits.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static struct ctx within(int64_t ms)
{
    struct ctx root = ctx_root(-1, NULL);

    return ctx_narrow(&root, ms);
}

/* A driver with its options, as the board room makes it. `mistakes` NULL: there must be none. */
static void *make(const struct console_driver *driver, const char *options, struct diags *mistakes)
{
    void *self = xcalloc(1, driver->base.self_size);
    struct diags own = {0}, *diags = mistakes ? mistakes : &own;
    struct yaml_tree *tree;

    cr_assert_eq(yaml_parse(options, strlen(options), "t", &tree, diags, NULL), 0, "%s", options);
    if (driver->base.preset)
        driver->base.preset(self);
    fields_read(driver->base.fields, yaml_root(tree), "console", self, diags);
    if (driver->base.check && !diags->messages.count)
        driver->base.check(self, yaml_root(tree), diags);
    cr_assert(mistakes || !own.messages.count, "%s", own.messages.items[0]);
    yaml_tree_free(tree);
    return self;
}

static void unmake(const struct console_driver *driver, void *self)
{
    if (driver->base.done)
        driver->base.done(self);
    fields_done(driver->base.fields, self);
    free(self);
}

static int open_within(const struct console_driver *driver, void *self, int64_t ms, int *fd,
                       struct err *err)
{
    struct driver_env env = {.board = "b"};
    struct ctx ctx = within(ms);

    return driver->open(self, &env, &ctx, fd, err);
}

static int must_open(const struct console_driver *driver, void *self)
{
    struct err err = {0};
    int fd = -1;

    cr_assert_eq(open_within(driver, self, 5000, &fd, &err), 0, "%s", err.message);
    cr_expect(fcntl(fd, F_GETFL) & O_NONBLOCK);
    cr_expect(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    return fd;
}

/* Every byte value, from one end to the other. */
static void carry(int from, int to)
{
    struct ctx ctx = within(5000);
    unsigned char sent[256], seen[256];
    struct err err = {0};

    for (int i = 0; i < 256; i++)
        sent[i] = (unsigned char)i;
    cr_assert_eq(ctx_write(&ctx, from, sent, sizeof sent, &err), 0, "%s", err.message);
    for (size_t got = 0; got < sizeof seen;) {
        ssize_t n = ctx_read(&ctx, to, seen + got, sizeof seen - got, &err);
        cr_assert_gt(n, 0, "%s", err.message);
        got += (size_t)n;
    }
    cr_expect_arr_eq(seen, sent, sizeof sent);
}

static void expect_silence(int fd)
{
    char byte;

    cr_expect_eq(read(fd, &byte, 1), -1);
    cr_expect_eq(errno, EAGAIN);
}

static char *temporary_dir(void)
{
    char *dir = xstrdup("/tmp/hil-console-XXXXXX");

    cr_assert_not_null(mkdtemp(dir));
    return dir;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

static void remove_tree(const char *dir)
{
    cr_expect_eq(nftw(dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* ---- serial ---------------------------------------------------------------------------------- */

/* The board's end of a new pseudo-terminal; `name` is the tty to open. */
static int new_tty(char name[64])
{
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

    cr_assert(fd >= 0 && grantpt(fd) == 0 && unlockpt(fd) == 0);
    cr_assert_eq(ptsname_r(fd, name, 64), 0);
    return fd;
}

static void *make_serial(const char *path, const char *more)
{
    cleanup_free char *options = xasprintf("{path: %s%s}", path, more);

    return make(&console_serial, options, NULL);
}

Test(console_serial, every_byte_passes_both_ways)
{
    char name[64];
    int board = new_tty(name);
    void *self = make_serial(name, "");
    int fd = must_open(&console_serial, self);

    carry(board, fd);
    carry(fd, board);
    expect_silence(fd);
    close(fd);
    close(board);
    unmake(&console_serial, self);
}

Test(console_serial, any_speed_is_set)
{
    static const uint32_t speeds[] = {50, 9600, 31250, 115200, 123456, 250000, 921600, 12000000};
    char name[64];
    int board = new_tty(name);

    for (size_t i = 0; i < ARRAY_SIZE(speeds); i++) {
        struct err err = {0};
        struct termios2 tty;
        int fd = -1;
        cr_assert_eq(serial_open(name, speeds[i], &fd, &err), 0, "%s", err.message);
        cr_assert_eq(ioctl(fd, TCGETS2, &tty), 0);
        cr_expect_eq(tty.c_ospeed, speeds[i], "%u", tty.c_ospeed);
        cr_expect_eq((tty.c_cflag & CBAUD) == BOTHER,
                     speeds[i] == 31250 || speeds[i] == 123456 || speeds[i] == 250000 ||
                         speeds[i] == 12000000,
                     "%u: named speeds by their name", speeds[i]);
        close(fd);
    }
    close(board);
}

/* A pseudo-terminal keeps 8 data bits and no parity whatever is asked, so those cannot be seen. */
Test(console_serial, the_line_is_set)
{
    static const struct {
        const char *options;
        tcflag_t cflags, iflags;
    } cases[] = {
        {"", 0, 0},
        {", stop: 2", CSTOPB, 0},
        {", flow: rtscts", CRTSCTS, 0},
        {", flow: xonxoff", 0, IXON | IXOFF},
        {", data: 7, parity: odd", PARODD, 0},
    };
    char name[64];
    int board = new_tty(name);

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        void *self = make_serial(name, cases[i].options);
        int fd = must_open(&console_serial, self);
        struct termios2 tty;
        cr_assert_eq(ioctl(fd, TCGETS2, &tty), 0);
        cr_expect_eq(tty.c_cflag & (CSTOPB | CRTSCTS | PARODD | HUPCL), cases[i].cflags, "%s",
                     cases[i].options);
        cr_expect_eq(tty.c_iflag, cases[i].iflags, "%s", cases[i].options);
        cr_expect_eq(tty.c_lflag | tty.c_oflag, 0);
        cr_expect_eq(tty.c_cflag & (CREAD | CLOCAL), CREAD | CLOCAL);
        close(fd);
        unmake(&console_serial, self);
    }
    close(board);
}

Test(console_serial, flush_drops_what_was_received)
{
    char name[64];
    int board = new_tty(name);
    void *self = make_serial(name, "");
    int fd = must_open(&console_serial, self);

    cr_assert_eq(write(board, "stale", 5), 5);
    console_serial.flush(self, fd);
    expect_silence(fd);
    carry(board, fd);
    close(fd);
    close(board);
    unmake(&console_serial, self);
}

Test(console_serial, a_held_tty_is_busy_until_it_is_closed)
{
    char name[64];
    int board = new_tty(name), first = -1, second = -1;
    struct err err = {0};

    cr_assert_eq(serial_open(name, 115200, &first, &err), 0, "%s", err.message);
    cr_expect_eq(serial_open(name, 115200, &second, &err), -ERR_BUSY);
    cr_expect(strstr(err.message, name) && strstr(err.message, "fuser -v"), "%s", err.message);
    close(first);
    cr_assert_eq(serial_open(name, 115200, &second, &err), 0, "%s", err.message);
    close(second);
    close(board);
}

Test(console_serial, a_child_between_fork_and_exec_does_not_keep_it_busy)
{
    char name[64];
    int board = new_tty(name), first = -1, second = -1, copy;
    struct err err = {0};

    cr_assert_eq(serial_open(name, 115200, &first, &err), 0, "%s", err.message);
    copy = dup(first); /* what fork() does */
    serial_close(first);
    cr_expect_eq(serial_open(name, 115200, &second, &err), 0, "%s", err.message);
    serial_close(second);
    close(copy);
    close(board);
}

Test(console_serial, what_is_no_tty_is_refused)
{
    static const char *const paths[] = {"/dev/null", "/proc/self/comm"};
    struct err err = {0};
    int fd = -1;

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        cr_expect_eq(serial_open(paths[i], 115200, &fd, &err), -ERR_CONFIG);
        cr_expect(strstr(err.message, "is not a tty"), "%s", err.message);
    }
    cr_expect_eq(serial_open("/tmp", 115200, &fd, &err), -ERR_IO);
    cr_expect_eq(fd, -1);
}

/* tty_ioctl() of the kernel says EIO once the device is gone, whichever call comes then. */
Test(console_serial, an_adapter_that_is_pulled_while_it_is_opened)
{
    for (int calls = 0; calls < 3; calls++) {
        struct err err = {0};
        char name[64];
        int board = new_tty(name), fd = -1;

        fake_pulled(name, calls);
        cr_expect_eq(serial_open(name, 115200, &fd, &err), -ERR_NOT_FOUND, "after %d calls", calls);
        cr_expect(strstr(err.message, "went away while it was being opened"), "%s", err.message);
        cr_expect_eq(fd, -1);
        close(board);
    }
}

Test(console_serial, a_missing_tty_is_named_and_never_created)
{
    cleanup_free char *dir = temporary_dir();
    cleanup_free char *path = fs_join(dir, "ttyACM0");
    void *self = make_serial(path, "");
    struct err err = {0};
    int fd = -1;

    cr_expect_eq(open_within(&console_serial, self, 1, &fd, &err), -ERR_NOT_FOUND);
    cr_expect(strstr(err.message, path) && strstr(err.message, "plugged in"), "%s", err.message);
    unmake(&console_serial, self);
    cr_expect_eq(rmdir(dir), 0, "nothing was left there");
}

Test(console_serial, without_rights_the_group_is_named)
{
    char name[64];
    int board = new_tty(name), fd = -1;
    struct err err = {0};

    if (geteuid() != 0)
        cr_skip("only root can make a tty that we may not open");
    cr_assert_eq(chmod(name, 0600), 0);
    cr_assert_eq(seteuid(65534), 0);
    cr_expect_eq(serial_open(name, 115200, &fd, &err), -ERR_IO);
    cr_expect(strstr(err.message, "usermod -aG dialout"), "%s", err.message);
    cr_expect_eq(seteuid(0), 0);
    close(board);
}

struct late_link {
    const char *target, *path;
};

static void *link_late(void *arg)
{
    const struct late_link *late = arg;
    struct ctx ctx = ctx_root(-1, NULL);

    ctx_sleep(&ctx, 50, NULL);
    return symlink(late->target, late->path) < 0 ? arg : NULL;
}

Test(console_serial, a_tty_that_appears_late_is_waited_for)
{
    char name[64];
    int board = new_tty(name);
    cleanup_free char *dir = temporary_dir();
    cleanup_free char *path = fs_join(dir, "ttyACM0");
    struct late_link late = {name, path};
    void *self = make_serial(path, "");
    pthread_t thread;

    cr_assert_eq(pthread_create(&thread, NULL, link_late, &late), 0);
    int fd = must_open(&console_serial, self);
    pthread_join(thread, NULL);
    carry(board, fd);
    close(fd);
    close(board);
    unmake(&console_serial, self);
    unlink(path);
    rmdir(dir);
}

static void *permit_late(void *arg)
{
    const struct late_link *late = arg;
    struct ctx ctx = ctx_root(-1, NULL);

    link_late(arg);
    ctx_sleep(&ctx, 50, NULL);
    return chmod(late->target, 0600) < 0 ? arg : NULL;
}

/* As udev does it: first the node, then its rights. */
Test(console_serial, rights_that_come_late_are_waited_for)
{
    char name[64];
    int board = new_tty(name);
    cleanup_free char *dir = temporary_dir();
    cleanup_free char *path = fs_join(dir, "ttyACM0");
    struct late_link late = {name, path};
    void *self = make_serial(path, "");
    pthread_t thread;

    if (geteuid() != 0)
        cr_skip("only root can make a tty that we may not open");
    cr_assert(chmod(name, 0) == 0 && chown(name, 65534, (gid_t)-1) == 0);
    cr_assert_eq(chown(dir, 65534, (gid_t)-1), 0);
    cr_assert_eq(seteuid(65534), 0);
    cr_assert_eq(pthread_create(&thread, NULL, permit_late, &late), 0);
    close(must_open(&console_serial, self));
    pthread_join(thread, NULL);
    cr_assert_eq(seteuid(0), 0);
    close(board);
    unmake(&console_serial, self);
    remove_tree(dir);
}

Test(console_serial, waiting_can_be_cancelled)
{
    int cancel = eventfd(1, EFD_CLOEXEC), fd = -1;
    struct ctx ctx = ctx_root(cancel, NULL);
    void *self = make_serial("/nonexistent/tty", "");
    struct err err = {0};

    cr_expect_eq(console_serial.open(self, NULL, &ctx, &fd, &err), -ERR_CANCELLED);
    cr_expect_eq(err.code, ERR_CANCELLED);
    close(cancel);
    unmake(&console_serial, self);
}

Test(console_serial, mistakes_in_the_options)
{
    static const struct {
        const char *options, *message;
    } cases[] = {
        {"{}", "needs either 'path' or 'usb-serial'"},
        {"{path: /dev/x, usb-serial: y}", "not both"},
        {"{path: /dev/x, usb-path: 1-1}", "not both"},
        {"{usb-path: 1-}", "'1-' is not a hub path"},
        {"{path: /dev/x, interface: 1}", "an interface is of a USB device"},
        {"{usb-path: 1-1, interface: first}", "'first' is no interface's number"},
        {"{path: /dev/x, bauds: 9600}", "did you mean 'baud'?"},
        {"{path: /dev/x, baud: 49}", "from 50 to 12000000"},
        {"{path: /dev/x, data: 9}", "from 5 to 8"},
        {"{path: /dev/x, parity: mark}", "one of: none, even, odd"},
        {"{path: /dev/x, flow: hardware}", "one of: none, rtscts, xonxoff"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct diags diags = {0};
        void *self = make(&console_serial, cases[i].options, &diags);
        cr_assert_eq(diags.messages.count, 1, "%s", cases[i].options);
        cr_expect(strstr(diags.messages.items[0], cases[i].message), "%s", diags.messages.items[0]);
        diags_done(&diags);
        unmake(&console_serial, self);
    }
}

/* ---- the tty of a USB device ----------------------------------------------------------------- */

static void add_usb_tty(const char *sysfs, const char *device, const char *interface,
                        const char *tty, const char *serial)
{
    cleanup_free char *home = xasprintf("%s/devices/usb1/%s/%s", sysfs, device, interface);
    cleanup_free char *attribute = xasprintf("%s/devices/usb1/%s/serial", sysfs, device);
    cleanup_free char *class = xasprintf("%s/class/tty/%s", sysfs, tty);
    cleanup_free char *link = fs_join(class, "device");
    struct err err = {0};

    cr_assert_eq(fs_mkdirs(home, 0755, &err), 0, "%s", err.message);
    cr_assert_eq(fs_mkdirs(class, 0755, &err), 0, "%s", err.message);
    cr_assert_eq(fs_write(attribute, serial, strlen(serial), &err), 0, "%s", err.message);
    cr_assert_eq(symlink(home, link), 0);
}

Test(console_serial, a_usb_serial_number_leads_to_its_tty)
{
    cleanup_free char *sysfs = temporary_dir();
    cleanup_free char *root_serial = xasprintf("%s/devices/usb1/serial", sysfs);
    cleanup_free char *path = NULL, *second = NULL;
    struct err err = {0};

    add_usb_tty(sysfs, "1-1", "1-1:1.2", "ttyACM0", "066DFF515754888367131638\n");
    add_usb_tty(sysfs, "1-2", "1-2:1.0/ttyUSB3", "ttyUSB3", "A50285BI\n");
    add_usb_tty(sysfs, "1-3", "1-3:1.0", "ttyUSB4", "TWO\n");
    add_usb_tty(sysfs, "1-3", "1-3:1.1", "ttyUSB5", "TWO\n");
    fs_write(root_serial, "0000:00:14.0\n", 13, NULL);

    cr_assert_eq(serial_find_usb(sysfs, &(struct serial_usb){.serial = "066DFF515754888367131638"},
                                 &path, &err),
                 0);
    cr_expect_str_eq(path, "/dev/ttyACM0");
    cr_assert_eq(serial_find_usb(sysfs, &(struct serial_usb){.serial = "A50285BI"}, &second, &err),
                 0);
    cr_expect_str_eq(second, "/dev/ttyUSB3");
    cr_expect_eq(serial_find_usb(sysfs, &(struct serial_usb){.serial = "0000:00:14.0"}, NULL, &err),
                 -ERR_NOT_FOUND, "the hub's number is not the device's");
    cr_expect_eq(serial_find_usb(sysfs, &(struct serial_usb){.serial = "A502"}, NULL, &err),
                 -ERR_NOT_FOUND);
    cr_expect_eq(serial_find_usb(sysfs, &(struct serial_usb){.serial = "TWO"}, NULL, &err),
                 -ERR_CONFIG);
    cr_expect(strstr(err.message, "/dev/ttyUSB4 and /dev/ttyUSB5"), "%s", err.message);
    remove_tree(sysfs);
}

Test(console_serial, a_hub_path_and_an_interface_lead_to_a_tty)
{
    static const struct {
        struct serial_usb usb;
        int rc;
        const char *words; /* of the tty or of the message */
    } cases[] = {
        {{.path = "1-1.4"}, 0, "/dev/ttyACM0"},
        {{.path = "1-1.4", .interface = "2"}, 0, "/dev/ttyACM0"},
        {{.path = "1-1.4", .interface = "0"}, -ERR_NOT_FOUND, "at 1-1.4, interface 0; is it"},
        {{.path = "1-1"}, -ERR_NOT_FOUND, "no tty of a USB device at 1-1;"},
        {{.path = "1-3"}, -ERR_CONFIG, "device at 1-3 has 2 ttys"},
        {{.path = "1-3", .interface = "1"}, 0, "/dev/ttyUSB5"},
        {{.serial = "TWO", .interface = "0"}, 0, "/dev/ttyUSB4"},
        {{.serial = "TWO", .path = "1-3", .interface = "1"}, 0, "/dev/ttyUSB5"},
        {{.serial = "TWO", .path = "1-1.4"}, -ERR_NOT_FOUND, "'TWO' at 1-1.4"},
        {{.path = "1-40"}, 0, "/dev/ttyUSB7"}, /* it has no serial number */
    };
    cleanup_free char *sysfs = temporary_dir();
    cleanup_free char *nameless = xasprintf("%s/devices/usb1/1-40/serial", sysfs);

    add_usb_tty(sysfs, "1-1.4", "1-1.4:1.2", "ttyACM0", "066DFF515754888367131638\n");
    add_usb_tty(sysfs, "1-3", "1-3:1.0/ttyUSB4", "ttyUSB4", "TWO\n");
    add_usb_tty(sysfs, "1-3", "1-3:1.1/ttyUSB5", "ttyUSB5", "TWO\n");
    add_usb_tty(sysfs, "1-40", "1-40:1.0/ttyUSB7", "ttyUSB7", "\n");
    unlink(nameless);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cleanup_free char *path = NULL;
        struct err err = {0};
        int rc = serial_find_usb(sysfs, &cases[i].usb, &path, &err);
        cr_expect_eq(rc, cases[i].rc, "%zu: %s", i, err.message);
        cr_expect(strstr(path ? path : err.message, cases[i].words), "%zu: %s", i, err.message);
    }
    remove_tree(sysfs);
}

Test(console_serial, only_a_name_of_its_own_is_followed)
{
    static const struct {
        const char *options;
        bool lasts;
    } cases[] = {
        {"{usb-serial: A50285BI}", true},
        {"{usb-path: 1-1.4, interface: 2}", true},
        {"{path: /dev/serial/by-id/usb-FTDI_x-if00-port0}", true},
        {"{path: /dev/nucleo}", true},
        {"{path: /dev/ttyACM0}", false},
        {"{path: /dev/pts/3}", false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        void *self = make(&console_serial, cases[i].options, NULL);
        cr_expect_eq(tty_target_lasts(console_serial.tty(self)), cases[i].lasts, "%s",
                     cases[i].options);
        unmake(&console_serial, self);
    }
}

/* ---- tcp ------------------------------------------------------------------------------------- */

static int listen_tcp(uint16_t *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(listen(fd, 1), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static void *make_tcp(uint16_t port)
{
    char options[64];

    snprintf(options, sizeof options, "{host: 127.0.0.1, port: %u}", (unsigned)port);
    return make(&console_tcp, options, NULL);
}

static int socket_option(int fd, int level, int name)
{
    int value = -1;
    socklen_t size = sizeof value;

    cr_assert_eq(getsockopt(fd, level, name, &value, &size), 0);
    return value;
}

Test(console_tcp, bytes_pass_and_the_connection_is_watched)
{
    uint16_t port;
    int listener = listen_tcp(&port);
    void *self = make_tcp(port);
    int fd = must_open(&console_tcp, self);
    int board = accept(listener, NULL, NULL);
    struct ctx ctx = within(5000);
    char byte;

    carry(board, fd);
    carry(fd, board);
    cr_expect_eq(socket_option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
    cr_expect_eq(socket_option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
    cr_expect_eq(socket_option(fd, IPPROTO_TCP, TCP_KEEPIDLE), 10);
    expect_silence(fd);
    close(board);
    cr_expect_eq(ctx_read(&ctx, fd, &byte, 1, NULL), 0, "the end");
    close(fd);
    close(listener);
    unmake(&console_tcp, self);
}

Test(console_tcp, a_refused_connection_says_what_to_look_at)
{
    uint16_t port;
    struct err err = {0};
    int fd = -1;

    close(listen_tcp(&port));
    void *self = make_tcp(port);
    cr_expect_lt(open_within(&console_tcp, self, 5000, &fd, &err), 0);
    cr_expect(strstr(err.message, "is the serial server running there"), "%s", err.message);
    cr_expect_eq(fd, -1);
    unmake(&console_tcp, self);
}

/* ---- unix ------------------------------------------------------------------------------------ */

struct late_listener {
    const char *path;
    int64_t delay_ms;
    int fd;
};

static void *listen_unix(void *arg)
{
    struct late_listener *late = arg;
    struct ctx ctx = ctx_root(-1, NULL);
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    late->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    strcpy(address.sun_path, late->path);
    ctx_sleep(&ctx, late->delay_ms, NULL);
    if (bind(late->fd, (struct sockaddr *)&address, sizeof address) < 0)
        return arg;
    ctx_sleep(&ctx, late->delay_ms, NULL); /* bound, and refusing */
    return listen(late->fd, 1) < 0 ? arg : NULL;
}

static void *make_unix(const char *path)
{
    cleanup_free char *options = xasprintf("{path: %s}", path);

    return make(&console_unix, options, NULL);
}

Test(console_unix, a_listener_that_comes_late_is_waited_for)
{
    cleanup_free char *dir = temporary_dir();
    cleanup_free char *path = fs_join(dir, "uart");
    struct late_listener late = {.path = path, .delay_ms = 20};
    void *self = make_unix(path);
    pthread_t thread;

    cr_assert_eq(pthread_create(&thread, NULL, listen_unix, &late), 0);
    int fd = must_open(&console_unix, self);
    pthread_join(thread, NULL);
    int board = accept(late.fd, NULL, NULL);
    carry(board, fd);
    carry(fd, board);
    close(board);
    close(fd);
    close(late.fd);
    unmake(&console_unix, self);
    unlink(path);
    rmdir(dir);
}

Test(console_unix, nobody_there_is_told_when_time_is_over)
{
    void *self = make_unix("/nonexistent/uart");
    struct err err = {0};
    int fd = -1;
    int64_t start = ctx_now_ns();

    cr_expect_eq(open_within(&console_unix, self, 30, &fd, &err), -ERR_NOT_FOUND);
    cr_expect_geq(ctx_now_ns() - start, 29000000);
    cr_expect(strstr(err.message, "/nonexistent/uart") && strstr(err.message, "emulator running"),
              "%s", err.message);
    unmake(&console_unix, self);
}

Test(console_unix, waiting_can_be_cancelled)
{
    int cancel = eventfd(1, EFD_CLOEXEC), fd = -1;
    struct ctx ctx = ctx_root(cancel, NULL);
    void *self = make_unix("/nonexistent/uart");

    cr_expect_eq(console_unix.open(self, NULL, &ctx, &fd, NULL), -ERR_CANCELLED);
    close(cancel);
    unmake(&console_unix, self);
}

Test(console_unix, a_path_too_long_is_a_mistake_of_the_file)
{
    struct diags diags = {0};
    char options[200];

    snprintf(options, sizeof options, "{path: /%0120d}", 0);
    void *self = make(&console_unix, options, &diags);
    cr_assert_eq(diags.messages.count, 1);
    cr_expect(str_starts(diags.messages.items[0], "t:1:8: "), "%s", diags.messages.items[0]);
    diags_done(&diags);
    unmake(&console_unix, self);
}

/* ---- pty ------------------------------------------------------------------------------------- */

struct pty_case {
    char *dir, *path;
    void *self;
};

static struct pty_case pty_setup(void)
{
    struct pty_case pty = {.dir = temporary_dir()};
    cleanup_free char *options = NULL;

    pty.path = fs_join(pty.dir, "board-tty");
    options = xasprintf("{path: %s}", pty.path);
    pty.self = make(&console_pty, options, NULL);
    return pty;
}

static void pty_teardown(struct pty_case *pty)
{
    unmake(&console_pty, pty->self);
    cr_expect_eq(rmdir(pty->dir), 0, "the link is gone: %s", strerror(errno));
    free(pty->path);
    free(pty->dir);
}

Test(console_pty, the_program_may_come_and_go)
{
    struct pty_case pty = pty_setup();
    int fd = must_open(&console_pty, pty.self);

    expect_silence(fd);
    for (int i = 0; i < 2; i++) {
        int board = open(pty.path, O_RDWR | O_NOCTTY);
        cr_assert_geq(board, 0);
        carry(board, fd);
        carry(fd, board);
        close(board);
        expect_silence(fd);
    }
    close(fd);
    pty_teardown(&pty);
}

Test(console_pty, closing_and_opening_again_keeps_the_terminal)
{
    struct pty_case pty = pty_setup();
    int fd = must_open(&console_pty, pty.self);
    int board = open(pty.path, O_RDWR | O_NOCTTY);

    close(fd);
    cr_assert_eq(write(board, "between", 7), 7);
    fd = must_open(&console_pty, pty.self);
    console_pty.flush(pty.self, fd);
    carry(board, fd);
    carry(fd, board);
    close(board);
    close(fd);
    pty_teardown(&pty);
}

Test(console_pty, only_the_link_of_a_vanished_terminal_gives_way)
{
    struct pty_case pty = pty_setup();
    struct err err = {0};
    char name[64];
    int live = new_tty(name), fd = -1;

    cr_assert_eq(fs_write(pty.path, "precious", 8, NULL), 0);
    cr_expect_eq(open_within(&console_pty, pty.self, 1000, &fd, &err), -ERR_CONFIG);
    cr_assert_eq(unlink(pty.path), 0, "it was still there");
    cr_assert_eq(symlink("/etc/passwd", pty.path), 0);
    cr_expect_eq(open_within(&console_pty, pty.self, 1000, &fd, &err), -ERR_CONFIG);
    cr_assert_eq(unlink(pty.path), 0);
    cr_assert_eq(symlink(name, pty.path), 0);
    cr_expect_eq(open_within(&console_pty, pty.self, 1000, &fd, &err), -ERR_BUSY);
    cr_expect(strstr(err.message, name), "%s", err.message);
    cr_assert_eq(unlink(pty.path), 0);
    cr_assert_eq(symlink("/dev/pts/999999", pty.path), 0);
    fd = must_open(&console_pty, pty.self);
    close(fd);
    close(live);
    pty_teardown(&pty);
}

Test(console_pty, anothers_link_is_left_alone_at_the_end)
{
    struct pty_case pty = pty_setup();
    int fd = must_open(&console_pty, pty.self);

    cr_assert_eq(unlink(pty.path), 0);
    cr_assert_eq(symlink("/dev/pts/999999", pty.path), 0);
    close(fd);
    unmake(&console_pty, pty.self);
    cr_expect_eq(unlink(pty.path), 0, "it is still there");
    rmdir(pty.dir);
    free(pty.path);
    free(pty.dir);
}

Test(console_pty, a_directory_that_is_not_there_is_named)
{
    void *self = make(&console_pty, "{path: /nonexistent/tty}", NULL);
    struct err err = {0};
    int fd = -1;

    cr_expect_eq(open_within(&console_pty, self, 1000, &fd, &err), -ERR_NOT_FOUND);
    cr_expect(strstr(err.message, "/nonexistent/tty"), "%s", err.message);
    unmake(&console_pty, self);
}

/* ---- the table ------------------------------------------------------------------------------- */

Test(console, every_row_is_whole)
{
    size_t count = 0;

    for (; console_drivers[count]; count++) {
        const struct console_driver *row = console_drivers[count];
        cr_expect(row->base.name && row->base.summary && row->base.fields && row->open);
        cr_expect_gt(row->settle_ms, 0);
        for (const struct field *field = row->base.fields; field->name; field++) {
            cr_expect_not_null(field->help, "%s.%s", row->base.name, field->name);
            cr_expect_lt(field->offset, row->base.self_size);
        }
    }
    cr_expect_eq(count, 5);
}
