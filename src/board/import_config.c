/* SPDX-License-Identifier: MIT
 *
 * The config.json of an STM32 remote flasher: `servers`, hosts with a controller of hub ports, and
 * `devices` on them. A board's port is USB1 to USB16, to the controller a mask of 0x0001 to 0x8000;
 * its program, hub_cli, switches each port's power, BOOT0 and NRST (nrst_on: held in reset).
 *
 * A server with host names that are not this host's is one without hil: it has its programs, and
 * nothing else is said to be there.
 */
#include "board/import_parts.h"
#include "conf/name.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define HUB_PORTS 16
#define PARALLEL_MAX 1000

struct device {
    const char *serial, *interface, *hub_port;
    const struct yaml_node *server; /* NULL: none of the file's */
    const char *hub;                /* its hub_cli; NULL: none, or the port is none of its */
    bool far;                       /* the server is another host */
    bool boot, nrst, power;         /* wired to the hub's controller */
};

static bool is_true(const struct yaml_node *map, const char *key)
{
    return str_eq(import_text(map, key), "true");
}

static bool is_hub_port(const char *port)
{
    uint64_t number;

    return port && str_starts(port, "USB") &&
           str_to_u64(port + 3, HUB_PORTS, "port", &number, NULL) == 0 && number;
}

/* ---- which host ------------------------------------------------------------------------------ */

static bool is_our_address(const char *text)
{
    struct ifaddrs *all = NULL;
    char address[INET6_ADDRSTRLEN];
    bool ours = false;

    if (getifaddrs(&all) < 0)
        return false;
    for (const struct ifaddrs *one = all; one && !ours; one = one->ifa_next) {
        const struct sockaddr *at = one->ifa_addr;
        const void *bytes = !at                        ? NULL
                            : at->sa_family == AF_INET ? &((const struct sockaddr_in *)at)->sin_addr
                            : at->sa_family == AF_INET6
                                ? &((const struct sockaddr_in6 *)at)->sin6_addr
                                : (const void *)NULL;
        ours = bytes && inet_ntop(at->sa_family, bytes, address, sizeof address) &&
               str_eq(address, text);
    }
    freeifaddrs(all);
    return ours;
}

/* "bench-a", "bench-a.local", an address of ours. */
static bool is_this_host(const char *name)
{
    char own[65] = "";
    size_t length;

    gethostname(own, sizeof own - 1);
    length = strcspn(own, ".");
    return !strcasecmp(name, "localhost") || is_our_address(name) ||
           (length && !strncasecmp(name, own, length) && (!name[length] || name[length] == '.'));
}

static struct strv hosts_of(const struct yaml_node *server)
{
    static const char *const keys[] = {"hostnames", "hosts", "hostname", "host"};
    struct strv hosts = {0};

    for (size_t i = 0; server && !hosts.count && i < ARRAY_SIZE(keys); i++)
        import_words(&hosts, yaml_get(server, keys[i]));
    return hosts;
}

static bool is_far(const struct yaml_node *server)
{
    cleanup_strv struct strv hosts = hosts_of(server);
    bool far = hosts.count && name_valid(server->key);

    for (size_t i = 0; i < hosts.count && far; i++)
        far = !is_this_host(hosts.items[i]);
    return far;
}

static struct device device_of(const struct yaml_node *node, const struct yaml_node *servers)
{
    const char *name = import_text(node, "server"), *port = import_text(node, "hub_port");
    const struct yaml_node *server = servers && name ? yaml_get(servers, name) : NULL;
    const struct yaml_node *signals = yaml_get(node, "signals");
    const char *hub = is_hub_port(port) ? import_text(server, "hub_cli") : NULL;

    return (struct device){.serial = import_text(node, "serial"),
                           .interface = import_text(node, "default_interface"),
                           .hub_port = port,
                           .server = server,
                           .hub = hub,
                           .far = server && is_far(server),
                           .boot = hub && is_true(signals, "boot"),
                           .nrst = hub && is_true(signals, "nrst"),
                           .power = hub && is_true(server, "power_control")};
}

/* ---- the hub --------------------------------------------------------------------------------- */

/* "{hub-controller: {port: USB3, MORE}}"; a server's program stands with the server. */
static char *hub_driver(const struct device *device, const char *more)
{
    struct buf out = BUF_INIT(8192);

    buf_addf(&out, "{hub-controller: {port: %s%s", device->hub_port, more);
    if (!device->far) {
        buf_adds(&out, ", command: [python3, ");
        board_yaml_quoted(&out, device->hub);
        buf_adds(&out, "]");
    }
    buf_adds(&out, "}}");
    return buf_steal(&out);
}

/* Into the ROM bootloader: a reset, or the power off and on, while BOOT0 is high. What is flashed
 * by USB must be there each time. */
static char *hub_bootloader(const struct device *device)
{
    cleanup_free char *driver = NULL;

    if (!device->boot || !(device->nrst || device->power))
        return NULL;
    driver = hub_driver(device, device->nrst ? ", boot: true" : ", boot: true, by: power");
    return xasprintf("{bootloader: %s%s}", driver,
                     str_eq(device->interface, "USB") ? ", first: true" : "");
}

/* ---- ways in --------------------------------------------------------------------------------- */

static void add_probe(struct import_entry *entry, const struct device *device, const char *port)
{
    const char *cli = import_text(device->server, "stm32cli");
    struct buf flash = BUF_INIT(8192), reset = BUF_INIT(8192);

    buf_addf(&flash, "{cubeprogrammer: {port: %s, serial: \"%s\"", port, device->serial);
    if (cli && cli[0] == '/' && !device->far) {
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

/* The chip's own bootloader: with hil beside it, hil's own driver. */
static void add_usb(struct import_entry *entry, const struct device *device)
{
    if (device->far) {
        entry->flash = xasprintf("{cubeprogrammer: {port: USB1, serial: \"%s\"}}", device->serial);
        return;
    }
    entry->flash = xasprintf("{dfu: {serial: \"%s\", leave: false}}", device->serial);
    entry->reset = xasprintf("{dfu: {serial: \"%s\"}}", device->serial);
}

static void add_ways_in(struct import_entry *entry, const struct device *device)
{
    const char *interface = device->interface ? device->interface : "SWD";

    if (!device->serial) {
        import_needs(entry, "flash and reset drivers (it has no serial number)");
    } else if (!usb_serial_plain(device->serial)) {
        return; /* import_take() leaves it out */
    } else if (str_eq(interface, "USB")) {
        add_usb(entry, device);
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
    struct device device = device_of(node, servers);
    struct import_entry entry = {.name = import_name(node->key),
                                 .serial = xstrdup(device.serial),
                                 .server = device.far ? device.server->key : NULL};
    const char *server = import_text(node, "server");

    if (server && !device.far)
        strv_add(&entry.labels, server);
    add_ways_in(&entry, &device);
    if (device.nrst) {
        free(entry.reset);
        entry.reset = hub_driver(&device, "");
    }
    if (device.power)
        entry.power = hub_driver(&device, "");
    entry.recovery = hub_bootloader(&device);
    import_take(importer, &entry);
    import_entry_done(&entry);
}

/* ---- the servers ----------------------------------------------------------------------------- */

static void add_quoted(struct buf *out, const char *key, const char *value)
{
    if (!value)
        return;
    buf_addf(out, ", %s: ", key);
    board_yaml_quoted(out, value);
}

static uint64_t limit_of(const struct yaml_node *server)
{
    const char *text = import_text(server, "max_parallel");
    uint64_t limit;

    return text && str_to_u64(text, PARALLEL_MAX, "max_parallel", &limit, NULL) == 0 ? limit : 0;
}

/* "\n  pi1: {hosts: [...], user: pi, max-parallel: 4, exec: {...}}" */
static void add_server(const struct yaml_node *server, struct buf *out)
{
    static const char *const keys[] = {"key", "key_file", "keyfile", "identity_file"};
    cleanup_strv struct strv hosts = hosts_of(server);
    const char *hub = import_text(server, "hub_cli"), *cli = import_text(server, "stm32cli");
    const char *key = NULL;

    buf_addf(out, "\n  %s: {hosts: [", server->key);
    for (size_t i = 0; i < hosts.count; i++) {
        buf_adds(out, i ? ", " : "");
        board_yaml_quoted(out, hosts.items[i]);
    }
    buf_adds(out, "]");
    add_quoted(out, "user", import_text(server, "user"));
    add_quoted(out, "port", import_text(server, "port"));
    for (size_t i = 0; i < ARRAY_SIZE(keys) && !key; i++)
        key = import_text(server, keys[i]);
    add_quoted(out, "key", key);
    if (limit_of(server))
        buf_addf(out, ", max-parallel: %" PRIu64, limit_of(server));
    buf_adds(out, ", exec: {programmer: ");
    board_yaml_quoted(out, cli ? cli : "STM32_Programmer_CLI");
    if (hub) {
        buf_adds(out, ", hub: [python3, ");
        board_yaml_quoted(out, hub);
        buf_adds(out, "]");
    }
    buf_adds(out, "}}");
}

/* Of servers that are this host, or that have no name by which to reach them. Where there are
 * several, nobody knows which one this is. */
static void note_limit(struct importer *importer, const struct yaml_node *server, size_t here)
{
    uint64_t limit = limit_of(server);

    if (limit && here == 1)
        importer->result->max_parallel = limit;
    else if (limit)
        strv_addf(&importer->result->notes,
                  "%s flashes at most %" PRIu64 " boards at once: on that host, lab.yaml is to "
                  "have max-parallel: {lab: %" PRIu64 "}",
                  server->key, limit, limit);
}

static void read_servers(struct importer *importer, const struct yaml_node *servers)
{
    struct buf out = BUF_INIT(65536);
    size_t here = 0;

    for (const struct yaml_node *server = servers->first; server; server = server->next)
        here += !is_far(server);
    for (const struct yaml_node *server = servers->first; server; server = server->next) {
        if (is_far(server))
            add_server(server, &out);
        else
            note_limit(importer, server, here);
        if (is_far(server) && import_text(server, "password"))
            strv_addf(&importer->result->notes,
                      "%s: its password is left out; ssh takes a key: ssh-copy-id", server->key);
    }
    if (out.size)
        importer->result->servers = buf_steal(&out);
    buf_done(&out);
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
        read_servers(importer, servers);
    return true;
}
