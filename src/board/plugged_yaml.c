/* SPDX-License-Identifier: MIT
 *
 * What hil discover would write into lab.yaml for a rig.
 */
#include "base/text.h"
#include "board/plugged.h"
#include "usb/dfuse_map.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool is_taken(const char *name, const struct lab *lab, const struct strv *taken)
{
    if (strv_has(taken, name))
        return true;
    for (size_t i = 0; lab && i < lab->count; i++)
        if (!strcmp(lab->boards[i].name, name) || strv_has(&lab->boards[i].labels, name))
            return true;
    return false;
}

void plugged_propose(const struct rig *rig, const struct lab *lab, const struct strv *taken,
                     struct proposal *ret)
{
    ret->label = rig_name(rig);
    /* numbered from the first: a name that is also a label would mean two things */
    for (int i = 1;; i++) {
        ret->name = xasprintf("%s-%d", ret->label, i);
        if (!is_taken(ret->name, lab, taken))
            return;
        free(ret->name);
    }
}

void proposal_done(struct proposal *proposal)
{
    free(proposal->name);
    free(proposal->label);
    *proposal = (struct proposal){0};
}

/* OpenOCD's target file for an STM32 of this name: "nucleo-f446re" -> "stm32f4x". */
const char *board_yaml_target(const char *likely)
{
    static const char *const rows[][2] = {
        {"f0", "stm32f0x"}, {"f1", "stm32f1x"}, {"f2", "stm32f2x"}, {"f3", "stm32f3x"},
        {"f4", "stm32f4x"}, {"f7", "stm32f7x"}, {"g0", "stm32g0x"}, {"g4", "stm32g4x"},
        {"h7", "stm32h7x"}, {"l0", "stm32l0"},  {"l1", "stm32l1"},  {"l4", "stm32l4x"},
        {"l5", "stm32l5x"}, {"u5", "stm32u5x"}, {"wb", "stm32wbx"}, {"wl", "stm32wlx"}};
    size_t prefix =
        likely ? strcspn(likely, "-_") : 0; /* "nucleo-f446re", or Zephyr's name with _ */

    for (size_t i = 0; likely && likely[prefix] && i < ARRAY_SIZE(rows); i++)
        if (str_starts(likely + prefix + 1, rows[i][0]))
            return rows[i][1];
    return NULL;
}

static uint32_t decode(const char *bytes, size_t length)
{
    static const unsigned char lead_bits[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t value = (unsigned char)bytes[0] & lead_bits[length];

    for (size_t i = 1; i < length; i++)
        value = value << 6 | ((unsigned char)bytes[i] & 0x3F);
    return value;
}

/* Within double quotes of YAML; what is not plain ASCII as an escape, since YAML forbids some of it
 * and folds lines at some more. */
void board_yaml_quoted(struct buf *out, const char *text)
{
    size_t left = text ? strlen(text) : 0, length;

    buf_adds(out, "\"");
    for (; left; text += length, left -= length) {
        length = text_utf8_length(text, left);
        if (!length) {
            length = 1;
            buf_adds(out, "\\uFFFD");
        } else if (length > 1 || (unsigned char)*text < ' ' || *text == 0x7F) {
            buf_addf(out, "\\U%08" PRIX32, decode(text, length));
        } else {
            buf_addf(out, "%s%c", *text == '"' || *text == '\\' ? "\\" : "", *text);
        }
    }
    buf_adds(out, "\"");
}

void board_yaml_openocd(struct buf *out, const char *interface, const char *key, const char *value,
                        const char *target)
{
    buf_addf(out, "{openocd: {interface: %s, target: %s, %s: ", interface, target, key);
    board_yaml_quoted(out, value);
    buf_adds(out, "}}");
}

static void add_openocd(const struct rig *rig, const char *target, struct buf *out)
{
    const struct usb_device *device = rig->device;
    bool by_place = !rig->serial_unique && !device->known->number_only;
    const char *key = by_place ? "location" : "serial";
    const char *value = by_place ? device->path : rig->serial_unique ? device->serial : "SERIAL";

    buf_adds(out, "  flash: ");
    board_yaml_openocd(out, device->known->openocd, key, value, target);
    buf_adds(out, "\n  reset: ");
    board_yaml_openocd(out, device->known->openocd, key, value, target);
    buf_adds(out, "\n");
}

static void add_selector(const struct rig *rig, struct buf *out)
{
    if (rig->serial_unique) {
        buf_adds(out, "serial: ");
        board_yaml_quoted(out, rig->device->serial);
    } else {
        buf_addf(out, "path: %s", rig->device->path);
    }
}

/* A link by a number that others have too leads to any of them. */
const char *plugged_tty_name(const struct usb_tty *tty, bool unique)
{
    const char *best = unique ? tty->by_id : tty->by_path;

    return best ? best : tty->by_path ? tty->by_path : tty->node;
}

static void add_ways_in(const struct rig *rig, bool switched, struct buf *out, struct buf *missing)
{
    const struct usb_known *known = rig->device->known;
    const char *target = board_yaml_target(rig->likely);

    if (known->way == USB_WAY_DFU) {
        buf_adds(out, "  flash: {dfu: {");
        add_selector(rig, out);
        buf_adds(out, ", leave: false}}\n  reset: {dfu: {");
        add_selector(rig, out);
        buf_adds(out, "}}\n");
    } else if (known->openocd && known->number_only && !rig->serial_unique) {
        buf_adds(missing,
                 "a serial number of its own for SERIAL, which tools choose such a probe by; ");
        add_openocd(rig, target ? target : "TARGET", out);
    } else if (known->openocd) {
        if (!target)
            buf_adds(missing, "the chip's OpenOCD target for TARGET; ");
        add_openocd(rig, target ? target : "TARGET", out);
    } else if (known->way == USB_WAY_GDB && rig->device->tty_count) {
        buf_adds(missing, "a reset driver; ");
        buf_adds(out, "  flash: {gdb: {serial: ");
        board_yaml_quoted(out, plugged_tty_name(&rig->device->ttys[0], rig->serial_unique));
        buf_adds(out, ", before: [swdp_scan], attach: 1}}\n");
    } else if (known->way == USB_WAY_ESPTOOL && rig->device->tty_count) {
        buf_adds(out, "  flash: {esptool: {port: ");
        board_yaml_quoted(out, plugged_tty_name(&rig->device->ttys[0], rig->serial_unique));
        buf_adds(out, "}}\n  reset: {serial: {pattern: esptool}}\n");
    } else if (known->way == USB_WAY_DRIVE) {
        buf_addf(out, "  flash: {uf2: {path: %s}}\n", rig->device->path);
        if (switched)
            buf_addf(out, "  power: {usb-hub: {location: %s, port: %u}}\n", rig->device->parent,
                     rig->device->port);
        else
            buf_adds(missing, "a reset or power driver; ");
    } else {
        buf_adds(missing, "flash and reset drivers; ");
    }
}

static void add_console(const struct rig *rig, struct buf *out, struct buf *missing)
{
    if (!rig->tty && rig->device->known->way == USB_WAY_DRIVE) {
        buf_addf(out,
                 "  console: {serial: {usb-path: %s, baud: 115200}} # its firmware's own tty\n",
                 rig->device->path);
        return;
    }
    if (!rig->tty) {
        buf_adds(missing, "a console; ");
        return;
    }
    buf_adds(out, "  console: {serial: {");
    if (rig->console == RIG_OWN_CONSOLE && rig->serial_unique && rig->adapter->tty_count == 1) {
        buf_adds(out, "usb-serial: ");
        board_yaml_quoted(out, rig->adapter->serial);
    } else {
        buf_adds(out, "path: ");
        board_yaml_quoted(out, plugged_tty_name(rig->tty, rig->adapter_unique));
    }
    buf_adds(out, ", baud: 115200}}\n");
}

/* What an ST bootloader says of its flash is the board's memory: nothing else may be written. */
static void add_memory(const struct rig *rig, struct buf *out)
{
    const struct usb_device *device = rig->device;
    const char *layout = device->interface_count ? device->interfaces[0].name : NULL;
    cleanup_buf struct buf ranges = BUF_INIT(4096);
    struct dfuse_map map = {0};

    if (device->known->way != USB_WAY_DFU || !layout || dfuse_map_parse(layout, &map, NULL) < 0)
        return;
    for (size_t i = 0; i < map.count;) {
        uint64_t at = map.runs[i].at, end = at;
        for (; i < map.count && map.runs[i].at == end; i++)
            end += map.runs[i].sector_size * map.runs[i].count;
        buf_addf(&ranges, "%s{at: 0x%08" PRIx64 ", size: %" PRIu64 "K}", ranges.size ? ", " : "",
                 at, (end - at) / 1024);
        if ((end - at) % 1024)
            return;
    }
    buf_addf(out, "  memory: [%s]\n", ranges.data);
}

char *board_yaml_comment(const char *text, const char *missing)
{
    cleanup_buf struct buf out = BUF_INIT(65536);
    cleanup_strv struct strv lines = {0};

    strv_split(&lines, text, '\n');
    buf_addf(&out, "# still needs %.*s:\n", (int)strlen(missing) - 2, missing);
    for (size_t i = 0; i < lines.count; i++)
        buf_addf(&out, "# %s\n", lines.items[i]);
    return buf_steal(&out);
}

char *plugged_yaml(const struct rig *rig, const struct proposal *proposal, bool *ret_complete)
{
    cleanup_buf struct buf out = BUF_INIT(32768), missing = BUF_INIT(512);

    buf_addf(&out, "%s: # %s at %s", proposal->name, rig->device->known->name, rig->device->path);
    if (rig->serial_unique) /* others may hold anything, line ends of YAML's included */
        buf_addf(&out, ", serial number %s", rig->device->serial);
    buf_addf(&out, "\n  labels: [%s]\n", proposal->label);
    add_memory(rig, &out);
    add_ways_in(rig, proposal->switched, &out, &missing);
    add_console(rig, &out, &missing);
    *ret_complete = !missing.size;
    return missing.size ? board_yaml_comment(out.data, missing.data) : buf_steal(&out);
}
