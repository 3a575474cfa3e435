/* SPDX-License-Identifier: MIT */
#include "cmd/discover_print.h"

#include "base/buf.h"
#include "base/term.h"
#include "cmd/cmd.h"

#include <inttypes.h>
#include <string.h>

#define ID_SIZE 10

static const struct rig *rig_of(const struct discovery *found, const struct usb_device *device)
{
    for (size_t i = 0; i < found->rigs.count; i++)
        if (found->rigs.items[i].device == device)
            return &found->rigs.items[i];
    return NULL;
}

static const char *board_of(const struct discovery *found, const struct rig *rig)
{
    const struct board_conf *board = rig && found->lab ? plugged_board(rig, found->lab) : NULL;

    return board ? board->name : NULL;
}

/* ---- for people ------------------------------------------------------------------------------ */

static bool has_children(const struct usb_tree *tree, const struct usb_device *hub)
{
    for (size_t i = 0; i < tree->count; i++)
        if (str_eq(tree->devices[i].parent, hub->path))
            return true;
    return false;
}

static size_t depth_of(const char *path)
{
    size_t depth = strchr(path, '-') ? 1 : 0;

    for (; *path; path++)
        depth += *path == '.';
    return depth;
}

static char *ttys_of(const struct usb_device *device)
{
    cleanup_buf struct buf out = BUF_INIT(1024);

    for (size_t i = 0; i < device->tty_count; i++)
        buf_addf(&out, "%s%s", i ? " " : "", device->ttys[i].node);
    return buf_steal(&out);
}

/* A drive that firmware is copied to is named with its label. */
static char *what_is(const struct usb_device *device)
{
    const struct usb_known *known = device->known;

    if (!known)
        return xstrdup(device->name ? device->name : "-");
    if (known->way == USB_WAY_DRIVE)
        return xasprintf("%s, %sdrive%s%s", known->name, strstr(known->name, "UF2") ? "" : "UF2 ",
                         device->drive ? " " : "", device->drive ? device->drive : "");
    if (known->kind == USB_HUB && device->ports)
        return xasprintf("%s, %u ports", known->name, device->ports);
    return xstrdup(known->name);
}

static void add_row(const struct discovery *found, const struct usb_device *device,
                    struct term_table *table)
{
    const struct rig *rig = rig_of(found, device);
    const char *board = board_of(found, rig);
    cleanup_free char *what = what_is(device);
    cleanup_free char *path = xasprintf("%*s%s", (int)depth_of(device->path) * 2, "", device->path);
    cleanup_free char *id = xasprintf("%04x:%04x", device->vendor, device->product);
    cleanup_free char *ttys = ttys_of(device);
    enum term_style style = rig ? TERM_BOLD : device->tty_count ? TERM_PLAIN : TERM_DIM;

    term_table_row(table, style,
                   (const char *[]){path, what, id, device->serial ? device->serial : "-", ttys,
                                    board ? board
                                    : rig ? plugged_is_known(rig, found->text) ? "" : "new"
                                          : ""});
}

static void print_tree(const struct discovery *found, const struct term *term)
{
    struct term_table *table = term_table_new(6);
    size_t shown = 0;

    term_table_row(table, TERM_BOLD,
                   (const char *[]){"PATH", "DEVICE", "USB ID", "SERIAL", "TTY", "BOARD"});
    for (size_t i = 0; i < found->tree.count; i++) {
        const struct usb_device *device = &found->tree.devices[i];
        if (!device->parent && !has_children(&found->tree, device))
            continue; /* a controller that nothing hangs on */
        add_row(found, device, table);
        shown++;
    }
    if (shown)
        term_table_print(table, term);
    else
        puts("Nothing is plugged in.");
    term_table_free(table);
}

static void print_rig(const struct rig *rig)
{
    cleanup_free char *name = rig_name(rig);

    printf("  %s: %s at %s, ", name, rig->device->known->name, rig->device->path);
    switch (rig->console) {
    case RIG_OWN_CONSOLE:
        printf("console %s, its own\n", rig->tty->node);
        break;
    case RIG_SAME_HUB:
        printf("console %s of the %s beside it, most likely\n", rig->tty->node,
               rig->adapter->known->name);
        break;
    case RIG_NO_CONSOLE:
        puts("no console found");
        break;
    }
}

/* ---- hubs ------------------------------------------------------------------------------------ */

static bool is_shown(const struct discovery *found, const struct usb_device *device)
{
    return device->parent || has_children(&found->tree, device);
}

static const char *claim_text(const struct hub_claim *claim)
{
    if (claim->why.code)
        return hub_claim_denied(claim) ? "could not be asked: this user may not open it"
                                       : "could not be asked";
    switch (claim->facts.switching) {
    case HUB_PER_PORT:
        return "claims to switch each port by itself";
    case HUB_GANGED:
        return "claims to switch its ports, all together";
    case HUB_FIXED:
        break;
    }
    return "cannot switch its ports";
}

/* The two sides of a box stand in one line where they say the same. */
static bool is_told_with_twin(const struct discovery *found, const struct hub_claim *claim,
                              const struct hub_claim **ret_twin)
{
    const struct hub_claim *twin = claim->twin ? hub_claim_of(&found->hubs, claim->twin) : NULL;

    *ret_twin = twin;
    return twin && str_eq(claim_text(twin), claim_text(claim));
}

static void print_hub(const struct discovery *found, const struct hub_claim *claim)
{
    const struct hub_claim *twin;
    bool together = is_told_with_twin(found, claim, &twin);

    if (together && twin < claim)
        return;
    printf("  %s", claim->hub->path);
    if (together)
        printf(" and %s, one box", twin->hub->path);
    else if (twin)
        printf(", in one box with %s", twin->hub->path);
    printf(": %s", claim_text(claim));
    if (claim->why.code && !hub_claim_denied(claim))
        printf(" (%s)", claim->why.message);
    putchar('\n');
}

static void print_hubs(const struct discovery *found)
{
    enum hub_switching best = HUB_FIXED;
    const char *example = NULL;
    size_t shown = 0;
    bool denied = false;

    for (size_t i = 0; i < found->hubs.count; i++) {
        const struct hub_claim *claim = &found->hubs.items[i];
        if (!is_shown(found, claim->hub) && !(claim->twin && is_shown(found, claim->twin)))
            continue;
        if (!shown++)
            puts("\nWhether hubs switch the power of their ports");
        print_hub(found, claim);
        denied = denied || hub_claim_denied(claim);
        if (!claim->why.code && claim->facts.switching > best) {
            best = claim->facts.switching;
            example = claim->hub->path;
        }
    }
    if (example)
        printf(
            "  A claim is no proof; with `power: {usb-hub: {location: %s, port: N}}` in lab.yaml "
            "`hil power BOARD off` finds out.\n",
            example);
    if (denied)
        puts("  A udev rule lets them be asked: SUBSYSTEM==\"usb\", ATTR{bDeviceClass}==\"09\", "
             "MODE=\"0660\", GROUP=\"plugdev\"");
}

static void print_lines(const char *heading, const struct strv *lines)
{
    if (lines->count)
        printf("\n%s\n", heading);
    for (size_t i = 0; i < lines->count; i++)
        printf("  %s\n", lines->items[i]);
}

void discover_print_text(const struct discovery *found)
{
    struct term term = term_open(stdout);

    print_tree(found, &term);
    if (found->rigs.count)
        puts("\nWhat makes a board");
    for (size_t i = 0; i < found->rigs.count; i++)
        print_rig(&found->rigs.items[i]);
    print_hubs(found);
    print_lines("Mind", &found->rigs.notes);
    print_lines("In the lab's file, and not plugged in", &found->missing);
    print_lines("Boards of which nothing is plugged in (--write offers to remove them)",
                &found->gone);
}

/* ---- for programs ---------------------------------------------------------------------------- */

static void json_code(struct json_out *out, const char *name, unsigned value)
{
    char text[ID_SIZE];

    snprintf(text, sizeof text, "%04x", value & 0xffff);
    json_kv_string(out, name, text);
}

static void json_ttys(struct json_out *out, const struct usb_device *device)
{
    json_key(out, "ttys");
    json_array(out);
    for (size_t i = 0; i < device->tty_count; i++) {
        json_object(out);
        json_kv_string(out, "node", device->ttys[i].node);
        json_kv_string(out, "by_id", device->ttys[i].by_id);
        json_kv_string(out, "by_path", device->ttys[i].by_path);
        json_kv_int(out, "interface", device->ttys[i].interface);
        json_object_end(out);
    }
    json_array_end(out);
}

static void json_interfaces(struct json_out *out, const struct usb_device *device)
{
    json_key(out, "interfaces");
    json_array(out);
    for (size_t i = 0; i < device->interface_count; i++) {
        const struct usb_interface *interface = &device->interfaces[i];
        json_object(out);
        json_kv_int(out, "number", interface->number);
        json_kv_int(out, "class", interface->class);
        json_kv_int(out, "subclass", interface->subclass);
        json_kv_int(out, "protocol", interface->protocol);
        json_kv_string(out, "name", interface->name);
        json_kv_string(out, "driver", interface->driver);
        json_object_end(out);
    }
    json_array_end(out);
}

static void json_hub(struct json_out *out, const struct discovery *found,
                     const struct usb_device *device)
{
    const struct hub_claim *claim = hub_claim_of(&found->hubs, device);

    json_key(out, "hub");
    if (!claim) {
        json_null(out);
        return;
    }
    json_object(out);
    json_kv_int(out, "ports", claim->why.code ? device->ports : claim->facts.ports);
    json_kv_string(out, "claims", hub_claim_word(claim));
    json_kv_string(out, "why_not", claim->why.code ? claim->why.message : NULL);
    json_kv_string(out, "twin", claim->twin ? claim->twin->path : NULL);
    json_object_end(out);
}

static void json_device(struct json_out *out, const struct discovery *found,
                        const struct usb_device *device)
{
    json_object(out);
    json_kv_string(out, "path", device->path);
    json_kv_string(out, "parent", device->parent);
    json_kv_int(out, "bus", device->bus);
    json_kv_int(out, "address", device->address);
    json_kv_int(out, "port", device->port);
    json_code(out, "vendor", device->vendor);
    json_code(out, "product", device->product);
    json_code(out, "release", device->release);
    json_kv_string(out, "serial", device->serial);
    json_kv_string(out, "maker", device->maker);
    json_kv_string(out, "name", device->name);
    json_kv_string(out, "speed", device->speed);
    json_kv_string(out, "drive", device->drive);
    json_kv_string(out, "drive_node", device->drive_node);
    json_kv_bool(out, "configured", device->configured);
    json_kv_string(out, "kind", device->known ? usb_kind_name(device->known->kind) : NULL);
    json_kv_string(out, "known", device->known ? device->known->name : NULL);
    json_hub(out, found, device);
    json_ttys(out, device);
    json_interfaces(out, device);
    json_object_end(out);
}

static void json_rig(struct json_out *out, const struct discovery *found, const struct rig *rig)
{
    static const char *const consoles[] = {
        [RIG_NO_CONSOLE] = "none", [RIG_OWN_CONSOLE] = "own", [RIG_SAME_HUB] = "same-hub"};

    json_object(out);
    json_kv_string(out, "path", rig->device->path);
    json_kv_string(out, "likely", rig->likely);
    json_kv_bool(out, "serial_unique", rig->serial_unique);
    json_kv_string(out, "console", consoles[rig->console]);
    json_kv_string(out, "console_path", rig->adapter ? rig->adapter->path : NULL);
    json_kv_string(out, "tty", rig->tty ? rig->tty->node : NULL);
    json_kv_string(out, "board", board_of(found, rig));
    json_kv_bool(out, "new", !plugged_is_known(rig, found->text));
    json_object_end(out);
}

int discover_print_json(const struct discovery *found, struct err *err)
{
    struct json_out out;

    cmd_json_begin(&out);
    json_kv_string(&out, "lab", found->lab ? found->lab->file : NULL);
    json_key(&out, "devices");
    json_array(&out);
    for (size_t i = 0; i < found->tree.count; i++)
        json_device(&out, found, &found->tree.devices[i]);
    json_array_end(&out);
    json_key(&out, "boards");
    json_array(&out);
    for (size_t i = 0; i < found->rigs.count; i++)
        json_rig(&out, found, &found->rigs.items[i]);
    json_array_end(&out);
    json_kv_strv(&out, "notes", &found->rigs.notes);
    json_kv_strv(&out, "missing", &found->missing);
    json_kv_strv(&out, "gone", &found->gone);
    return cmd_json_end(&out, err);
}
