/* SPDX-License-Identifier: MIT
 *
 * link: control transfers with one USB device, each with an end.
 *
 * Only the device that was asked for is opened, by its node: libusb looks at no other. A transfer
 * goes on until it is answered, the ctx is over, or the ctx is cancelled; the kernel is then told
 * to drop it. -ERR_REFUSED: the device answered with a stall; -ERR_GONE: it was unplugged, and the
 * link is of no more use. One thread at a time for each link; links do not share anything.
 */
#ifndef HIL_USB_LINK_H
#define HIL_USB_LINK_H

#include "base/ctx.h"
#include "usb/usb.h"

struct usb_link;

#define USB_ANSWER_MS 5000 /* what a device may take for a control request (USB 2.0, 9.2.6.1) */

/* An alternate setting of an interface, as the device's descriptors have it. */
struct usb_setting {
    uint8_t interface, alternate, protocol;
    uint8_t name_index; /* for usb_link_string(); 0: none */
    uint8_t extra[64];  /* class-specific descriptors, cut where longer */
    size_t extra_size;
};

/* -ERR_GONE: not plugged in any more; -ERR_IO with a hint at udev rights where access is denied. */
int usb_link_open(const struct usb_device *device, struct usb_link **ret, struct err *err);
void usb_link_close(struct usb_link *link); /* releases what was claimed; NULL is fine */

/* The alternate settings of this class in the active configuration, at most `room`; the number. */
int usb_link_settings(struct usb_link *link, uint8_t class, uint8_t subclass,
                      struct usb_setting *ret, size_t room, struct err *err);
/* -ERR_BUSY: another program has it. */
int usb_link_claim(struct usb_link *link, uint8_t interface, uint8_t alternate, struct err *err);

struct usb_request {
    uint8_t type, request; /* bmRequestType, bRequest */
    uint16_t value, index;
};
/* Sends `size` bytes, or reads up to as many where type says device-to-host; the bytes moved. */
int usb_link_control(struct usb_link *link, const struct usb_request *request, void *bytes,
                     size_t size, const struct ctx *ctx, struct err *err);
/* A string descriptor, made printable; the caller frees. NULL with err. */
char *usb_link_string(struct usb_link *link, uint8_t index, const struct ctx *ctx, struct err *err);
/* Resets the device's port. Ends within the kernel's own time, a few seconds. */
int usb_link_reset(struct usb_link *link, struct err *err);

#endif
