/* SPDX-License-Identifier: MIT */
#include "board/import.h"

#include "conf/name.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HUB_PORTS 16 /* USB1 to USB16: bits 0 to 15 of a mask */

/* What both kinds of file say of a board, as far as they do. */
struct entry {
    char *name, *serial;
    char *tty;                             /* NULL: not said */
    uint64_t baud;                         /* 0: not said */
    struct strv labels;                    /* may hold what no label can be */
    char *flash, *reset, *power, *missing; /* YAML; NULL: none; missing: "a; b; " or "" */
};

struct importer {
    const struct usb_tree *tree;
    const char *lab_text;
    struct strv names; /* taken by earlier entries */
    struct buf *out;
    struct imported *count;
};

static void entry_done(struct entry *entry)
{
    free(entry->name);
    free(entry->serial);
    free(entry->tty);
    strv_done(&entry->labels);
    free(entry->flash);
    free(entry->reset);
    free(entry->power);
    free(entry->missing);
}

/* As a name or label may be: other characters become '-', and it ends at the first '/'. */
static char *as_name(const char *text)
{
    char *name = xstrndup(text, strcspn(text, "/"));
    size_t length = strlen(name);

    for (char *at = name; *at; at++) {
        char one[] = {'a', *at, '\0'};
        if (!name_valid(one))
            *at = '-';
    }
    while (length && name[length - 1] == '-')
        name[--length] = '\0';
    return name;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void add_labels(const struct entry *entry, struct buf *out)
{
    cleanup_strv struct strv labels = {0};

    for (size_t i = 0; i < entry->labels.count; i++) {
        cleanup_free char *label = as_name(entry->labels.items[i]);
        if (name_valid(label) && strcmp(label, entry->name) != 0 && !strv_has(&labels, label))
            strv_add(&labels, label);
    }
    buf_adds(out, "  labels: [");
    for (size_t i = 0; i < labels.count; i++)
        buf_addf(out, "%s%s", i ? ", " : "", labels.items[i]);
    buf_adds(out, "]\n");
}

/* What the file says, else the tty of the plugged device with this serial number. */
static void add_console(const struct importer *importer, const struct entry *entry, struct buf *out,
                        struct buf *missing)
{
    size_t count = 0;
    const struct usb_device *device =
        entry->serial ? usb_with_serial(importer->tree, entry->serial, &count) : NULL;

    if (!entry->tty && !(count == 1 && device->tty_count)) {
        buf_adds(missing, "a console; ");
        return;
    }
    buf_adds(out, "  console: {serial: {");
    if (entry->tty) {
        buf_adds(out, "path: ");
        board_yaml_quoted(out, entry->tty);
    } else if (device->tty_count == 1) {
        buf_adds(out, "usb-serial: ");
        board_yaml_quoted(out, entry->serial);
    } else {
        buf_adds(out, "path: ");
        board_yaml_quoted(out,
                          device->ttys[0].by_id ? device->ttys[0].by_id : device->ttys[0].node);
    }
    buf_addf(out, ", baud: %" PRIu64 "}}\n", entry->baud ? entry->baud : 115200);
}

static void write_entry(struct importer *importer, const struct entry *entry)
{
    cleanup_buf struct buf lines = BUF_INIT(65536), missing = BUF_INIT(4096);
    cleanup_free char *comment = NULL;

    buf_addf(&lines, "%s:", entry->name);
    if (entry->serial)
        buf_addf(&lines, " # serial number %s", entry->serial);
    buf_adds(&lines, "\n");
    add_labels(entry, &lines);
    if (entry->flash)
        buf_addf(&lines, "  flash: %s\n", entry->flash);
    if (entry->reset)
        buf_addf(&lines, "  reset: %s\n", entry->reset);
    if (entry->power)
        buf_addf(&lines, "  power: %s\n", entry->power);
    buf_adds(&missing, entry->missing ? entry->missing : "");
    add_console(importer, entry, &lines, &missing);
    comment = missing.size ? board_yaml_comment(lines.data, missing.data) : NULL;
    buf_adds(importer->out, comment ? comment : lines.data);
    importer->count->boards++;
    importer->count->comments += comment != NULL;
    strv_add(&importer->names, entry->name);
}

/* "name:" somewhere in the lab's text: its boards, and those that are comments still. */
static bool has_heading(const char *text, const char *name)
{
    cleanup_free char *heading = xasprintf(" %s:", name);

    return strstr(text, heading) || strstr(text, heading + 1) == text;
}

/* True where the lab has it, or its name, already; then that is told. */
static bool is_there(struct importer *importer, const struct entry *entry)
{
    const char *why = NULL;

    if (!name_valid(entry->name))
        why = "no board can be called so";
    else if (strv_has(&importer->names, entry->name) ||
             has_heading(importer->lab_text, entry->name))
        why = "there is a board of this name";
    else if (entry->serial && plugged_has_serial(importer->lab_text, entry->serial))
        why = "its serial number is in the lab's file";
    if (why)
        strv_addf(&importer->count->skipped, "%s: %s", entry->name, why);
    return why;
}

static void take_entry(struct importer *importer, struct entry *entry)
{
    if (entry->serial && !usb_serial_plain(entry->serial)) {
        strv_addf(&importer->count->skipped, "%s: its serial number has odd characters",
                  entry->name);
        return;
    }
    if (!is_there(importer, entry))
        write_entry(importer, entry);
}

/* ---- config.json ----------------------------------------------------------------------------- */

/* Other keys are for programs that reach the server. */
static const char *text_of(const struct yaml_node *map, const char *key)
{
    const struct yaml_node *node = map && map->kind == YAML_MAP ? yaml_get(map, key) : NULL;

    return node && node->kind == YAML_SCALAR ? node->text : NULL;
}

static bool is_true(const struct yaml_node *map, const char *key)
{
    return str_eq(text_of(map, key), "true");
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

/* "[python3, HUB_CLI, COMMAND, 0x0004]" */
static void add_hub_call(struct buf *out, const char *hub, const char *command, unsigned mask)
{
    buf_adds(out, "[python3, ");
    board_yaml_quoted(out, hub);
    buf_addf(out, ", %s, \"0x%04x\"]", command, mask);
}

/* "{cmd: {FIRST: [...], SECOND: [...]}}", or both in one list where there is no SECOND. */
static char *hub_pair(const char *hub, unsigned mask, const char *on, const char *off, bool reset)
{
    cleanup_buf struct buf out = BUF_INIT(4096);

    buf_adds(&out, reset ? "{cmd: {run: [" : "{cmd: {on: ");
    add_hub_call(&out, hub, on, mask);
    buf_adds(&out, reset ? ", " : ", off: ");
    add_hub_call(&out, hub, off, mask);
    buf_adds(&out, reset ? "]}}" : "}}");
    return buf_steal(&out);
}

static char *cube_call(const char *cli, const char *serial, const char *more)
{
    cleanup_buf struct buf out = BUF_INIT(4096);

    buf_adds(&out, "{cmd: {run: [");
    board_yaml_quoted(&out, cli ? cli : "STM32_Programmer_CLI");
    buf_addf(&out, ", -c, port=SWD, \"sn=%s\", %s]}}", serial, more);
    return buf_steal(&out);
}

static void read_device(struct importer *importer, const struct yaml_node *node,
                        const struct yaml_node *servers)
{
    const char *serial = text_of(node, "serial"), *server_name = text_of(node, "server");
    const struct yaml_node *server = servers && server_name ? yaml_get(servers, server_name) : NULL;
    const struct yaml_node *signals = node->kind == YAML_MAP ? yaml_get(node, "signals") : NULL;
    const char *hub = text_of(server, "hub_cli");
    unsigned mask = hub ? hub_mask(text_of(node, "hub_port")) : 0;
    struct entry entry = {.name = as_name(node->key), .serial = xstrdup(serial)};
    bool plain = serial && usb_serial_plain(serial);

    if (server_name)
        strv_add(&entry.labels, server_name);
    if (plain && str_eq(text_of(node, "default_interface"), "USB")) {
        entry.flash = xasprintf("{dfu: {serial: \"%s\", leave: false}}", serial);
        entry.reset = xasprintf("{dfu: {serial: \"%s\"}}", serial);
    } else if (plain) {
        entry.flash = cube_call(text_of(server, "stm32cli"), serial, "-w, \"{file}\", -v");
        entry.reset = cube_call(text_of(server, "stm32cli"), serial, "-rst");
    } else if (!serial) {
        entry.missing = xstrdup("flash and reset drivers (it has no serial number); ");
    }
    if (mask && is_true(signals, "nrst")) {
        free(entry.reset);
        entry.reset = hub_pair(hub, mask, "nrst_on", "nrst_off", true);
    }
    if (mask && is_true(server, "power_control"))
        entry.power = hub_pair(hub, mask, "power_on", "power_off", false);
    take_entry(importer, &entry);
    entry_done(&entry);
}

/* ---- Twister's hardware map ------------------------------------------------------------------ */

/* Zephyr's runners that need no more than the probe's number; @ stands for that. */
static const struct {
    const char *runner, *flash, *reset;
} runners[] = {
    {"stm32cubeprogrammer",
     "{cmd: {run: [STM32_Programmer_CLI, -c, port=SWD, \"sn=@\", -w, \"{file}\", -v]}}",
     "{cmd: {run: [STM32_Programmer_CLI, -c, port=SWD, \"sn=@\", -rst]}}"},
    {"nrfjprog",
     "{cmd: {run: [nrfjprog, --snr, \"@\", --program, \"{file}\", --sectorerase, --verify]}}",
     "{cmd: {run: [nrfjprog, --snr, \"@\", --reset]}}"},
    {"nrfutil",
     "{cmd: {run: [nrfutil, device, program, --serial-number, \"@\", --firmware, \"{file}\"]}}",
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

static void add_openocd_ways(struct entry *entry, const char *product, const char *platform)
{
    cleanup_buf struct buf way = BUF_INIT(4096);
    const char *known = board_yaml_target(platform), *target = known ? known : "TARGET";

    board_yaml_openocd(&way, interface_of(product), "serial", entry->serial, target);
    entry->reset = xstrdup(way.data);
    entry->flash = buf_steal(&way);
    if (!known)
        entry->missing = xstrdup("the chip's OpenOCD target for TARGET; ");
}

static void add_ways(struct entry *entry, const struct yaml_node *node, const char *platform)
{
    const char *runner = text_of(node, "runner");
    bool plain = entry->serial && usb_serial_plain(entry->serial);

    for (size_t i = 0; plain && i < ARRAY_SIZE(runners); i++) {
        if (!str_eq(runner, runners[i].runner))
            continue;
        entry->flash = with_number(runners[i].flash, entry->serial);
        entry->reset = with_number(runners[i].reset, entry->serial);
        return;
    }
    if (plain && str_eq(runner, "openocd"))
        add_openocd_ways(entry, text_of(node, "product"), platform);
    else
        entry->missing = xstrdup("flash and reset drivers; ");
}

static void add_all(struct strv *list, const struct yaml_node *node)
{
    if (node && node->kind == YAML_SCALAR)
        strv_split(list, node->text, ' ');
    for (const struct yaml_node *item = node && node->kind == YAML_LIST ? node->first : NULL; item;
         item = item->next)
        if (item->kind == YAML_SCALAR)
            strv_add(list, item->text);
}

static void read_dut(struct importer *importer, const struct yaml_node *node, int number)
{
    const char *id = text_of(node, "probe_id"), *tty = text_of(node, "serial");
    const char *baud = text_of(node, "baud");
    struct entry entry = {0};
    cleanup_free char *name = NULL;

    add_all(&entry.labels, yaml_get(node, "platform"));
    add_all(&entry.labels, yaml_get(node, "fixtures"));
    if (!entry.labels.count) {
        entry_done(&entry);
        return;
    }
    name = as_name(entry.labels.items[0]);
    entry.name = xasprintf("%s-%d", name, number);
    entry.serial = xstrdup(id ? id : text_of(node, "id"));
    if (tty && str_starts(tty, "/dev/"))
        entry.tty = xstrdup(tty);
    if (baud)
        str_to_u64(baud, 12000000, "baud", &entry.baud, NULL);
    add_ways(&entry, node, name);
    take_entry(importer, &entry);
    entry_done(&entry);
}

/* ---- all of a file --------------------------------------------------------------------------- */

static int read_file(struct importer *importer, const struct yaml_node *root, const char *name,
                     struct err *err)
{
    const struct yaml_node *devices = root->kind == YAML_MAP ? yaml_get(root, "devices") : NULL;
    const struct yaml_node *servers = root->kind == YAML_MAP ? yaml_get(root, "servers") : NULL;
    int number = 1;

    if (devices && devices->kind == YAML_MAP) {
        if (servers && servers->kind != YAML_MAP)
            servers = NULL;
        for (const struct yaml_node *node = devices->first; node; node = node->next)
            read_device(importer, node, servers);
        return 0;
    }
    if (root->kind != YAML_LIST || !root->first || root->first->kind != YAML_MAP ||
        !yaml_get(root->first, "platform"))
        return err_set(err, ERR_CONFIG,
                       "%s: neither a config.json with 'devices' nor a hardware map of Twister's "
                       "(a list with 'platform')",
                       name);
    for (const struct yaml_node *node = root->first; node; node = node->next, number++)
        if (node->kind == YAML_MAP)
            read_dut(importer, node, number);
    return 0;
}

int import_boards(const char *text, size_t size, const char *name, const struct usb_tree *tree,
                  const char *lab_text, struct buf *ret, struct imported *ret_count,
                  struct err *err)
{
    struct importer importer = {.tree = tree, .lab_text = lab_text, .out = ret, .count = ret_count};
    struct diags diags = {0};
    struct yaml_tree *file;
    int rc;

    *ret_count = (struct imported){0};
    rc = yaml_parse(text, size, name, &file, &diags, err);
    if (rc < 0) {
        rc = diags_check(&diags, err);
    } else {
        rc = read_file(&importer, yaml_root(file), name, err);
        yaml_tree_free(file);
    }
    diags_done(&diags);
    strv_done(&importer.names);
    return rc;
}

void imported_done(struct imported *imported)
{
    strv_done(&imported->skipped);
}
