/* SPDX-License-Identifier: MIT */
#include "fake_kernel.h"

#include "base/fs.h"
#include "base/str.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <linux/gpio.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int __real_ioctl(int fd, unsigned long request, void *arg);
int __wrap_ioctl(int fd, unsigned long request, ...);

static struct {
    dev_t tty, pulled;
    int lines, calls_left; /* of the one that is pulled */
    ino_t chip;
    char label[GPIO_MAX_NAME_SIZE];
    struct line {
        const char *name, *taken;
        int fd; /* that holds it; 0: none */
        ino_t handle;
        bool level, output, active_low;
    } gpio[FAKE_GPIO_LINES];
    struct buf log;
} fake = {.log = BUF_INIT(65536)};

void fake_modem(const char *tty)
{
    struct stat status;

    cr_assert_eq(stat(tty, &status), 0);
    fake.tty = status.st_rdev;
    fake.lines = TIOCM_DTR | TIOCM_RTS | TIOCM_CTS;
}

void fake_pulled(const char *tty, int calls)
{
    struct stat status;

    cr_assert_eq(stat(tty, &status), 0);
    fake.pulled = status.st_rdev;
    fake.calls_left = calls;
}

void fake_gpio(const char *path, const char *label, const char *const names[FAKE_GPIO_LINES])
{
    struct stat status;

    cr_assert_eq(fs_write(path, "", 0, NULL), 0);
    cr_assert_eq(stat(path, &status), 0);
    fake.chip = status.st_ino;
    snprintf(fake.label, sizeof fake.label, "%s", label);
    for (size_t i = 0; i < FAKE_GPIO_LINES; i++)
        fake.gpio[i].name = names[i];
}

void fake_gpio_taken(unsigned line, const char *by)
{
    fake.gpio[line].taken = by;
}

void fake_gpio_level(unsigned line, bool level)
{
    fake.gpio[line].level = level;
}

bool fake_gpio_is(unsigned line)
{
    return fake.gpio[line].level;
}

const char *fake_log(void)
{
    return fake.log.data ? fake.log.data : "";
}

static int refuse(int reason)
{
    errno = reason;
    return -1;
}

/* ---- modem lines ----------------------------------------------------------------------------- */

static int modem(unsigned long request, int *bits)
{
    int moved = TIOCM_DTR | TIOCM_RTS;

    if (request == TIOCMGET) {
        *bits = fake.lines;
        return 0;
    }
    if (request == TIOCMBIS)
        fake.lines |= *bits & moved;
    else if (request == TIOCMBIC)
        fake.lines &= ~(*bits & moved);
    else
        fake.lines = (fake.lines & ~moved) | (*bits & moved);
    buf_addf(&fake.log, "dtr%d rts%d\n", !!(fake.lines & TIOCM_DTR), !!(fake.lines & TIOCM_RTS));
    return 0;
}

/* ---- GPIO ------------------------------------------------------------------------------------ */

static bool held(const struct line *line)
{
    struct stat status;

    return line->fd > 0 && fstat(line->fd, &status) == 0 && status.st_ino == line->handle;
}

static int tell_line(struct gpio_v2_line_info *info)
{
    const struct line *line = &fake.gpio[info->offset % FAKE_GPIO_LINES];

    if (info->offset >= FAKE_GPIO_LINES)
        return refuse(EINVAL);
    snprintf(info->name, sizeof info->name, "%s", line->name ? line->name : "");
    snprintf(info->consumer, sizeof info->consumer, "%s",
             line->taken  ? line->taken
             : held(line) ? "hil"
                          : "");
    return 0;
}

static int check_flags(const struct gpio_v2_line_config *config)
{
    uint64_t out = GPIO_V2_LINE_FLAG_OUTPUT, drain = GPIO_V2_LINE_FLAG_OPEN_DRAIN;

    if (config->flags & ~(out | drain | GPIO_V2_LINE_FLAG_ACTIVE_LOW) ||
        (config->flags & drain && !(config->flags & out)) ||
        (config->num_attrs && !(config->flags & out)))
        return refuse(EINVAL);
    return 0;
}

static int take_line(struct gpio_v2_line_request *request)
{
    const struct gpio_v2_line_config *config = &request->config;
    struct line *line = &fake.gpio[request->offsets[0] % FAKE_GPIO_LINES];
    bool value = config->num_attrs && config->attrs[0].attr.values & 1;
    struct stat status;

    if (request->num_lines != 1 || request->offsets[0] >= FAKE_GPIO_LINES)
        return refuse(EINVAL);
    if (line->taken || held(line))
        return refuse(EBUSY);
    if (check_flags(config) < 0)
        return -1;
    line->fd = request->fd = memfd_create("line", MFD_CLOEXEC);
    cr_assert(line->fd > 0 && fstat(line->fd, &status) == 0);
    line->handle = status.st_ino;
    line->active_low = config->flags & GPIO_V2_LINE_FLAG_ACTIVE_LOW;
    line->output = config->flags & GPIO_V2_LINE_FLAG_OUTPUT;
    if (line->output)
        line->level = value != line->active_low;
    buf_addf(&fake.log, "%u: %s %d%s\n", request->offsets[0], line->output ? "out" : "as it is",
             line->level, config->flags & GPIO_V2_LINE_FLAG_OPEN_DRAIN ? " open-drain" : "");
    return 0;
}

static int move_line(struct line *line, unsigned long request, struct gpio_v2_line_values *values)
{
    if (request == GPIO_V2_LINE_GET_VALUES_IOCTL) {
        values->bits = line->level != line->active_low;
        return 0;
    }
    if (!line->output)
        return refuse(EPERM);
    line->level = (values->bits & 1) != line->active_low;
    buf_addf(&fake.log, "%d: %d\n", (int)(line - fake.gpio), line->level);
    return 0;
}

static int chip(int fd, unsigned long request, void *arg)
{
    struct gpiochip_info *info = arg;

    switch (request) {
    case GPIO_GET_CHIPINFO_IOCTL:
        *info = (struct gpiochip_info){.lines = FAKE_GPIO_LINES};
        memcpy(info->label, fake.label, sizeof info->label);
        return 0;
    case GPIO_V2_GET_LINEINFO_IOCTL:
        return tell_line(arg);
    case GPIO_V2_GET_LINE_IOCTL:
        return take_line(arg);
    default:
        return __real_ioctl(fd, request, arg);
    }
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
    struct stat status = {0};
    va_list args;
    void *arg;

    va_start(args, request);
    arg = va_arg(args, void *);
    va_end(args);
    fstat(fd, &status);
    if (fake.pulled && status.st_rdev == fake.pulled && fake.calls_left-- <= 0)
        return refuse(EIO);
    if (fake.tty && status.st_rdev == fake.tty && request >= TIOCMGET && request <= TIOCMSET)
        return modem(request, arg);
    if (fake.chip && status.st_ino == fake.chip)
        return chip(fd, request, arg);
    for (size_t i = 0; i < FAKE_GPIO_LINES; i++)
        if (fake.gpio[i].fd > 0 && fake.gpio[i].fd == fd && held(&fake.gpio[i]))
            return move_line(&fake.gpio[i], request, arg);
    return __real_ioctl(fd, request, arg);
}
