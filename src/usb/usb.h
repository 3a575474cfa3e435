/* SPDX-License-Identifier: MIT
 *
 * usb: what is plugged into this host, as a tree by hub path.
 *
 * Everything comes from what the kernel has read already (sysfs, through libudev): no device is
 * opened, so a wedged one cannot hang its neighbours' tools. Strings come from the devices; they
 * are made printable here. A scan is a picture: take a new one to see what has changed.
 *
 *     struct usb_tree tree;
 *     rc = usb_scan(&tree, err);
 *     ... usb_at(&tree, "1-1.4") ...
 *     usb_tree_done(&tree);
 *
 * All that a tree hands out lives as long as it. Any thread.
 */
#ifndef HIL_USB_USB_H
#define HIL_USB_USB_H

#include "base/arena.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct usb_known;

struct usb_interface {
    unsigned number;
    uint8_t class, subclass, protocol; /* USB-IF's codes */
    const char *name;                  /* of its alternate setting 0; NULL: none */
    const char *driver;                /* the kernel's; NULL: none */
};

struct usb_tty {
    const char *node;    /* "/dev/ttyACM0" */
    const char *by_id;   /* link in /dev/serial/by-id; NULL: none */
    const char *by_path; /* link in /dev/serial/by-path; NULL: none */
    unsigned interface;
};

struct usb_device {
    const char *path;            /* where it is plugged: "1-1.4"; a root hub's is "usb1" */
    const char *parent;          /* path of the hub that it hangs on; NULL: a root hub */
    const char *controller;      /* what its root hub is a part of: "0000:00:14.0"; NULL: unknown */
    unsigned bus, address, port; /* address: changes with each enumeration; port: 0 of a root hub */
    uint16_t vendor, product, release;
    uint8_t class;
    const char *serial, *maker, *name; /* NULL: none */
    const char *speed;                 /* Mbit/s, "480" */
    const char *node;                  /* "/dev/bus/usb/001/005" */
    const char *drive;                 /* label of a drive that it offers; NULL: none */
    const char *drive_node;            /* that drive: "/dev/sda1"; NULL: none */
    bool configured;                   /* else the kernel found no power for it, or gave up */
    unsigned ports;                    /* that a hub has; 0: none, or it is none */
    struct usb_interface *interfaces;  /* by number */
    size_t interface_count;
    struct usb_tty *ttys; /* by interface */
    size_t tty_count;
    const struct usb_known *known; /* NULL: nothing that a lab uses */
};

struct usb_tree {
    struct arena arena;
    struct usb_device *devices; /* by bus, then by path: a hub stands before what hangs on it */
    size_t count;
};

int usb_scan(struct usb_tree *ret, struct err *err);
void usb_tree_done(struct usb_tree *tree);
/* NULL: nothing there. */
const struct usb_device *usb_at(const struct usb_tree *tree, const char *path);
/* The first one with this serial number and how many there are. */
const struct usb_device *usb_with_serial(const struct usb_tree *tree, const char *serial,
                                         size_t *ret_count);
/* Its serial number says which it is: no other has it, and it can be written anywhere. */
bool usb_serial_tells(const struct usb_tree *tree, const struct usb_device *device);
/* Letters, digits and "._:-": can be written into command lines and tools' scripts as it is. */
bool usb_serial_plain(const char *serial);
/* The first interface of this class and subclass; NULL: none. */
const struct usb_interface *usb_interface_of(const struct usb_device *device, uint8_t class,
                                             uint8_t subclass);
/* "1-1.4", "12-3": where a device can be plugged. */
bool usb_path_valid(const char *path);

#endif
