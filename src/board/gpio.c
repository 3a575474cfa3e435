/* SPDX-License-Identifier: MIT */
#include "board/gpio.h"

#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/gpio.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#define CONSUMER "hil"
#define LINES_MAX 4096 /* of a chip; the kernel's own are below 1000 */

const char *const gpio_levels[] = {"low", "high", NULL};
const char *const gpio_drives[] = {"push-pull", "open-drain", NULL};

/* ---- chips ----------------------------------------------------------------------------------- */

static bool is_number(const char *text)
{
    return *text && text[strspn(text, "0123456789")] == '\0';
}

/* "gpiochip0" or a path; NULL: it must be a label. */
static char *path_of(const char *chip)
{
    if (chip[0] == '/')
        return xstrdup(chip);
    return str_starts(chip, "gpiochip") && is_number(chip + 8) ? xasprintf("/dev/%s", chip) : NULL;
}

static int cannot_open(const char *path, int reason, struct err *err)
{
    int rc = err_sys(err, reason, "%s", path);

    if (reason == EACCES || reason == EPERM)
        return err_hint(err, "; a udev rule such as SUBSYSTEM==\"gpio\", GROUP=\"dialout\", "
                             "MODE=\"0660\" lets that group use it");
    if (reason == ENOENT)
        return err_hint(err, "; 'gpiodetect' shows what is there");
    return rc;
}

static int open_path(const char *path, int *ret_fd, struct gpiochip_info *info, struct err *err)
{
    cleanup_close int fd = open(path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    if (fd < 0)
        return cannot_open(path, errno, err);
    if (ioctl(fd, GPIO_GET_CHIPINFO_IOCTL, info) < 0)
        return err_set(err, ERR_CONFIG, "%s is no GPIO chip; 'gpiodetect' shows those", path);
    info->label[sizeof info->label - 1] = '\0';
    *ret_fd = take_fd(&fd);
    return 0;
}

/* The one chip with this label. */
static int open_labelled(const char *label, int *ret_fd, struct gpiochip_info *info,
                         struct err *err)
{
    cleanup_close int found = -1;
    struct err denied = {0};
    glob_t paths;
    int rc = 0;

    if (glob("/dev/gpiochip*", 0, NULL, &paths) != 0)
        paths.gl_pathc = 0;
    for (size_t i = 0; i < paths.gl_pathc && rc == 0; i++) {
        struct gpiochip_info seen;
        cleanup_close int fd = -1;
        if (open_path(paths.gl_pathv[i], &fd, &seen, &denied) < 0 || strcmp(seen.label, label) != 0)
            continue;
        if (found >= 0)
            rc = err_set(err, ERR_CONFIG,
                         "two chips have the label '%s', %s is one; name it by its path", label,
                         paths.gl_pathv[i]);
        close_fd(&found);
        found = take_fd(&fd);
        *info = seen;
    }
    globfree(&paths);
    if (rc < 0)
        return rc;
    if (found < 0)
        return err_set(err, ERR_NOT_FOUND,
                       "no GPIO chip has the label '%s'; 'gpiodetect' shows those there are%s%s",
                       label, denied.code ? "; " : "", denied.message);
    *ret_fd = take_fd(&found);
    return 0;
}

static int open_chip(const char *chip, int *ret_fd, struct gpiochip_info *info, struct err *err)
{
    cleanup_free char *path = path_of(chip);

    return path ? open_path(path, ret_fd, info, err) : open_labelled(chip, ret_fd, info, err);
}

int gpio_present(const struct gpio_target *target, struct err *err)
{
    cleanup_free char *path = path_of(target->chip);
    struct stat status;

    if (!path)
        return 0;
    if (stat(path, &status) < 0)
        return err_sys(err, errno, "%s", path);
    return S_ISCHR(status.st_mode) ? 0 : err_set(err, ERR_NOT_FOUND, "%s: is no GPIO chip", path);
}

/* ---- lines ----------------------------------------------------------------------------------- */

static bool line_info(int chip, uint32_t offset, struct gpio_v2_line_info *ret)
{
    *ret = (struct gpio_v2_line_info){.offset = offset};
    if (ioctl(chip, GPIO_V2_GET_LINEINFO_IOCTL, ret) < 0)
        return false;
    ret->name[sizeof ret->name - 1] = ret->consumer[sizeof ret->consumer - 1] = '\0';
    return true;
}

static int no_such_name(const char *name, const struct strv *known, struct err *err)
{
    const char *near = str_nearest(name, (const char *const *)known->items, known->count);
    int rc = err_set(err, ERR_CONFIG, "has no line '%.60s'", name);

    if (near)
        return err_hint(err, " (did you mean '%s'?)", near);
    return rc < 0 && !known->count ? err_hint(err, ": its lines have no names, only numbers") : rc;
}

static int find_named(int chip, uint32_t lines, const char *name, uint32_t *ret, struct err *err)
{
    cleanup_strv struct strv known = {0};
    size_t found = 0;

    for (uint32_t offset = 0; offset < lines && offset < LINES_MAX; offset++) {
        struct gpio_v2_line_info info;
        if (!line_info(chip, offset, &info) || !info.name[0])
            continue;
        strv_add(&known, info.name);
        if (strcmp(info.name, name) != 0)
            continue;
        found++;
        *ret = offset;
    }
    if (found > 1)
        return err_set(err, ERR_CONFIG, "has %zu lines '%.60s'; give the number of one", found,
                       name);
    return found ? 0 : no_such_name(name, &known, err);
}

static int find_line(int chip, uint32_t lines, const char *line, uint32_t *ret, struct err *err)
{
    uint64_t offset;

    if (!is_number(line))
        return find_named(chip, lines, line, ret, err);
    if (!lines || str_to_u64(line, lines - 1, "", &offset, NULL) < 0)
        return err_set(err, ERR_CONFIG, "has no line %.20s: it has %u", line, lines);
    *ret = (uint32_t)offset;
    return 0;
}

static int refused(int chip, uint32_t offset, int reason, struct err *err)
{
    struct gpio_v2_line_info info;

    if (reason == EBUSY && line_info(chip, offset, &info))
        return err_set(err, ERR_BUSY, "is in use by '%s'; 'gpioinfo' shows all",
                       info.consumer[0] ? info.consumer : "the kernel");
    if (reason == EINVAL)
        return err_set(err, ERR_CONFIG, "cannot be driven like this");
    return err_sys(err, reason, "asking for it");
}

/* What the kernel is asked for: nothing but the polarity, to leave it as it is. */
static int request_line(const struct gpio_target *target, uint64_t flags, bool active, int *ret_fd,
                        struct err *err)
{
    struct gpio_v2_line_request request = {.num_lines = 1, .consumer = CONSUMER};
    struct gpio_v2_line_config *config = &request.config;
    struct gpiochip_info info = {0};
    cleanup_close int chip = -1;
    int rc = open_chip(target->chip, &chip, &info, err);

    if (rc < 0)
        return rc;
    rc = find_line(chip, info.lines, target->line, &request.offsets[0], err);
    if (rc < 0)
        return err_wrap(err, "%s", target->chip);
    config->flags = flags | (target->active == GPIO_LOW ? GPIO_V2_LINE_FLAG_ACTIVE_LOW : 0);
    if (flags & GPIO_V2_LINE_FLAG_OUTPUT) {
        config->num_attrs = 1;
        config->attrs[0].mask = 1;
        config->attrs[0].attr.id = GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES;
        config->attrs[0].attr.values = active;
    }
    if (ioctl(chip, GPIO_V2_GET_LINE_IOCTL, &request) < 0) {
        refused(chip, request.offsets[0], errno, err);
        return err_wrap(err, "%s: line %s", target->chip, target->line);
    }
    *ret_fd = request.fd;
    return 0;
}

int gpio_drive(const struct gpio_target *target, bool active, int *ret_fd, struct err *err)
{
    uint64_t flags = GPIO_V2_LINE_FLAG_OUTPUT;

    if (target->drive == GPIO_OPEN_DRAIN)
        flags |= GPIO_V2_LINE_FLAG_OPEN_DRAIN;
    return request_line(target, flags, active, ret_fd, err);
}

int gpio_watch(const struct gpio_target *target, int *ret_fd, struct err *err)
{
    return request_line(target, 0, false, ret_fd, err);
}

int gpio_set(int fd, bool active, struct err *err)
{
    struct gpio_v2_line_values values = {.bits = active, .mask = 1};

    return ioctl(fd, GPIO_V2_LINE_SET_VALUES_IOCTL, &values) < 0
               ? err_sys(err, errno, "setting the line")
               : 0;
}

int gpio_get(int fd, bool *ret_active, struct err *err)
{
    struct gpio_v2_line_values values = {.mask = 1};

    if (ioctl(fd, GPIO_V2_LINE_GET_VALUES_IOCTL, &values) < 0)
        return err_sys(err, errno, "reading the line");
    *ret_active = values.bits & 1;
    return 0;
}
