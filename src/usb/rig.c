/* SPDX-License-Identifier: MIT */
#include "usb/rig.h"

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

/* Whatever the locale: what comes out is written into names, labels and scripts. */
static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_way_in(const struct usb_device *device)
{
    const struct usb_known *known = device->known;

    return known && (known->kind == USB_PROBE || known->kind == USB_BOOTLOADER ||
                     known->kind == USB_RUNTIME);
}

static bool is_adapter(const struct usb_device *device)
{
    return device->known && device->known->kind == USB_SERIAL && device->tty_count;
}

/* ---- what board it may be -------------------------------------------------------------------- */

/* ST-LINK/V2-1 and V3 show a drive whose label is the board's name, as far as eleven characters
 * hold it: NODE_F446RE, NOD_H743ZI2, DIS_F429ZI. */
static char *board_of_drive(const char *label)
{
    static const struct {
        const char *prefix, *board;
    } rows[] = {{"NODE_", "nucleo-"},
                {"NOD_", "nucleo-"},
                {"NUCLEO_", "nucleo-"},
                {"DIS_", "disco-"},
                {"EVL_", "eval-"}};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (!str_starts(label, rows[i].prefix))
            continue;
        char *name = xasprintf("%s%s", rows[i].board, label + strlen(rows[i].prefix));
        for (char *at = name; *at; at++)
            *at = is_alnum(*at) ? lower(*at) : '-';
        return name;
    }
    return NULL;
}

static char *likely_board(const struct usb_device *device)
{
    static const struct {
        const char *word, *board;
    } rows[] = {{"RP2040", "rp2040"}, {"RP2350", "rp2350"}, {"STM32", "stm32"}, {"GD32", "gd32"},
                {"AT32", "at32"},     {"APM32", "apm32"},   {"LPC", "lpc"},     {"ESP", "esp32"}};
    char *board = device->drive ? board_of_drive(device->drive) : NULL;

    for (size_t i = 0; i < ARRAY_SIZE(rows) && !board; i++)
        if (strstr(device->known->name, rows[i].word))
            board = xstrdup(rows[i].board);
    return board;
}

char *rig_name(const struct rig *rig)
{
    char *name = xstrdup(rig->likely ? rig->likely : rig->device->known->name);
    size_t kept = 0;

    for (const char *at = name; *at; at++) {
        char c = lower(*at);
        if (is_alnum(c))
            name[kept++] = c;
        else if (kept && name[kept - 1] != '-')
            name[kept++] = '-';
    }
    while (kept && name[kept - 1] == '-')
        kept--;
    name[kept] = '\0';
    return name;
}

/* ---- which tty belongs to it ----------------------------------------------------------------- */

static size_t on_hub(const struct usb_tree *tree, const char *hub,
                     bool (*wanted)(const struct usb_device *), const struct usb_device **ret)
{
    size_t count = 0;

    for (size_t i = 0; i < tree->count; i++) {
        const struct usb_device *device = &tree->devices[i];
        if (!str_eq(device->parent, hub) || !wanted(device))
            continue;
        *ret = device;
        count++;
    }
    return count;
}

static bool lacks_tty(const struct usb_device *device)
{
    return is_way_in(device) && !device->tty_count;
}

static void find_console(const struct usb_tree *tree, struct rig *rig)
{
    const struct usb_device *adapter = NULL, *other = NULL;

    if (rig->device->tty_count) {
        rig->adapter = rig->device;
        rig->console = RIG_OWN_CONSOLE;
        /* A Black Magic Probe's first tty is its GDB server. */
        size_t index = rig->device->known->way == USB_WAY_GDB && rig->device->tty_count > 1;
        rig->tty = &rig->device->ttys[index];
    } else if (on_hub(tree, rig->device->parent, is_adapter, &adapter) == 1 &&
               on_hub(tree, rig->device->parent, lacks_tty, &other) == 1) {
        rig->adapter = adapter;
        rig->console = RIG_SAME_HUB;
        rig->tty = &adapter->ttys[0];
    }
}

/* ---- what would be mistaken ------------------------------------------------------------------ */

static bool of_interest(const struct usb_device *device)
{
    return device->known && device->known->kind != USB_HUB;
}

static const char *how_to_choose(const struct usb_device *device, bool several)
{
    if (device->known->number_only)
        return several ? "no tool tells them apart; give each a number of its own, or plug in one"
                       : "no tool can choose it while another of its kind is plugged in";
    return several ? "choose them by their hub paths" : "choose it by its hub path";
}

/* Told once, at the first that has the number. */
static void note_serial(const struct usb_tree *tree, const struct usb_device *device,
                        struct strv *notes)
{
    size_t count;
    const struct usb_device *first;
    cleanup_buf struct buf others = BUF_INIT(512);

    if (!device->serial) {
        strv_addf(notes, "%s (%s) has no serial number: %s", device->path, device->known->name,
                  how_to_choose(device, false));
        return;
    }
    if (!usb_serial_plain(device->serial))
        strv_addf(notes, "%s (%s) has odd characters in its serial number: %s", device->path,
                  device->known->name, how_to_choose(device, false));
    first = usb_with_serial(tree, device->serial, &count);
    if (count < 2 || first != device)
        return;
    for (size_t i = 0; i < tree->count; i++)
        if (str_eq(tree->devices[i].serial, device->serial))
            buf_addf(&others, "%s%s", others.size ? ", " : "", tree->devices[i].path);
    strv_addf(notes, "%s share the serial number %s: %s", others.data, device->serial,
              how_to_choose(device, true));
}

static bool is_used(const struct rig_list *rigs, const struct usb_device *adapter)
{
    for (size_t i = 0; i < rigs->count; i++)
        if (rigs->items[i].adapter == adapter)
            return true;
    return false;
}

static void note_adapter(const struct usb_tree *tree, const struct rig_list *rigs,
                         const struct usb_device *device, struct strv *notes)
{
    const struct usb_device *some;

    if (is_used(rigs, device))
        return;
    if (on_hub(tree, device->parent, lacks_tty, &some))
        strv_addf(notes,
                  "%s (%s) could be the console of several boards on hub %s, or of none: its wires "
                  "tell",
                  device->ttys[0].node, device->known->name, device->parent);
    else
        strv_addf(notes, "%s (%s at %s) belongs to no probe on its hub: its wires tell",
                  device->ttys[0].node, device->known->name, device->path);
}

static void note_all(const struct usb_tree *tree, struct rig_list *rigs)
{
    for (size_t i = 0; i < tree->count; i++) {
        const struct usb_device *device = &tree->devices[i];
        if (!device->configured && device->parent)
            strv_addf(&rigs->notes,
                      "%s (%04x:%04x) is not configured: too little power on its hub, or a bad "
                      "cable; 'dmesg' says which",
                      device->path, device->vendor, device->product);
        if (of_interest(device))
            note_serial(tree, device, &rigs->notes);
        if (is_adapter(device))
            note_adapter(tree, rigs, device, &rigs->notes);
    }
}

void rigs_find(const struct usb_tree *tree, struct rig_list *ret)
{
    *ret = (struct rig_list){.items = xcalloc(tree->count + 1, sizeof *ret->items)};
    for (size_t i = 0; i < tree->count; i++) {
        const struct usb_device *device = &tree->devices[i];
        struct rig *rig = &ret->items[ret->count];
        if (!is_way_in(device))
            continue;
        *rig = (struct rig){.device = device, .likely = likely_board(device)};
        rig->serial_unique = usb_serial_tells(tree, device);
        find_console(tree, rig);
        rig->adapter_unique = rig->adapter && usb_serial_tells(tree, rig->adapter);
        ret->count++;
    }
    note_all(tree, ret);
}

void rigs_done(struct rig_list *rigs)
{
    for (size_t i = 0; i < rigs->count; i++)
        free(rigs->items[i].likely);
    free(rigs->items);
    strv_done(&rigs->notes);
    *rigs = (struct rig_list){0};
}
