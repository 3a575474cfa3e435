/* SPDX-License-Identifier: MIT */
#include "board/import_parts.h"

#include "conf/name.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void import_entry_done(struct import_entry *entry)
{
    free(entry->name);
    free(entry->serial);
    free(entry->tty);
    strv_done(&entry->labels);
    free(entry->flash);
    free(entry->reset);
    free(entry->power);
    free(entry->recovery);
    free(entry->format);
    free(entry->timeouts);
    free(entry->missing);
}

char *import_name(const char *text)
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

static void add_labels(const struct import_entry *entry, struct buf *out)
{
    cleanup_strv struct strv labels = {0};

    for (size_t i = 0; i < entry->labels.count; i++) {
        cleanup_free char *label = import_name(entry->labels.items[i]);
        if (name_valid(label) && strcmp(label, entry->name) != 0 && !strv_has(&labels, label))
            strv_add(&labels, label);
    }
    if (!labels.count)
        return;
    buf_adds(out, "  labels: [");
    for (size_t i = 0; i < labels.count; i++)
        buf_addf(out, "%s%s", i ? ", " : "", labels.items[i]);
    buf_adds(out, "]\n");
}

/* What the file says, else the tty of the plugged device with this serial number. */
static void add_console(const struct importer *importer, const struct import_entry *entry,
                        struct buf *out, struct buf *missing)
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

static void add_key(struct buf *out, const char *key, const char *value)
{
    if (value)
        buf_addf(out, "  %s: %s\n", key, value);
}

static void write_entry(struct importer *importer, const struct import_entry *entry)
{
    cleanup_buf struct buf lines = BUF_INIT(65536), missing = BUF_INIT(4096);
    cleanup_free char *comment = NULL;

    buf_addf(&lines, "%s:", entry->name);
    if (entry->serial)
        buf_addf(&lines, " # serial number %s", entry->serial);
    buf_adds(&lines, "\n");
    add_key(&lines, "server", entry->server);
    add_labels(entry, &lines);
    add_key(&lines, "flash", entry->flash);
    add_key(&lines, "reset", entry->reset);
    add_key(&lines, "power", entry->power);
    add_key(&lines, "recovery", entry->recovery);
    add_key(&lines, "format", entry->format);
    add_key(&lines, "timeouts", entry->timeouts);
    buf_adds(&missing, entry->missing ? entry->missing : "");
    if (!entry->server) /* what is plugged in here is none of that board's */
        add_console(importer, entry, &lines, &missing);
    comment = missing.size ? board_yaml_comment(lines.data, missing.data) : NULL;
    buf_adds(importer->out, comment ? comment : lines.data);
    importer->result->boards++;
    importer->result->comments += comment != NULL;
    strv_add(&importer->names, entry->name);
}

/* "name:" somewhere in the lab's text: its boards, and those that are comments still. */
static bool has_heading(const char *text, const char *name)
{
    cleanup_free char *heading = xasprintf(" %s:", name);

    return strstr(text, heading) || strstr(text, heading + 1) == text;
}

/* True where the lab has it, or its name, already; then that is told. */
static bool is_there(struct importer *importer, const struct import_entry *entry)
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
        strv_addf(&importer->result->skipped, "%s: %s", entry->name, why);
    return why;
}

void import_take(struct importer *importer, struct import_entry *entry)
{
    if (entry->serial && !usb_serial_plain(entry->serial)) {
        strv_addf(&importer->result->skipped, "%s: its serial number has odd characters",
                  entry->name);
        return;
    }
    if (!is_there(importer, entry))
        write_entry(importer, entry);
}

/* ---- reading --------------------------------------------------------------------------------- */

const char *import_text(const struct yaml_node *map, const char *key)
{
    const struct yaml_node *node = map ? yaml_get(map, key) : NULL;

    return node && node->kind == YAML_SCALAR ? node->text : NULL;
}

void import_words(struct strv *ret, const struct yaml_node *node)
{
    if (node && node->kind == YAML_SCALAR)
        strv_split(ret, node->text, ' ');
    for (const struct yaml_node *item = node && node->kind == YAML_LIST ? node->first : NULL; item;
         item = item->next)
        if (item->kind == YAML_SCALAR)
            strv_add(ret, item->text);
}

void import_needs(struct import_entry *entry, const char *what)
{
    char *all = xasprintf("%s%s; ", entry->missing ? entry->missing : "", what);

    for (char *at = all; *at; at++) /* it becomes a comment, which nothing in it may end */
        if (*at < ' ' || *at > '~')
            *at = '?';
    free(entry->missing);
    entry->missing = all;
}

/* ---- all of a file --------------------------------------------------------------------------- */

static int read_file(struct importer *importer, const struct yaml_node *root, const char *name,
                     struct err *err)
{
    if (import_config(importer, root) || import_twister(importer, root) ||
        import_list(importer, root))
        return 0;
    return err_set(
        err, ERR_CONFIG,
        "%s: neither a config.json with 'devices', nor a hardware map of Twister's (a list "
        "with 'platform'), nor a list of boards with 'port' and 'flasher'",
        name);
}

int import_boards(const char *text, size_t size, const char *name, const struct usb_tree *tree,
                  const char *lab_text, struct buf *ret, struct imported *ret_count,
                  struct err *err)
{
    struct importer importer = {
        .tree = tree, .lab_text = lab_text, .out = ret, .result = ret_count};
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
    strv_done(&imported->notes);
    free(imported->servers);
}
