/* SPDX-License-Identifier: MIT
 *
 * libusb's contexts do no discovery here (LIBUSB_OPTION_NO_DEVICE_DISCOVERY): the node is opened by
 * us and wrapped, so nothing but this device is touched, and no event thread is started.
 */
#include "usb/link.h"

#include "base/str.h"
#include "base/text.h"
#include "usb/usb_api.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CANCEL_MS 1000 /* for the kernel to hand back a transfer that was cancelled */
#define POLLED_MAX 16
#define STRING_MAX 255 /* bytes of a string descriptor: its length is one byte */

struct usb_link {
    struct libusb_api api;
    libusb_context *context;
    libusb_device_handle *handle;
    const char *path; /* of the device, owned */
    int fd;
    int claimed; /* interface; -1: none */
    bool broken; /* a transfer never came back: nothing of libusb's may be freed */
};

static int usb_error(struct usb_link *link, int code, const char *what, struct err *err)
{
    enum err_code as = code == LIBUSB_ERROR_NO_DEVICE ? ERR_GONE
                       : code == LIBUSB_ERROR_BUSY    ? ERR_BUSY
                       : code == LIBUSB_ERROR_PIPE    ? ERR_REFUSED
                                                      : ERR_IO;

    if (as == ERR_GONE)
        return err_set(err, as, "%s: the device went away", what);
    if (as == ERR_BUSY)
        return err_set(err, as, "%s: another program has the device open", what);
    return err_set(err, as, "%s: %s", what, link->api.strerror(code));
}

/* ---- open and close -------------------------------------------------------------------------- */

static int open_node(const struct usb_device *device, struct err *err)
{
    int fd = open(device->node, O_RDWR | O_CLOEXEC);

    if (fd >= 0)
        return fd;
    if (errno == ENOENT || errno == ENODEV)
        return err_set(err, ERR_GONE, "the device at %s went away", device->path);
    err_sys(err, errno, "%s (the device at %s)", device->node, device->path);
    if (errno == EACCES || errno == EPERM)
        err_hint(err,
                 "; a udev rule gives access: SUBSYSTEM==\"usb\", ATTR{idVendor}==\"%04x\", "
                 "ATTR{idProduct}==\"%04x\", MODE=\"0660\", GROUP=\"plugdev\"",
                 device->vendor, device->product);
    return -(int)err->code;
}

/* New contexts take this default from the process; to set it again, while another thread's context
 * is being ended, would make libusb look into that. So it is done once, before the first. A libusb
 * that does not know it looks at all devices, and works. */
static void forbid_discovery(void)
{
    struct libusb_api api;

    if (libusb_api_load(&api, NULL) == 0)
        api.set_option(NULL, LIBUSB_OPTION_NO_DEVICE_DISCOVERY);
}

static int wrap(struct usb_link *link, struct err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    int rc;

    pthread_once(&once, forbid_discovery);
    rc = link->api.init(&link->context);
    if (rc == 0)
        rc = link->api.wrap_sys_device(link->context, link->fd, &link->handle);
    return rc < 0 ? usb_error(link, rc, "opening it", err) : 0;
}

int usb_link_open(const struct usb_device *device, struct usb_link **ret, struct err *err)
{
    struct usb_link *link = xcalloc(1, sizeof *link);
    struct err own = {0};
    int rc = libusb_api_load(&link->api, &own);

    link->fd = link->claimed = -1;
    link->path = xstrdup(device->path);
    if (rc == 0)
        rc = link->fd = open_node(device, &own);
    if (rc >= 0)
        rc = wrap(link, &own);
    if (rc >= 0) {
        *ret = link;
        return 0;
    }
    usb_link_close(link);
    if (err)
        *err = own;
    return rc;
}

void usb_link_close(struct usb_link *link)
{
    if (!link)
        return;
    if (!link->broken) {
        if (link->claimed >= 0)
            link->api.release_interface(link->handle, link->claimed);
        if (link->handle)
            link->api.close(link->handle);
        if (link->context)
            link->api.exit(link->context);
    }
    if (link->fd >= 0)
        close(link->fd);
    free((char *)(uintptr_t)link->path);
    free(link);
}

/* ---- what it offers -------------------------------------------------------------------------- */

static void keep_setting(const struct libusb_interface_descriptor *from, struct usb_setting *ret)
{
    *ret = (struct usb_setting){.interface = from->bInterfaceNumber,
                                .alternate = from->bAlternateSetting,
                                .protocol = from->bInterfaceProtocol,
                                .name_index = from->iInterface};
    if (from->extra_length > 0) {
        ret->extra_size = (size_t)from->extra_length < sizeof ret->extra
                              ? (size_t)from->extra_length
                              : sizeof ret->extra;
        memcpy(ret->extra, from->extra, ret->extra_size);
    }
}

int usb_link_settings(struct usb_link *link, uint8_t class, uint8_t subclass,
                      struct usb_setting *ret, size_t room, struct err *err)
{
    struct libusb_config_descriptor *config;
    int rc = link->api.get_active_config_descriptor(link->api.get_device(link->handle), &config);
    size_t count = 0;

    if (rc < 0)
        return usb_error(link, rc, "its descriptors", err);
    for (int i = 0; i < config->bNumInterfaces; i++) {
        for (int alt = 0; alt < config->interface[i].num_altsetting && count < room; alt++) {
            const struct libusb_interface_descriptor *at = &config->interface[i].altsetting[alt];
            if (at->bInterfaceClass == class && at->bInterfaceSubClass == subclass)
                keep_setting(at, &ret[count++]);
        }
    }
    link->api.free_config_descriptor(config);
    return (int)count;
}

int usb_link_claim(struct usb_link *link, uint8_t interface, uint8_t alternate, struct err *err)
{
    int rc = link->claimed == interface ? 0 : link->api.claim_interface(link->handle, interface);

    if (rc == 0) {
        link->claimed = interface;
        rc = link->api.set_interface_alt_setting(link->handle, interface, alternate);
    }
    return rc < 0 ? usb_error(link, rc, "claiming its interface", err) : 0;
}

int usb_link_reset(struct usb_link *link, struct err *err)
{
    int rc = link->api.reset_device(link->handle);

    /* NOT_FOUND: it came back as something else, which is what a reset may be for */
    return rc < 0 && rc != LIBUSB_ERROR_NOT_FOUND ? usb_error(link, rc, "resetting it", err) : 0;
}

/* ---- transfers ------------------------------------------------------------------------------- */

static void finished(struct libusb_transfer *transfer)
{
    *(int *)transfer->user_data = 1;
}

/* libusb's own descriptors and the one that cancels; the number, or 0 where there are too many. */
static nfds_t list_descriptors(struct usb_link *link, int cancel_fd, struct pollfd *ret)
{
    const struct libusb_pollfd **all = link->api.get_pollfds(link->context);
    nfds_t count = 0;

    ret[count++] = (struct pollfd){.fd = cancel_fd, .events = POLLIN};
    for (size_t i = 0; all && all[i] && count < POLLED_MAX; i++)
        ret[count++] = (struct pollfd){.fd = all[i]->fd, .events = all[i]->events};
    link->api.free_pollfds(all);
    return count;
}

/* How long to sleep: until the ctx is over, or libusb has something to do. */
static int patience_ms(struct usb_link *link, const struct ctx *ctx)
{
    int64_t left = ctx_left_ms(ctx);
    struct timeval next;

    if (link->api.get_next_timeout(link->context, &next) == 1) {
        int64_t ms = next.tv_sec * 1000 + (next.tv_usec + 999) / 1000;
        if (ms < left)
            left = ms;
    }
    return left < 60000 ? (int)left : 60000;
}

/* Handles events until *done; 0, -ERR_CANCELLED or -ERR_TIMEOUT. */
static int pump(struct usb_link *link, int *done, const struct ctx *ctx, struct err *err)
{
    struct timeval at_once = {0};

    while (!*done) {
        struct pollfd fds[POLLED_MAX];
        int rc = ctx_check(ctx, err);
        if (rc < 0)
            return rc;
        nfds_t count = list_descriptors(link, ctx->cancel_fd, fds);
        poll(fds, count, patience_ms(link, ctx));
        link->api.handle_events_timeout_completed(link->context, &at_once, done);
    }
    return 0;
}

/* Takes the transfer back. One that the kernel keeps even so is left to it: memory that it may
 * still write to must not be freed. */
static void take_back(struct usb_link *link, struct libusb_transfer *transfer, int *done,
                      const struct ctx *ctx)
{
    struct ctx moment = ctx_cleanup(ctx, CANCEL_MS);

    link->api.cancel_transfer(transfer);
    link->broken = pump(link, done, &moment, NULL) < 0;
}

static int outcome(const struct libusb_transfer *transfer, struct err *err)
{
    switch (transfer->status) {
    case LIBUSB_TRANSFER_COMPLETED:
        return transfer->actual_length;
    case LIBUSB_TRANSFER_STALL:
        return err_set(err, ERR_REFUSED, "the device refused the request");
    case LIBUSB_TRANSFER_NO_DEVICE:
        return err_set(err, ERR_GONE, "the device went away");
    case LIBUSB_TRANSFER_TIMED_OUT:
    case LIBUSB_TRANSFER_CANCELLED:
    case LIBUSB_TRANSFER_ERROR:
    case LIBUSB_TRANSFER_OVERFLOW:
        break;
    }
    return err_set(err, ERR_IO, "the transfer failed; is the cable good?");
}

/* What one transfer needs until it is over; on the heap, as it may outlive the call. */
struct flight {
    int done;
    unsigned char bytes[]; /* setup packet and data */
};

static int fly(struct usb_link *link, struct libusb_transfer *transfer, struct flight *flight,
               const struct ctx *ctx, struct err *err)
{
    int rc = link->api.submit_transfer(transfer);

    if (rc < 0)
        return usb_error(link, rc, "sending a request", err);
    rc = pump(link, &flight->done, ctx, err);
    if (rc == 0)
        return outcome(transfer, err);
    take_back(link, transfer, &flight->done, ctx);
    return rc == -ERR_TIMEOUT ? err_set(err, ERR_TIMEOUT, "the device does not answer") : rc;
}

int usb_link_control(struct usb_link *link, const struct usb_request *request, void *bytes,
                     size_t size, const struct ctx *ctx, struct err *err)
{
    bool reads = request->type & LIBUSB_ENDPOINT_IN;
    struct libusb_transfer *transfer;
    struct flight *flight;
    int rc;

    if (link->broken)
        return err_set(err, ERR_TIMEOUT, "the device does not answer");
    if (size > UINT16_MAX)
        return err_set(err, ERR_LIMIT, "a control transfer of %zu bytes", size);
    flight = xcalloc(1, sizeof *flight + LIBUSB_CONTROL_SETUP_SIZE + size);
    transfer = link->api.alloc_transfer(0);
    if (!transfer) {
        free(flight);
        return err_sys(err, ENOMEM, "a transfer");
    }
    libusb_fill_control_setup(flight->bytes, request->type, request->request, request->value,
                              request->index, (uint16_t)size);
    if (!reads && size)
        memcpy(flight->bytes + LIBUSB_CONTROL_SETUP_SIZE, bytes, size);
    libusb_fill_control_transfer(transfer, link->handle, flight->bytes, finished, &flight->done, 0);
    rc = fly(link, transfer, flight, ctx, err);
    if (rc > 0 && reads)
        memcpy(bytes, flight->bytes + LIBUSB_CONTROL_SETUP_SIZE, (size_t)rc);
    if (!link->broken) {
        link->api.free_transfer(transfer);
        free(flight);
    }
    return rc;
}

/* UTF-16LE to UTF-8 (USB 2.0 9.6.7); what is beyond the basic plane becomes '?'. */
static void add_unit(struct buf *out, unsigned unit)
{
    char utf8[3];

    if (unit < 0x80) {
        utf8[0] = (char)unit;
        buf_add(out, utf8, 1);
    } else if (unit < 0x800) {
        utf8[0] = (char)(0xc0 | unit >> 6);
        utf8[1] = (char)(0x80 | (unit & 0x3f));
        buf_add(out, utf8, 2);
    } else if (unit < 0xd800 || unit >= 0xe000) {
        utf8[0] = (char)(0xe0 | unit >> 12);
        utf8[1] = (char)(0x80 | (unit >> 6 & 0x3f));
        utf8[2] = (char)(0x80 | (unit & 0x3f));
        buf_add(out, utf8, 3);
    } else {
        buf_adds(out, "?");
    }
}

char *usb_link_string(struct usb_link *link, uint8_t index, const struct ctx *ctx, struct err *err)
{
    struct usb_request request = {.type = LIBUSB_ENDPOINT_IN,
                                  .request = LIBUSB_REQUEST_GET_DESCRIPTOR,
                                  .value = (uint16_t)(LIBUSB_DT_STRING << 8 | index),
                                  .index = 0x0409}; /* US English, which all of them have */
    cleanup_buf struct buf text = BUF_INIT((size_t)4 * STRING_MAX);
    struct ctx until = ctx_narrow(ctx, USB_ANSWER_MS);
    uint8_t bytes[STRING_MAX] = {0};
    int n = usb_link_control(link, &request, bytes, sizeof bytes, &until, err);

    if (n < 0)
        return NULL;
    if (n < 2 || bytes[1] != LIBUSB_DT_STRING || bytes[0] > n) {
        err_set(err, ERR_PROTOCOL, "string descriptor %u is broken", index);
        return NULL;
    }
    for (size_t i = 2; i + 1 < bytes[0]; i += 2)
        add_unit(&text, (unsigned)bytes[i] | (unsigned)bytes[i + 1] << 8);
    return text_clean_dup(text.data, text.size, TEXT_ONE_LINE);
}
