/* SPDX-License-Identifier: MIT
 *
 * usbfs as linux/usbdevice_fs.h has it. Requests are completed when they are reaped, not sooner
 * than the model says; one that is never answered can only be discarded.
 */
#include "mock_parts.h"

#include <errno.h>
#include <linux/usbdevice_fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

static int64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
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
        mock_unplug_path(device->mock, device->path);
    }
    umockdev_ioctl_client_complete(client, 0, 0);
    mock_follow(device);
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
        mock_follow(device);
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

gboolean mock_on_ioctl(UMockdevIoctlBase *base, UMockdevIoctlClient *client, gpointer arg)
{
    struct plugged *device = arg;

    (void)base;
    pthread_mutex_lock(&device->mock->lock);
    answer(device, client);
    pthread_mutex_unlock(&device->mock->lock);
    return TRUE;
}
