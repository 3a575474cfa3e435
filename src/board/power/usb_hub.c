/* SPDX-License-Identifier: MIT
 *
 * power usb-hub: a board that has its supply from a port of a USB hub that can switch it.
 *
 *     power: {usb-hub: {location: 1-1.4, port: 3}}
 *
 * After a SIGKILL nobody switches it off: a guardian has no time for USB. hil rest does.
 */
#include "base/str.h"
#include "board/power/power.h"
#include "usb/hub.h"

#include <string.h>

#define PORTS_MAX 255

struct power_usb_hub {
    char *location;
    uint64_t port;
    bool ganged;
};

static const struct field fields[] = {
    {"location", FIELD_STRING, offsetof(struct power_usb_hub, location), FIELD_REQUIRED,
     .help =
         "where the hub is plugged, as hil discover shows it: 1-1.4; usb1: the host's own ports"},
    {"port", FIELD_UINT, offsetof(struct power_usb_hub, port), FIELD_REQUIRED, .min = 1,
     .max = PORTS_MAX, .help = "which of its ports"},
    {"ganged", FIELD_BOOL, offsetof(struct power_usb_hub, ganged),
     .help = "true: the hub switches all of its ports at once, and may"},
    {0},
};

static void check(void *self, const struct yaml_node *node, struct diags *diags)
{
    const struct power_usb_hub *conf = self;
    const char *location = conf->location;
    bool root = location && str_starts(location, "usb") && location[3] &&
                strspn(location + 3, "0123456789") == strlen(location + 3);

    if (location && !root && !usb_path_valid(location))
        diag_node(diags, yaml_get(node, "location"),
                  "'%.80s' is no place of a hub: it must be such as 1-1.4, or usb1", location);
}

static int on(void *self, const struct driver_env *env, const struct ctx *ctx, struct err *err)
{
    const struct power_usb_hub *conf = self;

    (void)env;
    return hub_port_power(conf->location, (unsigned)conf->port, conf->ganged, true, ctx, err);
}

static int off(void *self, const struct driver_env *env, const struct ctx *ctx, struct err *err)
{
    const struct power_usb_hub *conf = self;

    (void)env;
    return hub_port_power(conf->location, (unsigned)conf->port, conf->ganged, false, ctx, err);
}

static int is_on(void *self, const struct driver_env *env, const struct ctx *ctx, bool *ret,
                 struct err *err)
{
    const struct power_usb_hub *conf = self;

    (void)env;
    return hub_port_is_on(conf->location, (unsigned)conf->port, ret, ctx, err);
}

static int present(const void *self, struct err *err)
{
    return hub_present(((const struct power_usb_hub *)self)->location, err);
}

const struct power_driver power_usb_hub = {
    .base = {.name = "usb-hub",
             .summary = "a port of a USB hub that can switch its supply",
             .fields = fields,
             .self_size = sizeof(struct power_usb_hub),
             .check = check,
             .present = present},
    .on = on,
    .off = off,
    .is_on = is_on,
};
