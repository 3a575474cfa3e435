/* SPDX-License-Identifier: MIT
 *
 * hotplug: what is plugged in and pulled while we look, told by the kernel and never asked for.
 *
 *     hotplug_open(&hotplug, err);
 *     for (;;) {
 *         while (hotplug_next(hotplug, &change, err) == 1)   what is plugged in already comes first
 *             ...
 *         wait until hotplug_fd(hotplug) is readable
 *     }
 *     hotplug_close(hotplug);
 *
 * A message from the kernel says no more than that something has changed; what did is told from two
 * pictures of the tree (usb.h), so that a message which was lost costs nothing, and a device that
 * left and came back between two looks is told as both, by its address. udevd's messages are
 * listened to where it runs, because only then a node may be opened. Hubs are not told.
 *
 * Opens no device, never blocks. One thread at a time.
 */
#ifndef HIL_USB_HOTPLUG_H
#define HIL_USB_HOTPLUG_H

#include "usb/usb.h"

struct hotplug;

struct hotplug_change {
    bool plugged; /* else pulled, and only where it was is known for sure */
    /* What it is, or was; borrowed until the next call. */
    const char *path, *hub, *controller, *serial, *name; /* all but path may be NULL */
    unsigned address;
    uint16_t vendor, product;
};

int hotplug_open(struct hotplug **ret, struct err *err);
void hotplug_close(struct hotplug *hotplug); /* NULL is fine */
int hotplug_fd(const struct hotplug *hotplug);
/* 1: *ret is the next change, pulls before plugs; 0: none for now; negative: an error. */
int hotplug_next(struct hotplug *hotplug, struct hotplug_change *ret, struct err *err);

/* The next hotplug_next() looks, whatever the kernel has told: somebody knows better. */
void hotplug_look_again(struct hotplug *hotplug);

#endif
