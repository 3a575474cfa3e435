/* SPDX-License-Identifier: MIT
 *
 * What is plugged in: may we open it, does it sleep, can each be told from the others, and can the
 * hubs that boards have their power from switch it?
 *
 * Hubs that lab.yaml names are opened to be asked; of all else sysfs tells (Linux'
 * Documentation/ABI/testing/sysfs-bus-usb).
 */
#include "base/str.h"
#include "board/plugged.h"
#include "doctor/checks.h"
#include "usb/hub_claims.h"
#include "usb/known.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define RULES "/etc/udev/rules.d/70-hil.rules"

static bool of_interest(const struct usb_device *device)
{
    return device->known && device->known->kind != USB_HUB;
}

/* Tools open its node; what has a tty is opened by that, a drive is mounted. */
static bool is_opened(const struct usb_device *device)
{
    return of_interest(device) && device->known->kind != USB_SERIAL &&
           (device->known->way == USB_WAY_OPENOCD || device->known->way == USB_WAY_DFU);
}

/* ---- one device ------------------------------------------------------------------------------ */

static void mend_rights(struct exam *exam, const char *match)
{
    exam_mend(
        exam,
        "echo 'SUBSYSTEM==\"usb\", %s, MODE=\"0660\", GROUP=\"plugdev\"' | sudo tee -a " RULES
        " && sudo udevadm control --reload && sudo udevadm trigger -s usb; the user must be in "
        "plugdev",
        match);
}

static void look_at_rights(struct exam *exam, const struct usb_device *device)
{
    cleanup_free char *match = xasprintf("ATTR{idVendor}==\"%04x\"", device->vendor);

    if (!is_opened(device) || access(device->node, R_OK | W_OK) == 0 || errno == ENOENT)
        return;
    exam_tell(exam, FINDING_BAD, "%s at %s: this user may not open it (%s)", device->known->name,
              device->path, device->node);
    mend_rights(exam, match);
}

/* Of what has a tty the serial check tells. */
static void look_at_sleep(struct exam *exam, const struct usb_device *device)
{
    cleanup_free char *dir =
        xasprintf("%s/sys/bus/usb/devices/%s", exam->request->root, device->path);

    if (!of_interest(device) || device->tty_count || !sysfs_sleeps(dir))
        return;
    exam_tell(exam, FINDING_WARN, "%s at %s: the kernel puts it to sleep when it is idle",
              device->known->name, device->path);
    exam_mend(exam,
              "echo on | sudo tee %s/power/control; for good: ATTR{power/control}=\"on\" in a udev "
              "rule for %04x:%04x",
              dir, device->vendor, device->product);
}

static void look_at_device(struct exam *exam, const struct usb_device *device)
{
    look_at_rights(exam, device);
    look_at_sleep(exam, device);
    if (device->configured || !device->parent)
        return;
    exam_tell(exam, FINDING_WARN,
              "%04x:%04x at %s is not configured: too little power, or a bad cable", device->vendor,
              device->product, device->path);
    exam_mend(exam,
              "sudo dmesg | grep 'usb %s'; then another cable, or a hub with a supply of its own",
              device->path);
}

/* ---- devices alike --------------------------------------------------------------------------- */

static bool names_serial(const struct yaml_node *node, const char *serial)
{
    if (!node)
        return false;
    if (node->kind == YAML_SCALAR)
        return node->key && (str_eq(node->key, "serial") || str_eq(node->key, "usb-serial")) &&
               str_eq(node->text, serial);
    for (const struct yaml_node *child = node->first; child; child = child->next)
        if (names_serial(child, serial))
            return true;
    return false;
}

/* The board that would take any of those with this number; NULL: none. */
static const char *chosen_by(const struct exam *exam, const char *serial)
{
    const struct lab *lab = exam->inventory ? exam->inventory->lab : NULL;

    for (size_t i = 0; lab && i < lab->count; i++)
        if (names_serial(lab->boards[i].node, serial))
            return lab->boards[i].name;
    return NULL;
}

static void look_at_twins(struct exam *exam, const struct usb_tree *tree,
                          const struct usb_device *device)
{
    cleanup_buf struct buf paths = BUF_INIT(1024);
    const char *board;
    size_t count = 0;

    if (!of_interest(device) || !device->serial ||
        usb_with_serial(tree, device->serial, &count) != device || count < 2)
        return;
    for (size_t i = 0; i < tree->count; i++)
        if (str_eq(tree->devices[i].serial, device->serial))
            buf_addf(&paths, "%s%s", paths.size ? ", " : "", tree->devices[i].path);
    board = chosen_by(exam, device->serial);
    exam_tell(exam, board ? FINDING_BAD : FINDING_WARN, "%s have one serial number, %s%s%s",
              paths.data, device->serial, board ? ", by which lab.yaml chooses for " : "",
              board ? board : "");
    if (device->known->number_only)
        exam_mend(exam, "no tool tells them apart: give each a number of its own, or plug in one");
    else
        exam_mend(exam,
                  "choose by hub path: path (dfu, dfu-util, uf2) or location (openocd), such as "
                  "%s; a tty by its link in /dev/serial/by-path",
                  device->path);
}

/* ---- hubs ------------------------------------------------------------------------------------ */

struct socket { /* what a usb-hub driver has its power from */
    const char *board, *hub;
    bool ganged;
};

static void look_at_facts(struct exam *exam, const struct socket *socket,
                          const struct hub_facts *facts)
{
    if (facts->switching == HUB_PER_PORT || (facts->switching == HUB_GANGED && socket->ganged)) {
        exam_tell(exam, FINDING_OK, "hub %s claims to switch its ports%s, as %s needs it",
                  socket->hub, facts->switching == HUB_GANGED ? " together" : "", socket->board);
    } else if (facts->switching == HUB_GANGED) {
        exam_tell(exam, FINDING_BAD, "%s: hub %s switches all of its ports at once only",
                  socket->board, socket->hub);
        exam_mend(exam,
                  "add `ganged: true` where all boards on it may go off together, or take a hub "
                  "that switches each port");
    } else {
        exam_tell(exam, FINDING_BAD, "%s: hub %s cannot switch its ports, as it says itself",
                  socket->board, socket->hub);
        exam_mend(exam, "take a hub that can (`hil discover` tells what is plugged in), or another "
                        "`power:` driver");
    }
}

static void look_at_hub(struct exam *exam, const struct usb_tree *tree, const struct socket *socket)
{
    const struct usb_device *hub = usb_at(tree, socket->hub);
    struct ctx ctx = ctx_narrow(exam->ctx, HUB_CLAIM_MS);
    struct hub_claim claim = {0};

    if (!hub || !hub->known || hub->known->kind != USB_HUB) {
        exam_tell(exam, FINDING_BAD, "%s: no hub is plugged in at %s", socket->board, socket->hub);
        exam_mend(exam,
                  "plug it in there, or correct `power:`: `hil discover` shows where hubs are");
        return;
    }
    if (hub_ask(hub, &claim.facts, &ctx, &claim.why) == 0) {
        look_at_facts(exam, socket, &claim.facts);
    } else if (hub_claim_denied(&claim)) {
        exam_tell(exam, FINDING_BAD,
                  "%s: this user may not open hub %s, so its power cannot be switched",
                  socket->board, socket->hub);
        mend_rights(exam, "ATTR{bDeviceClass}==\"09\"");
    } else {
        exam_tell(exam, FINDING_WARN, "%s: hub %s: %s", socket->board, socket->hub,
                  claim.why.message);
        exam_mend(exam, "unplug it and plug it in again");
    }
}

/* `driver`: a map of one power driver. */
static void look_at_power(struct exam *exam, const struct usb_tree *tree, const char *board,
                          const struct yaml_node *driver)
{
    const struct yaml_node *conf = driver ? yaml_get(driver, "usb-hub") : NULL;
    const struct yaml_node *location = conf ? yaml_get(conf, "location") : NULL;
    const struct yaml_node *ganged = conf ? yaml_get(conf, "ganged") : NULL;
    struct socket socket = {board, location ? location->text : NULL,
                            ganged && str_eq(ganged->text, "true")};

    if (socket.hub)
        look_at_hub(exam, tree, &socket);
}

/* ---- the lab --------------------------------------------------------------------------------- */

static void look_at_lab(struct exam *exam, const struct usb_tree *tree, const struct lab *lab)
{
    for (size_t i = 0; i < lab->count; i++) {
        const struct board_conf *board = &lab->boards[i];
        look_at_power(exam, tree, board->name, board->power);
        look_at_power(exam, tree, board->name, board->recovery.probe);
        if (!plugged_is_gone(board, tree))
            continue;
        exam_tell(exam, FINDING_WARN, "%s: nothing of it is plugged in", board->name);
        exam_mend(exam, "plug it in, or take it out of lab.yaml: hil discover --write");
    }
}

void check_usb(struct exam *exam)
{
    size_t before = exam->findings->count, used = 0;
    struct usb_tree tree = {0};
    struct err err = {0};

    if (usb_scan(&tree, &err) < 0) {
        exam_tell(exam, FINDING_BAD, "what is plugged in cannot be seen: %s", err.message);
        exam_mend(exam, "sudo apt install libudev1 udev");
        return;
    }
    for (size_t i = 0; i < tree.count && !ctx_cancelled(exam->ctx); i++) {
        look_at_device(exam, &tree.devices[i]);
        look_at_twins(exam, &tree, &tree.devices[i]);
        used += of_interest(&tree.devices[i]);
    }
    if (exam->inventory)
        look_at_lab(exam, &tree, exam->inventory->lab);
    if (exam->findings->count == before && used)
        exam_tell(exam, FINDING_OK, "%zu probe%s, bootloader%s or adapter%s, all well", used,
                  used == 1 ? "" : "s", used == 1 ? "" : "s", used == 1 ? "" : "s");
    else if (exam->findings->count == before)
        exam_tell(exam, FINDING_NOTE, "no probe, bootloader or adapter is plugged in");
    usb_tree_done(&tree);
}
