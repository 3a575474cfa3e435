/* SPDX-License-Identifier: MIT
 *
 * Attributes: Linux' Documentation/ABI/stable/sysfs-bus-usb and testing/sysfs-bus-usb.
 */
#include "usb/usb.h"

#include "base/fs.h"
#include "base/str.h"
#include "base/text.h"
#include "usb/known.h"
#include "usb/usb_api.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEVICES_MAX 4096 /* 127 on a bus; nobody has more than a few buses */
#define TEXT_MAX 512     /* bytes of a string descriptor, as sysfs gives it */

struct scan {
    struct udev_api api;
    struct udev *udev;
    struct usb_tree *tree;
};

typedef void visit_fn(struct scan *scan, struct udev_device *device);

/* What a device says of itself: cleaned, and NULL where it says nothing. */
static const char *text_of(struct scan *scan, struct udev_device *device, const char *attribute)
{
    const char *raw = scan->api.device_get_sysattr_value(device, attribute);
    cleanup_free char *clean = raw ? text_clean_dup(raw, TEXT_MAX, TEXT_ONE_LINE) : NULL;
    size_t length = clean ? strlen(clean) : 0;

    while (length && clean[length - 1] == ' ')
        length--;
    return length ? arena_strndup(&scan->tree->arena, clean, length) : NULL;
}

static unsigned number_of(struct scan *scan, struct udev_device *device, const char *attribute,
                          int base)
{
    const char *text = scan->api.device_get_sysattr_value(device, attribute);

    return text ? (unsigned)strtoul(text, NULL, base) : 0;
}

/* The hub's path: "1-1" of "1-1.4", "usb1" of "1-1", none of "usb1". */
static const char *parent_of(struct arena *arena, const char *path)
{
    const char *dot = strrchr(path, '.'), *dash = strchr(path, '-');

    if (dot)
        return arena_strndup(arena, path, (size_t)(dot - path));
    return dash ? arena_printf(arena, "usb%.*s", (int)(dash - path), path) : NULL;
}

static unsigned port_of(const char *path)
{
    const char *dot = strrchr(path, '.'), *dash = strchr(path, '-');
    const char *before = dot ? dot : dash;

    return before ? (unsigned)strtoul(before + 1, NULL, 10) : 0;
}

/* Of a root hub: the device above it in the kernel's tree. */
static const char *controller_of(struct scan *scan, struct udev_device *device)
{
    cleanup_free char *above = fs_dirname(scan->api.device_get_syspath(device));

    return arena_strdup(&scan->tree->arena, fs_basename(above));
}

static void visit_device(struct scan *scan, struct udev_device *device)
{
    struct usb_tree *tree = scan->tree;
    const char *type = scan->api.device_get_devtype(device);
    const char *configuration = scan->api.device_get_sysattr_value(device, "bConfigurationValue");
    struct usb_device *new;

    if (!str_eq(type, "usb_device") || tree->count == DEVICES_MAX)
        return;
    tree->devices = xrealloc(tree->devices, tree->count + 1, sizeof *tree->devices);
    new = &tree->devices[tree->count++];
    *new = (struct usb_device){
        .path = arena_strdup(&tree->arena, scan->api.device_get_sysname(device)),
        .bus = number_of(scan, device, "busnum", 10),
        .address = number_of(scan, device, "devnum", 10),
        .vendor = (uint16_t)number_of(scan, device, "idVendor", 16),
        .product = (uint16_t)number_of(scan, device, "idProduct", 16),
        .release = (uint16_t)number_of(scan, device, "bcdDevice", 16),
        .class = (uint8_t)number_of(scan, device, "bDeviceClass", 16),
        .serial = text_of(scan, device, "serial"),
        .maker = text_of(scan, device, "manufacturer"),
        .name = text_of(scan, device, "product"),
        .speed = text_of(scan, device, "speed"),
        .node = arena_strdup(&tree->arena, scan->api.device_get_devnode(device)),
        .configured = configuration && strtoul(configuration, NULL, 10) > 0,
        .ports = number_of(scan, device, "maxchild", 10),
    };
    new->parent = parent_of(&tree->arena, new->path);
    new->port = port_of(new->path);
    new->controller = new->parent ? NULL : controller_of(scan, device);
}

/* The device in our tree that `device` is a part of. */
static struct usb_device *owner(struct scan *scan, struct udev_device *device)
{
    struct udev_device *parent =
        scan->api.device_get_parent_with_subsystem_devtype(device, "usb", "usb_device");
    const char *path = parent ? scan->api.device_get_sysname(parent) : NULL;

    return path ? (struct usb_device *)(uintptr_t)usb_at(scan->tree, path) : NULL;
}

/* Grows an array that lives in the arena: few items, and freed with the rest. */
static void *grown(struct arena *arena, const void *items, size_t count, size_t size)
{
    void *more = arena_alloc(arena, (count + 1) * size);

    if (count)
        memcpy(more, items, count * size);
    return more;
}

static void visit_interface(struct scan *scan, struct udev_device *device)
{
    struct arena *arena = &scan->tree->arena;
    struct usb_device *of;

    if (!str_eq(scan->api.device_get_devtype(device), "usb_interface"))
        return;
    of = owner(scan, device);
    if (!of)
        return;
    of->interfaces = grown(arena, of->interfaces, of->interface_count, sizeof *of->interfaces);
    of->interfaces[of->interface_count++] = (struct usb_interface){
        .number = number_of(scan, device, "bInterfaceNumber", 16),
        .class = (uint8_t)number_of(scan, device, "bInterfaceClass", 16),
        .subclass = (uint8_t)number_of(scan, device, "bInterfaceSubClass", 16),
        .protocol = (uint8_t)number_of(scan, device, "bInterfaceProtocol", 16),
        .name = text_of(scan, device, "interface"),
        .driver = arena_strdup(arena, scan->api.device_get_property_value(device, "DRIVER")),
    };
}

/* DEVLINKS is one line of links with blanks between. */
static const char *link_in(struct scan *scan, struct udev_device *device, const char *directory)
{
    const char *links = scan->api.device_get_property_value(device, "DEVLINKS");
    cleanup_strv struct strv all = {0};

    strv_split(&all, links ? links : "", ' ');
    for (size_t i = 0; i < all.count; i++)
        if (str_starts(all.items[i], directory))
            return arena_strdup(&scan->tree->arena, all.items[i]);
    return NULL;
}

static void visit_tty(struct scan *scan, struct udev_device *device)
{
    struct arena *arena = &scan->tree->arena;
    struct usb_device *of = owner(scan, device);
    const char *node = scan->api.device_get_devnode(device);
    struct udev_device *interface;

    if (!of || !node)
        return;
    interface = scan->api.device_get_parent_with_subsystem_devtype(device, "usb", "usb_interface");
    of->ttys = grown(arena, of->ttys, of->tty_count, sizeof *of->ttys);
    of->ttys[of->tty_count++] = (struct usb_tty){
        .node = arena_strdup(arena, node),
        .by_id = link_in(scan, device, "/dev/serial/by-id/"),
        .by_path = link_in(scan, device, "/dev/serial/by-path/"),
        .interface = interface ? number_of(scan, interface, "bInterfaceNumber", 16) : 0,
    };
}

static void visit_block(struct scan *scan, struct udev_device *device)
{
    struct usb_device *of = owner(scan, device);
    const char *label = scan->api.device_get_property_value(device, "ID_FS_LABEL");
    cleanup_free char *clean = label ? text_clean_dup(label, TEXT_MAX, TEXT_ONE_LINE) : NULL;

    if (!of || !clean || !*clean)
        return;
    of->drive = arena_strdup(&scan->tree->arena, clean);
    of->drive_node = arena_strdup(&scan->tree->arena, scan->api.device_get_devnode(device));
}

static int visit_all(struct scan *scan, const char *subsystem, visit_fn *visit, struct err *err)
{
    const struct udev_api *api = &scan->api;
    struct udev_enumerate *all = api->enumerate_new(scan->udev);
    struct udev_list_entry *entry;

    if (!all)
        return err_sys(err, ENOMEM, "udev");
    api->enumerate_add_match_subsystem(all, subsystem);
    api->enumerate_scan_devices(all);
    entry = api->enumerate_get_list_entry(all);
    for (; entry; entry = api->list_entry_get_next(entry)) {
        const char *syspath = api->list_entry_get_name(entry);
        struct udev_device *device = strstr(syspath, "/usb") /* most ttys are virtual ones */
                                         ? api->device_new_from_syspath(scan->udev, syspath)
                                         : NULL;
        if (!device)
            continue; /* or it went away meanwhile */
        visit(scan, device);
        api->device_unref(device);
    }
    api->enumerate_unref(all);
    return 0;
}

/* A bus's root hub first; then numbers as numbers, so that 1-1.2 stands before 1-1.10. */
static int in_order(const void *left, const void *right)
{
    const struct usb_device *a = left, *b = right;

    if (a->bus != b->bus)
        return a->bus < b->bus ? -1 : 1;
    if (!a->parent != !b->parent)
        return a->parent ? 1 : -1;
    return strverscmp(a->path, b->path);
}

static int by_number(const void *left, const void *right)
{
    const struct usb_interface *a = left, *b = right;

    return (a->number > b->number) - (a->number < b->number);
}

static int by_interface(const void *left, const void *right)
{
    const struct usb_tty *a = left, *b = right;

    if (a->interface != b->interface)
        return a->interface < b->interface ? -1 : 1;
    return strverscmp(a->node, b->node);
}

static int visit_parts(struct scan *scan, struct err *err)
{
    int rc = visit_all(scan, "usb", visit_interface, err);

    if (rc == 0)
        rc = visit_all(scan, "tty", visit_tty, err);
    return rc == 0 ? visit_all(scan, "block", visit_block, err) : rc;
}

int usb_scan(struct usb_tree *ret, struct err *err)
{
    struct scan scan = {.tree = ret};
    int rc = udev_api_load(&scan.api, err);

    *ret = (struct usb_tree){0};
    if (rc < 0)
        return rc;
    scan.udev = scan.api.new();
    if (!scan.udev)
        return err_sys(err, errno, "udev");
    rc = visit_all(&scan, "usb", visit_device, err);
    if (ret->count)
        qsort(ret->devices, ret->count, sizeof *ret->devices, in_order);
    if (rc == 0)
        rc = visit_parts(&scan, err);
    for (size_t i = 0; i < ret->count; i++) {
        struct usb_device *device = &ret->devices[i];
        if (i && device->parent && device->bus == device[-1].bus)
            device->controller = device[-1].controller;
        if (device->interface_count)
            qsort(device->interfaces, device->interface_count, sizeof *device->interfaces,
                  by_number);
        if (device->tty_count)
            qsort(device->ttys, device->tty_count, sizeof *device->ttys, by_interface);
        device->known = usb_know(device);
    }
    scan.api.unref(scan.udev);
    if (rc < 0)
        usb_tree_done(ret);
    return rc;
}

void usb_tree_done(struct usb_tree *tree)
{
    free(tree->devices);
    arena_done(&tree->arena);
    *tree = (struct usb_tree){0};
}

const struct usb_device *usb_at(const struct usb_tree *tree, const char *path)
{
    for (size_t i = 0; i < tree->count; i++)
        if (!strcmp(tree->devices[i].path, path))
            return &tree->devices[i];
    return NULL;
}

const struct usb_device *usb_with_serial(const struct usb_tree *tree, const char *serial,
                                         size_t *ret_count)
{
    const struct usb_device *first = NULL;

    *ret_count = 0;
    for (size_t i = 0; i < tree->count; i++) {
        if (!str_eq(tree->devices[i].serial, serial))
            continue;
        if (!first)
            first = &tree->devices[i];
        ++*ret_count;
    }
    return first;
}

bool usb_serial_tells(const struct usb_tree *tree, const struct usb_device *device)
{
    size_t alike = 0;

    if (device->serial)
        usb_with_serial(tree, device->serial, &alike);
    return alike == 1 && usb_serial_plain(device->serial) &&
           !(device->known && device->known->same_number);
}

const struct usb_interface *usb_interface_of(const struct usb_device *device, uint8_t class,
                                             uint8_t subclass)
{
    for (size_t i = 0; i < device->interface_count; i++)
        if (device->interfaces[i].class == class && device->interfaces[i].subclass == subclass)
            return &device->interfaces[i];
    return NULL;
}

bool usb_serial_plain(const char *serial)
{
    return *serial && serial[strspn(serial, "0123456789abcdefghijklmnopqrstuvwxyz"
                                            "ABCDEFGHIJKLMNOPQRSTUVWXYZ._:-")] == '\0';
}

bool usb_path_valid(const char *path)
{
    const char *at = path;

    for (char sep = '-';; sep = '.') {
        size_t digits = strspn(at, "0123456789");
        if (!digits || digits > 3)
            return false;
        at += digits;
        if (!*at)
            return sep == '.';
        if (*at++ != sep)
            return false;
    }
}
