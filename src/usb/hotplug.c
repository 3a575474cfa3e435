/* SPDX-License-Identifier: MIT */
#include "usb/hotplug.h"

#include "base/fs.h"
#include "base/str.h"
#include "usb/usb_api.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define HUB_CLASS 9
#define AGAIN_MS 100 /* from a message to a second look */

/* udevd sends its own messages once a device's node has its permissions; without it there are the
 * kernel's. */
static const char *const sources[] = {"udev", "kernel"};

struct hotplug {
    struct udev_api api;
    struct udev *udev;
    struct udev_monitor *monitors[ARRAY_SIZE(sources)];
    int epoll_fd, again_fd; /* again_fd: a timer */
    bool looked;            /* there is a picture at all */
    struct usb_tree before, now;
    size_t pulled_at, plugged_at; /* how far the two were compared */
};

static bool add_monitor(struct hotplug *hotplug, size_t i)
{
    const struct udev_api *api = &hotplug->api;
    struct udev_monitor *monitor = api->monitor_new_from_netlink(hotplug->udev, sources[i]);
    struct epoll_event event = {.events = EPOLLIN};

    hotplug->monitors[i] = monitor;
    return monitor &&
           api->monitor_filter_add_match_subsystem_devtype(monitor, "usb", "usb_device") >= 0 &&
           api->monitor_enable_receiving(monitor) >= 0 &&
           epoll_ctl(hotplug->epoll_fd, EPOLL_CTL_ADD, api->monitor_get_fd(monitor), &event) == 0;
}

/* The kernel tells that a device goes before it takes it out of sysfs (device_del()), so who looks
 * at once may still see it. */
static bool add_timer(struct hotplug *hotplug)
{
    struct epoll_event event = {.events = EPOLLIN};

    hotplug->again_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    return hotplug->again_fd >= 0 &&
           epoll_ctl(hotplug->epoll_fd, EPOLL_CTL_ADD, hotplug->again_fd, &event) == 0;
}

int hotplug_open(struct hotplug **ret, struct err *err)
{
    struct hotplug *hotplug = xcalloc(1, sizeof *hotplug);
    bool has_udevd = fs_exists("/run/udev/control");
    int rc = udev_api_load(&hotplug->api, err);

    hotplug->again_fd = -1;
    hotplug->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (rc == 0)
        hotplug->udev = hotplug->api.new();
    if (rc == 0 && (!hotplug->udev || hotplug->epoll_fd < 0 || !add_timer(hotplug)))
        rc = err_sys(err, errno, "udev");
    for (size_t i = 0; rc == 0 && i < (has_udevd ? 1 : ARRAY_SIZE(sources)); i++)
        if (!add_monitor(hotplug, i))
            rc = err_sys(err, errno, "the kernel does not tell what is plugged in");
    if (rc < 0)
        hotplug_close(hotplug);
    else
        *ret = hotplug;
    return rc;
}

void hotplug_close(struct hotplug *hotplug)
{
    if (!hotplug)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(sources); i++)
        if (hotplug->monitors[i])
            hotplug->api.monitor_unref(hotplug->monitors[i]);
    if (hotplug->udev)
        hotplug->api.unref(hotplug->udev);
    close_fd(&hotplug->again_fd);
    close_fd(&hotplug->epoll_fd);
    usb_tree_done(&hotplug->before);
    usb_tree_done(&hotplug->now);
    free(hotplug);
}

void hotplug_look_again(struct hotplug *hotplug)
{
    hotplug->looked = false;
}

int hotplug_fd(const struct hotplug *hotplug)
{
    return hotplug->epoll_fd;
}

static void look_once_more(const struct hotplug *hotplug)
{
    timerfd_settime(hotplug->again_fd, 0,
                    &(struct itimerspec){.it_value.tv_nsec = AGAIN_MS * 1000000L}, NULL);
}

/* True where there was a message, or one got lost (ENOBUFS): either is reason to look, and some
 * time later once more. */
static bool drain(struct hotplug *hotplug)
{
    uint64_t times;
    bool any = false;

    for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
        struct udev_monitor *monitor = hotplug->monitors[i];
        struct pollfd fd = {.fd = monitor ? hotplug->api.monitor_get_fd(monitor) : -1,
                            .events = POLLIN};
        while (fd.fd >= 0 && poll(&fd, 1, 0) == 1) {
            struct udev_device *device = hotplug->api.monitor_receive_device(monitor);
            any = true;
            if (device)
                hotplug->api.device_unref(device);
        }
    }
    if (any)
        look_once_more(hotplug);
    else
        any = read(hotplug->again_fd, &times, sizeof times) > 0;
    return any;
}

/* Before the picture is taken the messages are drained: what happens afterwards has its own. */
static int look(struct hotplug *hotplug, struct err *err)
{
    usb_tree_done(&hotplug->before);
    hotplug->before = hotplug->now;
    hotplug->pulled_at = hotplug->plugged_at = 0;
    hotplug->looked = true;
    return usb_scan(&hotplug->now, err);
}

static bool same(const struct usb_device *a, const struct usb_device *b)
{
    return a && b && a->address == b->address && a->vendor == b->vendor &&
           a->product == b->product && str_eq(a->serial, b->serial);
}

static void fill(struct hotplug_change *ret, const struct usb_device *device, bool plugged)
{
    *ret = (struct hotplug_change){.plugged = plugged,
                                   .path = device->path,
                                   .hub = device->parent,
                                   .controller = device->controller,
                                   .serial = device->serial,
                                   .name = device->name,
                                   .address = device->address,
                                   .vendor = device->vendor,
                                   .product = device->product};
}

static bool next_change(struct hotplug *hotplug, struct hotplug_change *ret)
{
    while (hotplug->pulled_at < hotplug->before.count) {
        const struct usb_device *device = &hotplug->before.devices[hotplug->pulled_at++];
        if (device->class == HUB_CLASS || same(device, usb_at(&hotplug->now, device->path)))
            continue;
        fill(ret, device, false);
        return true;
    }
    while (hotplug->plugged_at < hotplug->now.count) {
        const struct usb_device *device = &hotplug->now.devices[hotplug->plugged_at++];
        if (device->class == HUB_CLASS || same(device, usb_at(&hotplug->before, device->path)))
            continue;
        fill(ret, device, true);
        return true;
    }
    return false;
}

int hotplug_next(struct hotplug *hotplug, struct hotplug_change *ret, struct err *err)
{
    for (;;) {
        if (next_change(hotplug, ret))
            return 1;
        if (!drain(hotplug) && hotplug->looked)
            return 0;
        int rc = look(hotplug, err);
        if (rc < 0)
            return rc;
    }
}
