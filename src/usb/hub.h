/* SPDX-License-Identifier: MIT
 *
 * hub: the power of one port of a USB hub (USB 2.0, chapter 11.24; USB 3.2, 10.16).
 *
 *     hub_port_power("1-1.4", 3, false, false, ctx, err)      port 3 off
 *
 * A port of a USB 3 hub has two sides, one on each of its buses, and a device keeps its supply as
 * long as one is on: both are switched. Many hubs answer politely and switch nothing, so off is not
 * believed before the device at the port is gone. Opens the hub only; blocks within its ctx.
 */
#ifndef HIL_USB_HUB_H
#define HIL_USB_HUB_H

#include "base/ctx.h"
#include "usb/usb.h"

enum hub_switching { HUB_FIXED, HUB_GANGED, HUB_PER_PORT }; /* the more, the better */

struct hub_facts {
    enum hub_switching switching; /* as its descriptor says */
    unsigned ports;
    int good_ms; /* from switched on to a good supply */
};

/* Of a hub descriptor's bytes (types 0x29 and 0x2A). -ERR_DATA: it is none. */
int hub_read_facts(const uint8_t *bytes, size_t size, struct hub_facts *ret, struct err *err);
/* The same, asked of a hub; opens it. */
int hub_ask(const struct usb_device *hub, struct hub_facts *ret, const struct ctx *ctx,
            struct err *err);
/* The hub in the same box that is its other side, on another bus; NULL: none. Opens nothing. */
const struct usb_device *hub_twin(const struct usb_device *hub, const struct usb_tree *tree);
/* Where a device at this port is plugged: "1-1.4" and 3 give "1-1.4.3", "usb1" and 3 "1-3". The
 * caller frees. */
char *hub_child_path(const char *hub, unsigned port);

/* -ERR_NOT_FOUND: no hub is plugged in there. Opens nothing. */
int hub_present(const char *hub, struct err *err);
/* -ERR_NOT_FOUND: no such hub, or it has no such port; -ERR_CONFIG: the hub cannot switch, or only
 * all of its ports at once and `ganged` does not allow it; -ERR_REFUSED: it says that it did, and
 * the device is still there. */
int hub_port_power(const char *hub, unsigned port, bool ganged, bool on, const struct ctx *ctx,
                   struct err *err);
int hub_port_is_on(const char *hub, unsigned port, bool *ret, const struct ctx *ctx,
                   struct err *err);

#endif
