/* SPDX-License-Identifier: MIT
 *
 * The hardware map of Zephyr's Twister: a list of what `twister --generate-hardware-map` has found.
 */
#include "board/import_parts.h"

#include <stdlib.h>
#include <string.h>

/* Zephyr's runners that need no more than the probe's number; @ stands for that. */
static const struct {
    const char *runner, *flash, *reset;
} runners[] = {
    {"stm32cubeprogrammer", "{cubeprogrammer: {serial: \"@\"}}",
     "{cmd: {run: [STM32_Programmer_CLI, -c, port=SWD, \"sn=@\", -rst]}}"},
    {"nrfjprog",
     "{cmd: {run: [nrfjprog, --snr, \"@\", --program, \"{file}\", --sectorerase, --verify]}}",
     "{cmd: {run: [nrfjprog, --snr, \"@\", --reset]}}"},
    {"nrfutil", "{nrfutil: {serial: \"@\"}}",
     "{cmd: {run: [nrfutil, device, reset, --serial-number, \"@\"]}}"},
    {"dfu-util", "{dfu: {serial: \"@\", leave: false}}", "{dfu: {serial: \"@\"}}"},
};

static char *with_number(const char *template, const char *number)
{
    cleanup_buf struct buf out = BUF_INIT(4096);

    for (; *template; template ++) {
        if (*template == '@')
            buf_adds(&out, number);
        else
            buf_add(&out, template, 1);
    }
    return buf_steal(&out);
}

static const char *interface_of(const char *product)
{
    if (product && (strstr(product, "STLink") || strstr(product, "STLINK")))
        return "stlink";
    return product && strstr(product, "J-Link") ? "jlink" : "cmsis-dap";
}

static void add_openocd_ways(struct import_entry *entry, const char *product, const char *platform)
{
    cleanup_buf struct buf way = BUF_INIT(4096);
    const char *known = board_yaml_target(platform), *target = known ? known : "TARGET";

    board_yaml_openocd(&way, interface_of(product), "serial", entry->serial, target);
    entry->reset = xstrdup(way.data);
    entry->flash = buf_steal(&way);
    if (!known)
        import_needs(entry, "the chip's OpenOCD target for TARGET");
}

static void add_ways(struct import_entry *entry, const struct yaml_node *node, const char *platform)
{
    const char *runner = import_text(node, "runner");
    bool plain = entry->serial && usb_serial_plain(entry->serial);

    for (size_t i = 0; plain && i < ARRAY_SIZE(runners); i++) {
        if (!str_eq(runner, runners[i].runner))
            continue;
        entry->flash = with_number(runners[i].flash, entry->serial);
        entry->reset = with_number(runners[i].reset, entry->serial);
        return;
    }
    if (plain && str_eq(runner, "openocd"))
        add_openocd_ways(entry, import_text(node, "product"), platform);
    else
        import_needs(entry, "flash and reset drivers");
}

static void read_dut(struct importer *importer, const struct yaml_node *node, int number)
{
    const char *id = import_text(node, "probe_id"), *tty = import_text(node, "serial");
    const char *baud = import_text(node, "baud");
    struct import_entry entry = {0};
    cleanup_free char *name = NULL;

    import_words(&entry.labels, yaml_get(node, "platform"));
    import_words(&entry.labels, yaml_get(node, "fixtures"));
    if (!entry.labels.count) {
        import_entry_done(&entry);
        return;
    }
    name = import_name(entry.labels.items[0]);
    entry.name = xasprintf("%s-%d", name, number);
    entry.serial = xstrdup(id ? id : import_text(node, "id"));
    if (tty && str_starts(tty, "/dev/"))
        entry.tty = xstrdup(tty);
    if (baud)
        str_to_u64(baud, 12000000, "baud", &entry.baud, NULL);
    add_ways(&entry, node, name);
    import_take(importer, &entry);
    import_entry_done(&entry);
}

bool import_twister(struct importer *importer, const struct yaml_node *root)
{
    int number = 1;

    if (root->kind != YAML_LIST || !root->first || !yaml_get(root->first, "platform"))
        return false;
    for (const struct yaml_node *node = root->first; node; node = node->next, number++)
        if (node->kind == YAML_MAP)
            read_dut(importer, node, number);
    return true;
}
