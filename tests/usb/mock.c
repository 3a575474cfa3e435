/* SPDX-License-Identifier: MIT
 *
 * usbfs as linux/usbdevice_fs.h has it. Requests are completed when they are reaped, not sooner
 * than the model says; one that is never answered can only be discarded.
 */
#include "mock.h"

#include <errno.h>
#include <linux/usbdevice_fs.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <umockdev.h>

#define ROOT "/devices/pci0000:00/0000:00:14.0"
#define URBS_MAX 16
#define DEVICES_MAX 64
#define PLAIN "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define PARTS_MAX 512

struct urb {
    UMockdevIoctlData *data;
    int64_t due_us; /* INT64_MAX: never */
    int status, moved;
    bool discarded;
};

struct plugged {
    struct mock *mock;
    char path[32], serial[64], node[32];
    struct model *model;
    struct mock_hub hub; /* where there is no model */
    unsigned long *requests;
    bool here, held;
    struct mock_device firmware;
    bool has_firmware;
    UMockdevIoctlBase *handler;
    struct urb urbs[URBS_MAX];
    size_t urb_count;
};

struct mock {
    UMockdevTestbed *testbed;
    pthread_mutex_t lock;
    struct plugged *devices[DEVICES_MAX];
    size_t count;
    struct {
        char path[32], *syspath;
    } parts[PARTS_MAX]; /* what stands in sysfs for a device: to be removed with it */
    size_t part_count;
    unsigned next_address;
    void (*on_boot)(void *arg, struct model *model);
    void *on_boot_arg;
};

static int64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

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

/* The last first: a tty goes before its interface, that before its device. */
static void unplug_path(struct mock *mock, const char *path)
{
    for (size_t i = mock->part_count; i--;) {
        gchar *syspath = mock->parts[i].syspath;
        if (strcmp(mock->parts[i].path, path) != 0)
            continue;
        umockdev_testbed_uevent(mock->testbed, syspath, "remove");
        umockdev_testbed_remove_device(mock->testbed, syspath);
        g_free(syspath);
        memmove(&mock->parts[i], &mock->parts[i + 1],
                (--mock->part_count - i) * sizeof *mock->parts);
    }
}

/* ---- usbfs ----------------------------------------------------------------------------------- */

static void show_bootloader(struct plugged *device);

/* After a request: has it left, or gone over to its bootloader? Then the bus shows that. */
static void follow(struct plugged *device)
{
    struct mock *mock = device->mock;
    struct model *model = device->model;

    if (!device->here || !model)
        return;
    if (model->gone) {
        device->here = false;
        unplug_path(mock, device->path);
    } else if (model->booted) {
        device->here = false;
        unplug_path(mock, device->path);
        if (device->has_firmware)
            mock_plug(mock, &device->firmware);
        if (mock->on_boot)
            mock->on_boot(mock->on_boot_arg, model);
    } else if (model->detached) {
        struct model_conf conf = model->conf;
        conf.runtime = false;
        device->here = false;
        unplug_path(mock, device->path);
        model_init(model, &conf);
        show_bootloader(device);
    }
}

static int hub_control(const struct mock_hub *hub, const uint8_t setup[8], uint8_t *bytes,
                       int64_t now_us, int64_t *ret_due_us)
{
    const uint8_t descriptor[] = {
        9, setup[3], (uint8_t)hub->ports, hub->characteristics, 0, 50, 100, 0, 0xff};
    bool asked = setup[0] == 0xa0 && setup[1] == 6 && (setup[3] == 0x29 || setup[3] == 0x2a);

    *ret_due_us = now_us;
    if (hub->silent)
        return MODEL_NEVER;
    if (!asked || !hub->ports)
        return MODEL_STALL;
    memcpy(bytes, descriptor, sizeof descriptor);
    return sizeof descriptor;
}

static int ask(struct plugged *device, const uint8_t setup[8], uint8_t *bytes, int64_t *ret_due_us)
{
    return device->model ? model_control(device->model, setup, bytes, now_us(), ret_due_us)
                         : hub_control(&device->hub, setup, bytes, now_us(), ret_due_us);
}

static void submit(struct plugged *device, UMockdevIoctlClient *client)
{
    UMockdevIoctlData *arg = umockdev_ioctl_client_get_arg(client), *data, *buffer;
    struct usbdevfs_urb *urb;
    struct urb *kept;

    data = umockdev_ioctl_data_resolve(arg, 0, sizeof *urb, NULL);
    urb = (struct usbdevfs_urb *)data->data;
    if (!device->here || urb->type != USBDEVFS_URB_TYPE_CONTROL || device->urb_count == URBS_MAX) {
        g_object_unref(data);
        umockdev_ioctl_client_complete(client, -1, device->here ? EINVAL : ENODEV);
        return;
    }
    buffer = umockdev_ioctl_data_resolve(data, offsetof(struct usbdevfs_urb, buffer),
                                         (gsize)urb->buffer_length, NULL);
    kept = &device->urbs[device->urb_count++];
    *kept = (struct urb){.data = data};
    uint8_t *setup = buffer->data;
    uint8_t *bytes = calloc(1, 65536);
    memcpy(bytes, setup + 8, (size_t)urb->buffer_length - 8);
    int moved = ask(device, setup, bytes, &kept->due_us);
    if (moved > 0 && setup[0] & 0x80)
        umockdev_ioctl_data_update(buffer, 8, bytes, moved);
    free(bytes);
    g_object_unref(buffer);
    kept->moved = moved > 0 ? moved : 0;
    kept->status = moved == MODEL_STALL ? -EPIPE : moved == MODEL_GONE ? -ENODEV : 0;
    if (moved == MODEL_NEVER)
        kept->due_us = INT64_MAX;
    if (moved == MODEL_GONE) {
        device->here = false;
        unplug_path(device->mock, device->path);
    }
    umockdev_ioctl_client_complete(client, 0, 0);
    follow(device);
}

static void reap(struct plugged *device, UMockdevIoctlClient *client)
{
    UMockdevIoctlData *arg = umockdev_ioctl_client_get_arg(client), *slot;

    for (size_t i = 0; i < device->urb_count; i++) {
        struct urb urb = device->urbs[i];
        int status = urb.discarded ? -ENOENT : urb.status;
        if (!urb.discarded && now_us() < urb.due_us)
            continue;
        memmove(&device->urbs[i], &device->urbs[i + 1],
                (--device->urb_count - i) * sizeof *device->urbs);
        umockdev_ioctl_data_update(urb.data, offsetof(struct usbdevfs_urb, status),
                                   (guint8 *)&status, sizeof status);
        umockdev_ioctl_data_update(urb.data, offsetof(struct usbdevfs_urb, actual_length),
                                   (guint8 *)&urb.moved, sizeof urb.moved);
        slot = umockdev_ioctl_data_resolve(arg, 0, sizeof(void *), NULL);
        umockdev_ioctl_data_set_ptr(slot, 0, urb.data);
        g_object_unref(slot);
        g_object_unref(urb.data);
        umockdev_ioctl_client_complete(client, 0, 0);
        return;
    }
    umockdev_ioctl_client_complete(client, -1, device->here ? EAGAIN : ENODEV);
}

static void discard(struct plugged *device, UMockdevIoctlClient *client)
{
    UMockdevIoctlData *arg = umockdev_ioctl_client_get_arg(client);
    gulong address = *(gulong *)arg->data;

    for (size_t i = 0; i < device->urb_count; i++) {
        if (device->urbs[i].data->client_addr != address)
            continue;
        device->urbs[i].discarded = true;
        umockdev_ioctl_client_complete(client, 0, 0);
        return;
    }
    umockdev_ioctl_client_complete(client, -1, EINVAL);
}

/* The synchronous call, by which libusb reads the configuration of a node it was handed. */
static void control(struct plugged *device, UMockdevIoctlClient *client)
{
    UMockdevIoctlData *arg = umockdev_ioctl_client_get_arg(client), *data, *buffer;
    struct usbdevfs_ctrltransfer *call;
    uint8_t setup[8], bytes[65536] = {0};
    int64_t due;
    int moved;

    data = umockdev_ioctl_data_resolve(arg, 0, sizeof *call, NULL);
    call = (struct usbdevfs_ctrltransfer *)data->data;
    memcpy(setup, call, sizeof setup);
    moved = ask(device, setup, bytes, &due);
    if (moved > 0) {
        buffer = umockdev_ioctl_data_resolve(data, offsetof(struct usbdevfs_ctrltransfer, data),
                                             call->wLength, NULL);
        umockdev_ioctl_data_update(buffer, 0, bytes, moved);
        g_object_unref(buffer);
    }
    g_object_unref(data);
    umockdev_ioctl_client_complete(client, moved < 0 ? -1 : moved, moved < 0 ? EPIPE : 0);
}

static void capabilities(UMockdevIoctlClient *client)
{
    UMockdevIoctlData *data =
        umockdev_ioctl_data_resolve(umockdev_ioctl_client_get_arg(client), 0, 4, NULL);
    guint32 all = USBDEVFS_CAP_BULK_CONTINUATION | USBDEVFS_CAP_REAP_AFTER_DISCONNECT;

    umockdev_ioctl_data_update(data, 0, (guint8 *)&all, sizeof all);
    g_object_unref(data);
    umockdev_ioctl_client_complete(client, 0, 0);
}

static void connect_info(struct plugged *device, UMockdevIoctlClient *client)
{
    struct usbdevfs_connectinfo info = {
        .devnum = (unsigned)strtoul(strrchr(device->node, '/') + 1, NULL, 10)};
    UMockdevIoctlData *data =
        umockdev_ioctl_data_resolve(umockdev_ioctl_client_get_arg(client), 0, sizeof info, NULL);

    umockdev_ioctl_data_update(data, 0, (guint8 *)&info, sizeof info);
    g_object_unref(data);
    umockdev_ioctl_client_complete(client, 0, 0);
}

static void answer(struct plugged *device, UMockdevIoctlClient *client)
{
    if (device->model)
        device->model->requests++;
    if (device->requests)
        ++*device->requests;
    switch (umockdev_ioctl_client_get_request(client)) {
    case USBDEVFS_SUBMITURB:
        submit(device, client);
        break;
    case USBDEVFS_REAPURBNDELAY:
    case USBDEVFS_REAPURB:
        reap(device, client);
        break;
    case USBDEVFS_DISCARDURB:
        discard(device, client);
        break;
    case USBDEVFS_CONTROL:
        control(device, client);
        break;
    case USBDEVFS_GET_CAPABILITIES:
        capabilities(client);
        break;
    case USBDEVFS_CONNECTINFO:
        connect_info(device, client);
        break;
    case USBDEVFS_GET_SPEED:
        umockdev_ioctl_client_complete(client, 2, 0);
        break;
    case USBDEVFS_GETDRIVER:
        umockdev_ioctl_client_complete(client, -1, ENODATA);
        break;
    case USBDEVFS_CLAIMINTERFACE:
        umockdev_ioctl_client_complete(client, device->held ? -1 : 0, device->held ? EBUSY : 0);
        break;
    case USBDEVFS_RESET:
        if (device->model)
            model_reset(device->model);
        umockdev_ioctl_client_complete(client, 0, 0);
        follow(device);
        break;
    case USBDEVFS_SETINTERFACE:
    case USBDEVFS_RELEASEINTERFACE:
    case USBDEVFS_SETCONFIGURATION:
        umockdev_ioctl_client_complete(client, 0, 0);
        break;
    default:
        umockdev_ioctl_client_complete(client, -1, ENOTTY);
    }
}

static gboolean on_ioctl(UMockdevIoctlBase *base, UMockdevIoctlClient *client, gpointer arg)
{
    struct plugged *device = arg;

    (void)base;
    pthread_mutex_lock(&device->mock->lock);
    answer(device, client);
    pthread_mutex_unlock(&device->mock->lock);
    return TRUE;
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
    g_signal_connect(device->handler, "handle-ioctl", G_CALLBACK(on_ioctl), device);
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
    unplug_path(mock, path);
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

void mock_on_boot(struct mock *mock, void (*call)(void *arg, struct model *model), void *arg)
{
    mock->on_boot = call;
    mock->on_boot_arg = arg;
}
