/* SPDX-License-Identifier: MIT */
#include "usb/hub.h"

#include "base/fs.h"
#include "base/str.h"
#include "usb/link.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* USB 2.0, table 11-16 and 11-17; USB 3.2, tables 10-8 and 10-12 */
#define GET_DESCRIPTOR 6
#define GET_STATUS 0
#define CLEAR_FEATURE 1
#define SET_FEATURE 3
#define PORT_POWER 8
#define TYPE_HUB_IN 0xA0
#define TYPE_PORT_IN 0xA3
#define TYPE_PORT_OUT 0x23
#define DESCRIPTOR_2 0x29
#define DESCRIPTOR_3 0x2A
#define STATUS_CONNECTED 1u
#define STATUS_POWER_2 (1u << 8)
#define STATUS_POWER_3 (1u << 9)
#define CLASS_HUB 9

#define FACTS_BYTES 7 /* of a hub descriptor: what comes before the bit maps */
#define GONE_MS 1500  /* from off to the device's disappearance */
#define LOOK_MS 20

int hub_read_facts(const uint8_t *bytes, size_t size, struct hub_facts *ret, struct err *err)
{
    static const enum hub_switching modes[] = {HUB_GANGED, HUB_PER_PORT, HUB_FIXED, HUB_FIXED};

    if (size < FACTS_BYTES || bytes[0] < FACTS_BYTES ||
        (bytes[1] != DESCRIPTOR_2 && bytes[1] != DESCRIPTOR_3))
        return err_set(err, ERR_DATA, "its hub descriptor is none");
    *ret = (struct hub_facts){.ports = bytes[2],
                              .switching = modes[bytes[3] & 3],
                              .good_ms = bytes[5] * 2}; /* bPwrOn2PwrGood, in units of 2 ms */
    return 0;
}

char *hub_child_path(const char *hub, unsigned port)
{
    return str_starts(hub, "usb") ? xasprintf("%s-%u", hub + 3, port)
                                  : xasprintf("%s.%u", hub, port);
}

/* ---- one hub --------------------------------------------------------------------------------- */

struct hub {
    struct usb_tree tree;
    const struct usb_device *device;
    struct usb_link *link;
    struct hub_facts facts;
};

static void hub_close(struct hub *hub)
{
    usb_link_close(hub->link);
    usb_tree_done(&hub->tree);
}

/* USB 3: its descriptor and status have other numbers. */
static bool is_super(const struct hub *hub)
{
    return hub->device->speed && strtol(hub->device->speed, NULL, 10) >= 5000;
}

static int read_facts(struct hub *hub, const struct ctx *ctx, struct err *err)
{
    uint8_t bytes[64];
    struct usb_request request = {
        .type = TYPE_HUB_IN,
        .request = GET_DESCRIPTOR,
        .value = (uint16_t)((is_super(hub) ? DESCRIPTOR_3 : DESCRIPTOR_2) << 8)};
    int n = usb_link_control(hub->link, &request, bytes, sizeof bytes, ctx, err);

    return n < 0 ? n : hub_read_facts(bytes, (size_t)n, &hub->facts, err);
}

static int hub_connect(struct hub *hub, const struct ctx *ctx, struct err *err)
{
    int rc = usb_link_open(hub->device, &hub->link, err);

    return rc == 0 ? read_facts(hub, ctx, err) : rc;
}

static int hub_open(const char *path, struct hub *ret, const struct ctx *ctx, struct err *err)
{
    int rc = usb_scan(&ret->tree, err);

    if (rc < 0)
        return rc;
    ret->device = usb_at(&ret->tree, path);
    if (!ret->device || ret->device->class != CLASS_HUB) {
        err_set(err, ERR_NOT_FOUND, "what is plugged in at %s is no hub%s: see hil discover", path,
                ret->device ? "" : ", since there is nothing");
        return -ERR_NOT_FOUND;
    }
    rc = hub_connect(ret, ctx, err);
    return rc < 0 ? err_wrap(err, "hub %s", path) : 0;
}

int hub_ask(const struct usb_device *hub, struct hub_facts *ret, const struct ctx *ctx,
            struct err *err)
{
    struct hub asked = {.device = hub};
    int rc = hub_connect(&asked, ctx, err);

    *ret = asked.facts;
    hub_close(&asked);
    return rc;
}

static int check_port(const struct hub *hub, unsigned port, struct err *err)
{
    if (port >= 1 && port <= hub->facts.ports)
        return 0;
    return err_set(err, ERR_NOT_FOUND, "hub %s has ports 1 to %u, and no %u", hub->device->path,
                   hub->facts.ports, port);
}

static int switch_port(struct hub *hub, unsigned port, bool on, const struct ctx *ctx,
                       struct err *err)
{
    struct usb_request request = {.type = TYPE_PORT_OUT,
                                  .request = on ? SET_FEATURE : CLEAR_FEATURE,
                                  .value = PORT_POWER,
                                  .index = (uint16_t)port};
    int rc = usb_link_control(hub->link, &request, NULL, 0, ctx, err);

    return rc < 0 ? err_wrap(err, "hub %s: port %u", hub->device->path, port) : 0;
}

struct port_status {
    bool on, connected;
};

static int read_status(struct hub *hub, unsigned port, struct port_status *ret,
                       const struct ctx *ctx, struct err *err)
{
    uint8_t bytes[4];
    struct usb_request request = {
        .type = TYPE_PORT_IN, .request = GET_STATUS, .index = (uint16_t)port};
    int n = usb_link_control(hub->link, &request, bytes, sizeof bytes, ctx, err);
    unsigned status;

    if (n >= 0 && n < 4)
        n = err_set(err, ERR_PROTOCOL, "%d bytes of status", n);
    if (n < 0)
        return err_wrap(err, "hub %s: port %u", hub->device->path, port);
    status = bytes[0] | (unsigned)bytes[1] << 8;
    *ret = (struct port_status){
        .on = status & (is_super(hub) ? STATUS_POWER_3 : STATUS_POWER_2),
        .connected = status & STATUS_CONNECTED,
    };
    return 0;
}

static int port_status(const char *path, unsigned port, struct port_status *ret,
                       const struct ctx *ctx, struct err *err)
{
    struct hub hub = {0};
    int rc = hub_open(path, &hub, ctx, err);

    if (rc == 0)
        rc = check_port(&hub, port, err);
    if (rc == 0)
        rc = read_status(&hub, port, ret, ctx, err);
    hub_close(&hub);
    return rc;
}

/* ---- both sides of a port -------------------------------------------------------------------- */

/* What the kernel tells of a port, and takes for it. */
static char *port_file(const char *hub, unsigned port, const char *name)
{
    return str_starts(hub, "usb")
               ? xasprintf("/sys/bus/usb/devices/%s-0:1.0/%s-port%u/%s", hub + 3, hub, port, name)
               : xasprintf("/sys/bus/usb/devices/%s:1.0/%s-port%u/%s", hub, hub, port, name);
}

/* The other side of a USB 3 hub's port, by the kernel's word: "2-1" and its port. False: none. */
static bool find_twin(const char *hub, unsigned port, char ret_hub[64], unsigned *ret_port)
{
    cleanup_free char *link = port_file(hub, port, "peer");
    char target[PATH_MAX];
    ssize_t size = readlink(link, target, sizeof target - 1);
    char *name, *mark;

    if (size <= 0)
        return false;
    target[size] = '\0';
    name = target + (fs_basename(target) - target); /* "2-1-port3", "usb2-port3" */
    mark = strstr(name, "-port");
    if (!mark || (size_t)(mark - name) >= 64)
        return false;
    *mark = '\0';
    snprintf(ret_hub, 64, "%s", name);
    *ret_port = (unsigned)strtoul(mark + strlen("-port"), NULL, 10);
    return *ret_port > 0;
}

const struct usb_device *hub_twin(const struct usb_device *hub, const struct usb_tree *tree)
{
    char twin[64];
    unsigned port;

    for (unsigned i = 1; i <= hub->ports; i++) /* the two sides need not have as many */
        if (find_twin(hub->path, i, twin, &port))
            return usb_at(tree, twin);
    return NULL;
}

static int check_switching(const struct hub *hub, bool ganged, struct err *err)
{
    const struct usb_device *device = hub->device;

    if (hub->facts.switching == HUB_FIXED)
        return err_set(err, ERR_CONFIG,
                       "hub %s (%04x:%04x) cannot switch its ports, as it says itself: take one "
                       "that can, or another way to switch",
                       device->path, device->vendor, device->product);
    if (hub->facts.switching == HUB_GANGED && !ganged)
        return err_set(err, ERR_CONFIG,
                       "hub %s (%04x:%04x) can switch all of its ports at once only: with `ganged: "
                       "true` they go off together",
                       device->path, device->vendor, device->product);
    return 0;
}

static int switch_one(const char *path, unsigned port, bool ganged, bool on, int *ret_good_ms,
                      const struct ctx *ctx, struct err *err)
{
    struct hub hub = {0};
    int rc = hub_open(path, &hub, ctx, err);

    if (rc == 0)
        rc = check_port(&hub, port, err);
    if (rc == 0)
        rc = check_switching(&hub, ganged, err);
    /* Hubs that are ganged switch once all of their ports are off. */
    for (unsigned at = 1; rc == 0 && at <= hub.facts.ports; at++)
        if (at == port || hub.facts.switching == HUB_GANGED)
            rc = switch_port(&hub, at, on, ctx, err);
    *ret_good_ms = hub.facts.good_ms;
    hub_close(&hub);
    return rc;
}

/* -ERR_TIMEOUT: the device is still there. */
static int await_gone(const char *hub, unsigned port, int64_t wait_ms, const struct ctx *ctx,
                      struct err *err)
{
    cleanup_free char *child = hub_child_path(hub, port);
    struct ctx until = ctx_narrow(ctx, wait_ms);
    bool there = true;
    int rc = 0;

    while (rc == 0 && there) {
        struct usb_tree tree = {0};
        rc = usb_scan(&tree, err);
        there = rc == 0 && usb_at(&tree, child);
        usb_tree_done(&tree);
        if (there)
            rc = ctx_sleep(&until, LOOK_MS, err);
    }
    return rc;
}

/* Not every hub tells the kernel of what it was told to do behind the kernel's back. Since Linux
 * 6.0 the kernel can be told, too. */
static int tell_kernel(const char *hub, unsigned port, bool off, struct err *err)
{
    cleanup_free char *path = port_file(hub, port, "disable");
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    int rc =
        fd < 0 ? err_sys(err, errno, "%s", path) : fs_write_all(fd, off ? "1" : "0", 1, path, err);

    close_fd(&fd);
    return rc;
}

static bool kernel_has_it_off(const char *hub, unsigned port)
{
    cleanup_free char *path = port_file(hub, port, "disable");
    cleanup_buf struct buf text = BUF_INIT(16);

    return fs_read(path, &text, NULL) == 0 && text.size && text.data[0] == '1';
}

/* The proof: what had its supply from the port is no longer there. */
static int prove_off(const char *hub, unsigned port, const struct ctx *ctx, struct err *err)
{
    struct port_status status = {0};
    int rc = await_gone(hub, port, GONE_MS, ctx, err);

    if (rc != -ERR_TIMEOUT || ctx_left_ms(ctx) == 0)
        return rc;
    rc = port_status(hub, port, &status, ctx, err);
    if (rc < 0)
        return rc;
    if (status.on || status.connected)
        return err_set(err, ERR_REFUSED,
                       "hub %s was told to switch off port %u, and its device is still there: the "
                       "hub pretends, or the board has another supply",
                       hub, port);
    rc = tell_kernel(hub, port, true, err);
    return rc < 0
               ? err_wrap(err, "hub %s: port %u is off, but the kernel has not noticed", hub, port)
               : await_gone(hub, port, GONE_MS, ctx, err);
}

static int switch_side(const char *hub, unsigned port, bool ganged, bool on, int *ret_good_ms,
                       const struct ctx *ctx, struct err *err)
{
    if (on && kernel_has_it_off(hub, port) && tell_kernel(hub, port, false, err) < 0)
        return -(int)err->code;
    return switch_one(hub, port, ganged, on, ret_good_ms, ctx, err);
}

int hub_present(const char *hub, struct err *err)
{
    const struct usb_device *device;
    struct usb_tree tree = {0};
    int rc = usb_scan(&tree, err);

    if (rc == 0 && (!(device = usb_at(&tree, hub)) || device->class != CLASS_HUB))
        rc = err_set(err, ERR_NOT_FOUND, "no hub is plugged in at %s: see hil discover", hub);
    usb_tree_done(&tree);
    return rc;
}

int hub_port_power(const char *hub, unsigned port, bool ganged, bool on, const struct ctx *ctx,
                   struct err *err)
{
    char twin[64];
    unsigned twin_port;
    bool two = find_twin(hub, port, twin, &twin_port);
    int good_ms = 0, twin_ms = 0;
    int rc = switch_side(hub, port, ganged, on, &good_ms, ctx, err);

    if (rc == 0 && two)
        rc = switch_side(twin, twin_port, ganged, on, &twin_ms, ctx, err);
    if (rc == 0 && on)
        rc = ctx_sleep(ctx, good_ms > twin_ms ? good_ms : twin_ms, err);
    if (rc == 0 && !on)
        rc = prove_off(hub, port, ctx, err);
    if (rc == 0 && !on && two)
        rc = prove_off(twin, twin_port, ctx, err);
    return rc;
}

int hub_port_is_on(const char *hub, unsigned port, bool *ret, const struct ctx *ctx,
                   struct err *err)
{
    struct port_status status = {0};
    int rc = port_status(hub, port, &status, ctx, err);

    *ret = status.on;
    return rc;
}
