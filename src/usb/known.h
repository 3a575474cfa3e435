/* SPDX-License-Identifier: MIT
 *
 * known: the probes, adapters, bootloaders and hubs that labs are made of, one row each.
 *
 * Only what stands here is ever opened. The first row that matches is the device's; rows without a
 * vendor go by what a device says of itself: its names or its interfaces.
 */
#ifndef HIL_USB_KNOWN_H
#define HIL_USB_KNOWN_H

#include "usb/usb.h"

enum usb_kind {
    USB_PROBE,      /* debugs and flashes a board */
    USB_BOOTLOADER, /* a board that waits for firmware */
    USB_RUNTIME,    /* a board whose firmware can go into its bootloader */
    USB_SERIAL,     /* a UART adapter, or a board's own serial port */
    USB_HUB,
};

/* How firmware gets in. */
enum usb_way {
    USB_WAY_NONE,
    USB_WAY_OPENOCD,
    USB_WAY_GDB,
    USB_WAY_DFU,
    USB_WAY_DRIVE,
    USB_WAY_ESPTOOL
};

struct usb_known {
    enum usb_kind kind;
    const char *name;
    uint16_t vendor, first, last;  /* products first..last; vendor 0: any device */
    const char *word;              /* in the name of device or interface; NULL: any */
    const char *label;             /* that its drive's label ends with; NULL: any */
    int class, subclass, protocol; /* of an interface; 0: any */
    enum usb_way way;
    const char *openocd; /* its interface file there, less ".cfg"; NULL: none */
    bool number_only;    /* tools choose it by its serial number, and by nothing else */
    bool same_number;    /* all of its kind have the same serial number */
};

const struct usb_known *usb_know(const struct usb_device *device); /* NULL: not known */
const char *usb_kind_name(enum usb_kind kind);                     /* "probe" */

#endif
