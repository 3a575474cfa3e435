/* SPDX-License-Identifier: MIT
 *
 * rig: which plugged things make a board: a probe or bootloader, and the tty that belongs to it.
 *
 * A tty on the probe itself is certain. A separate adapter is a board's where both hang on the same
 * hub and there is just one of each; otherwise nobody can know, and a note says so. Notes also name
 * what would be mistaken for something else: serial numbers that are shared or missing.
 *
 * All that a rig_list hands out lives as long as the tree and the list.
 */
#ifndef HIL_USB_RIG_H
#define HIL_USB_RIG_H

#include "base/str.h"
#include "usb/known.h"

enum rig_console { RIG_NO_CONSOLE, RIG_OWN_CONSOLE, RIG_SAME_HUB };

struct rig {
    const struct usb_device *device;  /* the way in: probe, bootloader or board */
    const struct usb_device *adapter; /* what has the tty; NULL: none was found */
    const struct usb_tty *tty;        /* its first; NULL: none */
    enum rig_console console;
    char *likely;        /* the board, such as "nucleo-f446re"; NULL: no idea */
    bool serial_unique;  /* its serial number says which it is, and can be written anywhere */
    bool adapter_unique; /* the same of the adapter's */
};

struct rig_list {
    struct rig *items; /* in the tree's order */
    size_t count;
    struct strv notes;
};

void rigs_find(const struct usb_tree *tree, struct rig_list *ret);
void rigs_done(struct rig_list *rigs);

/* A name for the board: `likely`, else the probe's name, in the letters that names are made of; the
 * caller frees. */
char *rig_name(const struct rig *rig);

#endif
