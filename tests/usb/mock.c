/* SPDX-License-Identifier: MIT
 *
 * What stands in sysfs for what is plugged in, and what comes and goes there. Requests:
 * mock_usbfs.c.
 */
#include "mock_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROOT "/devices/pci0000:00/0000:00:14.0"
#define PLAIN "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

static void die(const char *what, const char *why)
{
    fprintf(stderr, "mock: %s: %s\n", what, why);
    abort();
}

/* ---- sysfs ----------------------------------------------------------------------------------- */

/* ROOT/usb1/1-1/1-1.4 for "1-1.4". */
static void syspath(const char *path, char *ret, size_t size)
{
    const char *dash = strchr(path, '-');
    size_t used;

    if (!dash) {
        snprintf(ret, size, ROOT "/%s", path);
        return;
    }
    used = (size_t)snprintf(ret, size, ROOT "/usb%.*s", (int)(dash - path), path);
    for (const char *dot = dash; dot; dot = strchr(dot + 1, '.')) {
        const char *end = strchr(dot + 1, '.');
        used += (size_t)snprintf(ret + used, size - used, "/%.*s",
                                 (int)(end ? end - path : (long)strlen(path)), path);
    }
}

static void add(struct mock *mock, const char *path, const char *text)
{
    const char *at = text + strlen("P: ");
    GError *error = NULL;

    if (!umockdev_testbed_add_from_string(mock->testbed, text, &error))
        die(text, error->message);
    if (mock->part_count == PARTS_MAX)
        die(path, "too many parts");
    snprintf(mock->parts[mock->part_count].path, sizeof mock->parts->path, "%s", path);
    mock->parts[mock->part_count++].syspath =
        g_strdup_printf("/sys%.*s", (int)(strchr(at, '\n') - at), at);
}

/* Afterwards, as the text of a description cannot hold everything that a device may say. */
static void attribute(struct mock *mock, const char *at, const char *name, const char *text)
{
    gchar *syspath = g_strconcat("/sys", at, NULL);
    gchar *line = text ? g_strconcat(text, "\n", NULL) : NULL;

    if (line)
        umockdev_testbed_set_attribute(mock->testbed, syspath, name, line);
    g_free(line);
    g_free(syspath);
}

/* As udev makes names of links: what is not plain becomes '_'. */
static void print_plain(FILE *out, const char *text)
{
    for (; *text; text++)
        fputc(g_ascii_isalnum(*text) || strchr("#+-.:=@_", *text) ? *text : '_', out);
}

static void plug_tty(struct mock *mock, const struct mock_device *device, const char *at,
                     unsigned number, const char *tty)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    fprintf(out, "P: %s/%s:1.%u/tty/%s\nN: %s\n", at, device->path, number, tty, tty);
    fprintf(out, "E: DEVNAME=/dev/%s\nE: SUBSYSTEM=tty\nE: DEVLINKS=", tty);
    if (device->serial) {
        fprintf(out, "/dev/serial/by-id/usb-%04x_%04x_", device->vendor, device->product);
        print_plain(out, device->serial);
        fprintf(out, "-if%02u ", number);
    }
    fprintf(out, "/dev/serial/by-path/pci-0000:00:14.0-usb-0:%s:1.%u\n",
            strchr(device->path, '-') + 1, number);
    fclose(out);
    add(mock, device->path, text);
    free(text);
}

static void plug_interface(struct mock *mock, const struct mock_device *device, const char *at,
                           unsigned number)
{
    const struct mock_interface *interface = &device->interfaces[number];
    char *text, own[640];
    size_t size;
    FILE *out = open_memstream(&text, &size);

    fprintf(out, "P: %s/%s:1.%u\n", at, device->path, number);
    fprintf(out, "E: DEVTYPE=usb_interface\nE: SUBSYSTEM=usb\n");
    if (interface->tty)
        fprintf(out, "E: DRIVER=%s\n", interface->class == 2 ? "cdc_acm" : "usbserial");
    fprintf(out, "A: bInterfaceNumber=%02x\\n\nA: bInterfaceClass=%02x\\n\n", number,
            interface->class);
    fprintf(out, "A: bInterfaceSubClass=%02x\\n\nA: bInterfaceProtocol=%02x\\n\n",
            interface->subclass, interface->protocol);
    fclose(out);
    add(mock, device->path, text);
    free(text);
    snprintf(own, sizeof own, "%s/%s:1.%u", at, device->path, number);
    attribute(mock, own, "interface", interface->name);
    if (interface->tty)
        plug_tty(mock, device, at, number, interface->tty);
}

static void plug_device(struct mock *mock, const struct mock_device *device, const char *at,
                        const char *node, const uint8_t *descriptors, size_t descriptors_size)
{
    unsigned bus = (unsigned)strtoul(device->path + (device->path[0] == 'u' ? 3 : 0), NULL, 10);
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    fprintf(out, "P: %s\nN: %s=", at, node + strlen("/dev/"));
    for (size_t i = 0; i < descriptors_size; i++)
        fprintf(out, "%02X", descriptors[i]);
    fprintf(out, "\nE: DEVNAME=%s\nE: DEVTYPE=usb_device\nE: SUBSYSTEM=usb\nE: DRIVER=usb\n", node);
    fprintf(out, "E: BUSNUM=%03u\nE: DEVNUM=%03u\n", bus, mock->next_address);
    fprintf(out, "A: busnum=%u\\n\nA: devnum=%u\\n\nA: speed=%s\\n\n", bus, mock->next_address,
            device->speed ? device->speed : "12");
    fprintf(out, "A: maxchild=%u\\n\n", device->hub.ports);
    fprintf(out, "A: idVendor=%04x\\n\nA: idProduct=%04x\\n\n", device->vendor, device->product);
    fprintf(out, "A: bcdDevice=2200\\n\nA: bDeviceClass=%02x\\n\n", device->class);
    fprintf(out, "A: bConfigurationValue=%s\\n\n", device->unconfigured ? "" : "1");
    if (device->serial && !device->serial[strspn(device->serial, PLAIN)]) /* as the kernel: first */
        fprintf(out, "A: serial=%s\\n\n", device->serial);
    fprintf(out, "H: descriptors=");
    for (size_t i = 0; i < descriptors_size; i++)
        fprintf(out, "%02X", descriptors[i]);
    fprintf(out, "\n");
    fclose(out);
    add(mock, device->path, text);
    free(text);
    attribute(mock, at, "serial", device->serial);
    attribute(mock, at, "manufacturer", device->maker);
    attribute(mock, at, "product", device->name);
    attribute(mock, at, "power/control", device->sleeps ? "auto" : "on");
    attribute(mock, at, "power/autosuspend_delay_ms", "2000");
}

static void plug_drive(struct mock *mock, const struct mock_device *device, const char *at)
{
    char *text;
    size_t size;
    FILE *out;

    if (!device->drive)
        return;
    out = open_memstream(&text, &size);
    fprintf(out, "P: %s/host0/block/sd%u\nN: sd%u\n", at, mock->next_address, mock->next_address);
    fprintf(out, "E: DEVNAME=/dev/sd%u\nE: SUBSYSTEM=block\nE: ID_FS_LABEL=%s\n",
            mock->next_address, device->drive);
    fclose(out);
    add(mock, device->path, text);
    free(text);
}

/* Enough for those that only look: device and configuration, without interfaces. */
#define PLAIN_SIZE 27
static void plain_descriptors(const struct mock_device *device, uint8_t ret[PLAIN_SIZE])
{
    const uint8_t bytes[PLAIN_SIZE] = {18,
                                       1,
                                       0,
                                       2,
                                       device->class,
                                       0,
                                       0,
                                       64,
                                       (uint8_t)device->vendor,
                                       (uint8_t)(device->vendor >> 8),
                                       (uint8_t)device->product,
                                       (uint8_t)(device->product >> 8),
                                       0,
                                       1,
                                       1,
                                       2,
                                       3,
                                       1,
                                       9,
                                       2,
                                       9,
                                       0,
                                       0,
                                       1,
                                       0,
                                       0xc0,
                                       50};

    memcpy(ret, bytes, PLAIN_SIZE);
}

static void plug_parts(struct mock *mock, const struct mock_device *device, const char *node,
                       const uint8_t *descriptors, size_t size)
{
    char at[512];

    syspath(device->path, at, sizeof at);
    plug_device(mock, device, at, node, descriptors, size);
    for (unsigned i = 0; i < 8 && device->interfaces[i].class; i++)
        plug_interface(mock, device, at, i);
    plug_drive(mock, device, at);
}

static void new_node(struct mock *mock, const char *path, char *ret, size_t size)
{
    mock->next_address++;
    snprintf(ret, size, "/dev/bus/usb/%03lu/%03u",
             strtoul(path + (path[0] == 'u' ? 3 : 0), NULL, 10), mock->next_address);
}

/* As the kernel does: each is told of, and then taken away. */
void mock_unplug_path(struct mock *mock, const char *path)
{
    mock_tell_removal(mock, path);
    mock_take_away(mock, path);
}

void mock_tell_removal(struct mock *mock, const char *path)
{
    for (size_t i = mock->part_count; i--;)
        if (!strcmp(mock->parts[i].path, path))
            umockdev_testbed_uevent(mock->testbed, mock->parts[i].syspath, "remove");
}

/* The last first: a tty goes before its interface, that before its device. */
void mock_take_away(struct mock *mock, const char *path)
{
    for (size_t i = mock->part_count; i--;) {
        gchar *syspath = mock->parts[i].syspath;
        if (strcmp(mock->parts[i].path, path) != 0)
            continue;
        umockdev_testbed_remove_device(mock->testbed, syspath);
        g_free(syspath);
        memmove(&mock->parts[i], &mock->parts[i + 1],
                (--mock->part_count - i) * sizeof *mock->parts);
    }
}

/* ---- plugging -------------------------------------------------------------------------------- */

struct mock *mock_new(void)
{
    struct mock *mock = calloc(1, sizeof *mock);
    pthread_mutexattr_t recursive;

    mock->testbed = umockdev_testbed_new();
    pthread_mutexattr_init(&recursive);
    pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&mock->lock, &recursive);
    return mock;
}

void mock_free(struct mock *mock)
{
    g_object_unref(mock->testbed);
    for (size_t i = 0; i < mock->count; i++) {
        for (size_t u = 0; u < mock->devices[i]->urb_count; u++)
            g_object_unref(mock->devices[i]->urbs[u].data);
        g_object_unref(mock->devices[i]->handler);
        free(mock->devices[i]->model);
        free(mock->devices[i]);
    }
    for (size_t i = 0; i < mock->part_count; i++)
        g_free(mock->parts[i].syspath);
    pthread_mutex_destroy(&mock->lock);
    free(mock);
}

static struct plugged *new_plugged(struct mock *mock, const char *path)
{
    struct plugged *device = calloc(1, sizeof *device);

    device->mock = mock;
    snprintf(device->path, sizeof device->path, "%s", path);
    device->handler = umockdev_ioctl_base_new();
    g_signal_connect(device->handler, "handle-ioctl", G_CALLBACK(mock_on_ioctl), device);
    mock->devices[mock->count++] = device;
    return device;
}

static void answer_at(struct plugged *device)
{
    GError *error = NULL;

    if (!umockdev_testbed_attach_ioctl(device->mock->testbed, device->node, device->handler,
                                       &error))
        die(device->node, error->message);
    device->here = true;
}

/* PATH:1.0/PATH-portN/peer leads to the same of the other side, from both. */
static void link_peers(struct mock *mock, const char *path, const char *twin, unsigned ports)
{
    gchar *root = umockdev_testbed_get_root_dir(mock->testbed);
    const char *const sides[] = {path, twin};

    for (unsigned port = 1; port <= ports; port++) {
        for (int side = 0; side < 2; side++) {
            const char *own = sides[side], *other = sides[!side];
            char at[512], dir[1100], link[1200], target[256];
            syspath(own, at, sizeof at);
            snprintf(dir, sizeof dir, "%s/sys%s/%s:1.0/%s-port%u", root, at, own, own, port);
            snprintf(link, sizeof link, "%s/peer", dir);
            snprintf(target, sizeof target, "../../../%s/%s:1.0/%s-port%u", other, other, other,
                     port);
            if (g_mkdir_with_parents(dir, 0755) < 0 || symlink(target, link) < 0)
                die(link, strerror(errno));
        }
    }
    g_free(root);
}

void mock_plug(struct mock *mock, const struct mock_device *device)
{
    uint8_t descriptors[PLAIN_SIZE];
    char node[32];

    pthread_mutex_lock(&mock->lock);
    new_node(mock, device->path, node, sizeof node);
    if (device->hub.ports || device->requests) {
        struct plugged *plugged = new_plugged(mock, device->path);
        plugged->hub = device->hub;
        plugged->requests = device->requests;
        snprintf(plugged->node, sizeof plugged->node, "%s", node);
        answer_at(plugged);
    }
    plain_descriptors(device, descriptors);
    plug_parts(mock, device, node, descriptors, sizeof descriptors);
    if (device->hub.twin)
        link_peers(mock, device->path, device->hub.twin, device->hub.ports);
    pthread_mutex_unlock(&mock->lock);
}

static struct plugged *at_path(struct mock *mock, const char *path)
{
    for (size_t i = mock->count; i--;)
        if (!strcmp(mock->devices[i]->path, path))
            return mock->devices[i];
    return NULL;
}

void mock_unplug(struct mock *mock, const char *path)
{
    struct plugged *device;

    pthread_mutex_lock(&mock->lock);
    device = at_path(mock, path);
    if (device)
        device->here = false;
    mock_unplug_path(mock, path);
    pthread_mutex_unlock(&mock->lock);
}

void mock_hold(struct mock *mock, const char *path)
{
    pthread_mutex_lock(&mock->lock);
    at_path(mock, path)->held = true;
    pthread_mutex_unlock(&mock->lock);
}

static void show_bootloader(struct plugged *device)
{
    const struct model *model = device->model;
    bool st = !model->conf.plain && !model->conf.runtime;
    struct mock_device shown = {
        .path = device->path,
        .vendor = st ? 0x0483 : 0x1d50,
        .product = st ? 0xdf11 : 0x607f,
        .serial = device->serial[0] ? device->serial : NULL,
        .maker = "STMicroelectronics",
        .name = st ? "STM32  BOOTLOADER" : "Example",
        .interfaces = {{0xfe, 1, model->conf.runtime ? 1 : 2, model_string(model, 0), NULL}}};
    uint8_t descriptors[256];
    size_t size = model_descriptors(model, descriptors);

    new_node(device->mock, device->path, device->node, sizeof device->node);
    answer_at(device);
    plug_parts(device->mock, &shown, device->node, descriptors, size);
}

struct model *mock_bootloader(struct mock *mock, const char *path, const char *serial,
                              const struct model_conf *conf, const struct mock_device *firmware)
{
    struct plugged *device;

    pthread_mutex_lock(&mock->lock);
    device = new_plugged(mock, path);
    device->model = malloc(sizeof *device->model);
    snprintf(device->serial, sizeof device->serial, "%s", serial ? serial : "");
    model_init(device->model, conf);
    device->model->conf.serial = device->serial;
    if (firmware) {
        device->firmware = *firmware;
        device->has_firmware = true;
    }
    show_bootloader(device);
    pthread_mutex_unlock(&mock->lock);
    return device->model;
}

void mock_follow(struct plugged *device)
{
    struct mock *mock = device->mock;
    struct model *model = device->model;

    if (!device->here || !model)
        return;
    if (model->gone) {
        device->here = false;
        mock_unplug_path(mock, device->path);
    } else if (model->booted) {
        device->here = false;
        mock_unplug_path(mock, device->path);
        if (device->has_firmware)
            mock_plug(mock, &device->firmware);
        if (mock->on_boot)
            mock->on_boot(mock->on_boot_arg, model);
    } else if (model->detached) {
        struct model_conf conf = model->conf;
        conf.runtime = false;
        device->here = false;
        mock_unplug_path(mock, device->path);
        model_init(model, &conf);
        show_bootloader(device);
    }
}

void mock_on_boot(struct mock *mock, void (*call)(void *arg, struct model *model), void *arg)
{
    mock->on_boot = call;
    mock->on_boot_arg = arg;
}
