/* SPDX-License-Identifier: MIT
 *
 * The config.json of an STM32 remote flasher: `servers`, hosts with a controller of hub ports, and
 * `devices` on them. A board's port is USB1 to USB16, to the controller a mask of 0x0001 to 0x8000;
 * its program, hub_cli, switches each port's power, BOOT0 and NRST (nrst_on: held in reset).
 */
#include "board/import_parts.h"

#include <inttypes.h>
#include <stdlib.h>

#define HUB_PORTS 16
#define PARALLEL_MAX 1000

struct device {
    const char *serial, *interface;
    const struct yaml_node *server; /* NULL: none of the file's */
    const char *hub;                /* its hub_cli; NULL: none */
    unsigned mask;                  /* 0: on none of its ports */
    bool boot, nrst, power;         /* wired to the hub's controller */
};

static bool is_true(const struct yaml_node *map, const char *key)
{
    return str_eq(import_text(map, key), "true");
}

/* "USB3" is port 3, and 0x0004 to the hub; 0: neither. */
static unsigned hub_mask(const char *port)
{
    uint64_t number;

    if (!port || !str_starts(port, "USB") ||
        str_to_u64(port + 3, HUB_PORTS, "port", &number, NULL) < 0 || !number)
        return 0;
    return 1U << (number - 1);
}

static struct device device_of(const struct yaml_node *node, const struct yaml_node *servers)
{
    const char *name = import_text(node, "server");
    const struct yaml_node *server = servers && name ? yaml_get(servers, name) : NULL;
    const struct yaml_node *signals = yaml_get(node, "signals");
    const char *hub = import_text(server, "hub_cli");
    unsigned mask = hub ? hub_mask(import_text(node, "hub_port")) : 0;

    return (struct device){.serial = import_text(node, "serial"),
                           .interface = import_text(node, "default_interface"),
                           .server = server,
                           .hub = hub,
                           .mask = mask,
                           .boot = mask && is_true(signals, "boot"),
                           .nrst = mask && is_true(signals, "nrst"),
                           .power = mask && is_true(server, "power_control")};
}

/* ---- the hub --------------------------------------------------------------------------------- */

/* "[python3, HUB_CLI, COMMAND, 0x0004]" */
static void add_call(struct buf *out, const struct device *device, const char *command)
{
    buf_adds(out, "[python3, ");
    board_yaml_quoted(out, device->hub);
    buf_addf(out, ", %s, \"0x%04x\"]", command, device->mask);
}

/* "{cmd: {run: [[...], [...]]}}" */
static char *hub_calls(const struct device *device, const char *const *commands)
{
    struct buf out = BUF_INIT(8192);

    buf_adds(&out, "{cmd: {run: [");
    for (size_t i = 0; commands[i]; i++) {
        buf_adds(&out, i ? ", " : "");
        add_call(&out, device, commands[i]);
    }
    buf_adds(&out, "]}}");
    return buf_steal(&out);
}

static char *hub_power(const struct device *device)
{
    struct buf out = BUF_INIT(8192);

    buf_adds(&out, "{cmd: {on: ");
    add_call(&out, device, "power_on");
    buf_adds(&out, ", off: ");
    add_call(&out, device, "power_off");
    buf_adds(&out, "}}");
    return buf_steal(&out);
}

/* Into the ROM bootloader: a reset, or the power off and on, while BOOT0 is high. */
static char *hub_bootloader(const struct device *device)
{
    static const char *const by_reset[] = {"boot_on", "nrst_on", "nrst_off", "boot_off", NULL};
    static const char *const by_power[] = {"boot_on", "power_off", "power_on", "boot_off", NULL};
    cleanup_free char *calls = NULL;

    if (!device->boot || !(device->nrst || device->power))
        return NULL;
    calls = hub_calls(device, device->nrst ? by_reset : by_power);
    return xasprintf("{bootloader: %s}", calls);
}

/* ---- ways in --------------------------------------------------------------------------------- */

static void add_probe(struct import_entry *entry, const struct device *device, const char *port)
{
    const char *cli = import_text(device->server, "stm32cli");
    struct buf flash = BUF_INIT(8192), reset = BUF_INIT(8192);

    buf_addf(&flash, "{cubeprogrammer: {port: %s, serial: \"%s\"", port, device->serial);
    if (cli && cli[0] == '/') {
        buf_adds(&flash, ", program: ");
        board_yaml_quoted(&flash, cli);
    }
    buf_adds(&flash, "}}");
    buf_adds(&reset, "{cmd: {run: [");
    board_yaml_quoted(&reset, cli ? cli : "STM32_Programmer_CLI");
    buf_addf(&reset, ", -c, port=%s, \"sn=%s\", -rst]}}", port, device->serial);
    entry->flash = buf_steal(&flash);
    entry->reset = buf_steal(&reset);
}

static void add_ways_in(struct import_entry *entry, const struct device *device)
{
    const char *interface = device->interface ? device->interface : "SWD";

    if (!device->serial) {
        import_needs(entry, "flash and reset drivers (it has no serial number)");
    } else if (!usb_serial_plain(device->serial)) {
        return; /* import_take() leaves it out */
    } else if (str_eq(interface, "USB")) {
        entry->flash = xasprintf("{dfu: {serial: \"%s\", leave: false}}", device->serial);
        entry->reset = xasprintf("{dfu: {serial: \"%s\"}}", device->serial);
    } else if (str_eq(interface, "SWD") || str_eq(interface, "JTAG")) {
        add_probe(entry, device, interface);
    } else {
        import_needs(entry,
                     "flash and reset drivers (its default_interface is neither USB, SWD nor "
                     "JTAG)");
    }
}

static void read_device(struct importer *importer, const struct yaml_node *node,
                        const struct yaml_node *servers)
{
    static const char *const pulse[] = {"nrst_on", "nrst_off", NULL};
    struct device device = device_of(node, servers);
    struct import_entry entry = {.name = import_name(node->key), .serial = xstrdup(device.serial)};
    const char *server = import_text(node, "server");

    if (server)
        strv_add(&entry.labels, server);
    add_ways_in(&entry, &device);
    if (device.nrst) {
        free(entry.reset);
        entry.reset = hub_calls(&device, pulse);
    }
    if (device.power)
        entry.power = hub_power(&device);
    entry.recovery = hub_bootloader(&device);
    import_take(importer, &entry);
    import_entry_done(&entry);
}

/* A lab is one host. Where the file has several, nobody knows which one this is. */
static void read_limit(struct importer *importer, const struct yaml_node *servers)
{
    for (const struct yaml_node *server = servers->first; server; server = server->next) {
        const char *text = import_text(server, "max_parallel");
        uint64_t limit;
        if (!text || str_to_u64(text, PARALLEL_MAX, "max_parallel", &limit, NULL) < 0 || !limit)
            continue;
        if (servers->count == 1)
            importer->result->max_parallel = limit;
        else
            strv_addf(&importer->result->notes,
                      "%s flashes at most %" PRIu64 " boards at once: on that host, lab.yaml is to "
                      "have max-parallel: {lab: %" PRIu64 "}",
                      server->key, limit, limit);
    }
}

bool import_config(struct importer *importer, const struct yaml_node *root)
{
    const struct yaml_node *devices = yaml_get(root, "devices"),
                           *servers = yaml_get(root, "servers");

    if (!devices || devices->kind != YAML_MAP)
        return false;
    if (servers && servers->kind != YAML_MAP)
        servers = NULL;
    for (const struct yaml_node *node = devices->first; node; node = node->next)
        read_device(importer, node, servers);
    if (servers)
        read_limit(importer, servers);
    return true;
}
