/* SPDX-License-Identifier: MIT
 *
 * boards.yml, as scripts around a serial port have it: boards with `port`, `flasher` and `pattern`,
 * in a list or by name, at the top or below `boards`.
 *
 * A flasher is the name of a program that hil knows, or a command line. A port that is plugged in
 * now is written by the name that lasts, and its probe tells its serial number.
 */
#include "board/import_parts.h"

#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MAX 86400

/* What templates can take from a board; NULL: it does not say. */
struct facts {
    const char *serial, *port, *target, *path;
};

/* In templates @s @p @t @h are the probe's serial number, the tty, the target and the hub path, in
 * quotes; <...> is left out where one of those within is not known. */
static const struct {
    const char *names; /* with blanks around */
    const char *flash, *reset;
} flashers[] = {
    {" st-flash stlink ", "{st-flash: {<serial: @s>}}",
     "{cmd: {run: [st-flash<, --serial, @s>, reset]}}"},
    {" cubeprogrammer stm32cubeprogrammer stm32_programmer_cli ",
     "{cubeprogrammer: {<serial: @s>}}",
     "{cmd: {run: [STM32_Programmer_CLI, -c, port=SWD<, sn=@s>, -rst]}}"},
    {" pyocd ", "{pyocd: {target: @t<, serial: @s>}}",
     "{cmd: {run: [pyocd, reset, --target, @t<, --uid, @s>]}}"},
    {" probe-rs probe-run ", "{probe-rs: {chip: @t}}",
     "{cmd: {run: [probe-rs, reset, --chip, @t]}}"},
    {" jlink j-link jlinkexe ", "{jlink: {device: @t}}", NULL},
    {" nrfutil ", "{nrfutil: {<serial: @s>}}",
     "{cmd: {run: [nrfutil, device, reset<, --serial-number, @s>]}}"},
    {" nrfjprog ",
     "{cmd: {run: [nrfjprog<, --snr, @s>, --program, \"{file}\", --sectorerase, --verify]}}",
     "{cmd: {run: [nrfjprog<, --snr, @s>, --reset]}}"},
    {" esptool esptool.py ", "{esptool: {port: @p<, chip: @t>}}", "{serial: {pattern: esptool}}"},
    {" avrdude ", "{avrdude: {part: @t, programmer: arduino, port: @p}}",
     "{serial: {pattern: arduino}}"},
    {" stm32flash ", "{stm32flash: {port: @p}}", NULL},
    {" bossac ", "{bossac: {port: @p}}", NULL},
    {" dfu-util dfu ", "{dfu: {path: @h, leave: false}}", "{dfu: {path: @h}}"},
    {" picotool ", "{picotool: {<serial: @s>}}", NULL},
};

/* ---- templates ------------------------------------------------------------------------------- */

static const char *fact(const struct facts *facts, char letter, const char **ret_what)
{
    switch (letter) {
    case 's':
        *ret_what = "its probe's serial number";
        return facts->serial;
    case 'p':
        *ret_what = "its tty";
        return facts->port;
    case 't':
        *ret_what = "the chip, as its flasher calls it (target)";
        return facts->target;
    default:
        *ret_what = "where it is plugged (a hub path)";
        return facts->path;
    }
}

static bool has_all(const char *group, const struct facts *facts)
{
    const char *what;

    for (; *group && *group != '>'; group++)
        if (*group == '@' && !fact(facts, group[1], &what))
            return false;
    return true;
}

/* NULL where something is missing, which is then told. */
static char *fill(const char *template, const struct facts *facts, struct import_entry *entry)
{
    struct buf out = BUF_INIT(16384);
    bool whole = true;

    for (const char *at = template; at && *at; at++) {
        const char *what, *value;
        if (*at == '<' && !has_all(at, facts)) {
            at = strchr(at, '>');
        } else if (*at == '@') {
            value = fact(facts, *++at, &what);
            if (!value && whole)
                import_needs(entry, what);
            whole = whole && value;
            board_yaml_quoted(&out, value);
        } else if (*at != '<' && *at != '>') {
            buf_add(&out, at, 1);
        }
    }
    if (whole)
        return buf_steal(&out);
    buf_done(&out);
    return NULL;
}

/* ---- command lines --------------------------------------------------------------------------- */

/* Words as a shell parts them; false where only a shell could say what is meant. */
static bool part(const char *line, struct strv *ret)
{
    cleanup_buf struct buf word = BUF_INIT(65536);
    bool within = false;
    char quote = '\0';

    for (const char *at = line;; at++) {
        if (quote && *at == quote) {
            quote = '\0';
        } else if (quote ? *at && *at != '$' && *at != '`' && *at != '\\' : false) {
            buf_add(&word, at, 1);
        } else if (*at && strchr("|&;<>$`()*?\\\n", *at)) {
            return false;
        } else if (*at == '\'' || *at == '"') {
            quote = *at;
            within = true;
        } else if (*at && *at != ' ' && *at != '\t') {
            buf_add(&word, at, 1);
            within = true;
        } else {
            if (within)
                strv_add(ret, word.data);
            buf_clear(&word);
            within = false;
            if (!*at)
                return !quote;
        }
    }
}

/* A word with other programs' names for the firmware as ours; *ret_file: it has one. */
static char *translate(const char *word, const struct facts *facts, struct import_entry *entry,
                       bool *ret_file)
{
    static const char *const files = " {file} {firmware} {image} {binary} {bin} {elf} {hex} {fw} ";
    struct buf out = BUF_INIT(65536);

    for (const char *at = word; *at; at++) {
        size_t length = *at == '{' ? strcspn(at, "}") + 1 : 0;
        cleanup_free char *name = length ? xstrndup(at, length) : NULL;
        cleanup_free char *spaced = name ? xasprintf(" %s ", name) : NULL;
        const char *value = !name                      ? NULL
                            : strstr(files, spaced)    ? "{file}"
                            : str_eq(name, "{port}")   ? facts->port
                            : str_eq(name, "{serial}") ? facts->serial
                                                       : NULL;
        if (!name) {
            buf_add(&out, at, 1);
            continue;
        }
        *ret_file = *ret_file || (value && str_eq(value, "{file}"));
        if (!value) {
            cleanup_free char *what = xasprintf("what %.40s stands for", name);
            import_needs(entry, what);
        }
        buf_adds(&out, value ? value : name);
        at += at[length - 1] ? length - 1 : length - 2;
    }
    return buf_steal(&out);
}

/* "{cmd: {run: [...]}}" of a command line or a list; NULL where it cannot be. */
static char *command(const struct yaml_node *node, const struct facts *facts,
                     struct import_entry *entry, bool *ret_file)
{
    cleanup_strv struct strv words = {0};
    struct buf out = BUF_INIT(262144);

    if (node->kind == YAML_LIST) {
        import_words(&words, node);
    } else if (!part(node->text, &words)) {
        cleanup_free char *what =
            xasprintf("a script, as only a shell can run: %.200s", node->text);
        import_needs(entry, what);
        return NULL;
    }
    if (!words.count)
        return NULL;
    buf_adds(&out, "{cmd: {run: [");
    for (size_t i = 0; i < words.count; i++) {
        cleanup_free char *word = translate(words.items[i], facts, entry, ret_file);
        buf_adds(&out, i ? ", " : "");
        board_yaml_quoted(&out, word);
    }
    buf_adds(&out, "]}}");
    return buf_steal(&out);
}

/* ---- ways in --------------------------------------------------------------------------------- */

static void add_openocd(struct import_entry *entry, const struct usb_device *probe,
                        const struct facts *facts)
{
    const char *target = facts->target ? facts->target : board_yaml_target(entry->name);
    const char *interface = probe ? probe->known->openocd : NULL;
    struct buf way = BUF_INIT(16384);

    if (!interface)
        import_needs(entry, "OpenOCD's interface script for INTERFACE");
    if (!target)
        import_needs(entry, "the chip's OpenOCD target for TARGET");
    if (facts->serial)
        board_yaml_openocd(&way, interface ? interface : "INTERFACE", "serial", facts->serial,
                           target ? target : "TARGET");
    else if (facts->path)
        board_yaml_openocd(&way, interface ? interface : "INTERFACE", "location", facts->path,
                           target ? target : "TARGET");
    else
        import_needs(entry, "the serial number of its probe");
    entry->reset = way.size ? xstrdup(way.data) : NULL;
    entry->flash = way.size ? buf_steal(&way) : NULL;
    buf_done(&way);
}

static bool add_known(struct import_entry *entry, const char *flasher, const struct facts *facts)
{
    cleanup_free char *name = xasprintf(" %s ", flasher);

    for (char *at = name; *at; at++)
        *at = *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at;
    for (size_t i = 0; i < ARRAY_SIZE(flashers); i++) {
        if (!strstr(flashers[i].names, name))
            continue;
        entry->flash = fill(flashers[i].flash, facts, entry);
        if (!flashers[i].reset)
            import_needs(entry, "a reset or power driver");
        else if (entry->flash)
            entry->reset = fill(flashers[i].reset, facts, entry);
        return true;
    }
    return false;
}

static void add_ways_in(struct import_entry *entry, const struct yaml_node *node,
                        const struct usb_device *probe, const struct facts *facts)
{
    const struct yaml_node *flasher = yaml_get(node, "flasher"), *reset = yaml_get(node, "reset");
    const char *name = import_text(node, "flasher");
    bool has_file = false, ignored = false;

    if (name && str_eq(name, "openocd")) {
        add_openocd(entry, probe, facts);
    } else if (!flasher || flasher->kind == YAML_NULL || flasher->kind == YAML_MAP) {
        import_needs(entry, "flash and reset drivers");
    } else if (!name || !add_known(entry, name, facts)) {
        entry->flash = command(flasher, facts, entry, &has_file);
        if (entry->flash && !has_file)
            import_needs(entry, "{file} in its command, where the firmware stands");
        if (!reset)
            import_needs(entry, "a reset or power driver");
    }
    if (!reset || (reset->kind != YAML_SCALAR && reset->kind != YAML_LIST))
        return;
    free(entry->reset);
    entry->reset = command(reset, facts, entry, &ignored);
}

/* ---- the rest -------------------------------------------------------------------------------- */

static const char *first_text(const struct yaml_node *node, const char *const *keys)
{
    const char *text = NULL;

    for (; *keys && !text; keys++)
        text = import_text(node, *keys);
    return text;
}

static void add_pattern(struct buf *out, const char *key, const char *pattern)
{
    if (!pattern)
        return;
    buf_addf(out, "%s%s: ", out->size > strlen("{regex: {") ? ", " : "", key);
    board_yaml_quoted(out, pattern);
}

/* One pattern says that all is well, and that it is the end. */
static char *format_of(const struct yaml_node *pattern)
{
    static const char *const passes[] = {"pass", "ok", "success", NULL};
    static const char *const fails[] = {"fail", "error", "failure", NULL};
    static const char *const ends[] = {"end", "done", NULL};
    struct buf out = BUF_INIT(65536);
    const char *pass, *end;

    if (!pattern || (pattern->kind != YAML_SCALAR && pattern->kind != YAML_MAP))
        return NULL;
    pass = pattern->kind == YAML_SCALAR ? pattern->text : first_text(pattern, passes);
    end = pattern->kind == YAML_MAP ? first_text(pattern, ends) : NULL;
    if (!pass)
        return NULL;
    buf_adds(&out, "{regex: {");
    add_pattern(&out, "pass", pass);
    add_pattern(&out, "fail", pattern->kind == YAML_MAP ? first_text(pattern, fails) : NULL);
    add_pattern(&out, "skip", import_text(pattern, "skip"));
    add_pattern(&out, "end", end ? end : pass);
    buf_adds(&out, "}}");
    return buf_steal(&out);
}

/* Seconds. */
static char *timeouts_of(const char *text)
{
    uint64_t seconds;
    size_t length = text ? strlen(text) : 0;
    cleanup_free char *number =
        text ? xstrndup(text, length - (str_ends(text, "s") && length)) : NULL;

    if (!text || str_to_u64(number, TIMEOUT_MAX, "timeout", &seconds, NULL) < 0 || !seconds)
        return NULL;
    return xasprintf("{total: %ss}", number);
}

/* The tty by the name that lasts; *ret: the device that has it, NULL: none now. */
static void find_port(const struct importer *importer, const char *port, struct import_entry *entry,
                      const struct usb_device **ret)
{
    const struct usb_tty *tty = plugged_tty(importer->tree, port, ret);

    if (!port || !str_starts(port, "/dev/"))
        return;
    entry->tty =
        xstrdup(tty ? plugged_tty_name(tty, usb_serial_tells(importer->tree, *ret)) : port);
}

static void read_board(struct importer *importer, const struct yaml_node *node, const char *name)
{
    static const char *const serials[] = {"serial", "probe", "probe_id", "probe-id", NULL};
    static const char *const bauds[] = {"baud", "baudrate", NULL};
    static const char *const targets[] = {"target", "chip", "mcu", "device", "part", NULL};
    const char *baud = first_text(node, bauds);
    struct import_entry entry = {.name = import_name(name)};
    const struct usb_device *device = NULL, *probe;
    struct facts facts;

    find_port(importer, import_text(node, "port"), &entry, &device);
    probe = device && device->known && device->known->kind == USB_PROBE ? device : NULL;
    entry.serial = xstrdup(first_text(node, serials));
    if (!entry.serial && probe && usb_serial_tells(importer->tree, probe))
        entry.serial = xstrdup(probe->serial);
    if (baud)
        str_to_u64(baud, 12000000, "baud", &entry.baud, NULL);
    facts = (struct facts){entry.serial, entry.tty, first_text(node, targets),
                           device ? device->path : NULL};
    import_words(&entry.labels, yaml_get(node, "labels"));
    import_words(&entry.labels, yaml_get(node, "tags"));
    add_ways_in(&entry, node, probe, &facts);
    entry.format = format_of(yaml_get(node, "pattern"));
    entry.timeouts = timeouts_of(import_text(node, "timeout"));
    import_take(importer, &entry);
    import_entry_done(&entry);
}

static bool is_board(const struct yaml_node *node)
{
    return node->kind == YAML_MAP && (yaml_get(node, "port") || yaml_get(node, "flasher"));
}

bool import_list(struct importer *importer, const struct yaml_node *root)
{
    static const char *const names[] = {"name", "board", "id", NULL};
    const struct yaml_node *below = yaml_get(root, "boards"), *boards = below ? below : root;
    bool is_ours = false;
    int number = 1;

    for (const struct yaml_node *node = boards->first; node; node = node->next)
        is_ours = is_ours || is_board(node);
    for (const struct yaml_node *node = boards->first; node && is_ours; node = node->next) {
        cleanup_free char *numbered = xasprintf("board-%d", number++);
        const char *own = node->key ? node->key : first_text(node, names);
        if (is_board(node))
            read_board(importer, node, own ? own : numbered);
        else
            strv_addf(&importer->result->skipped, "%s: has neither port nor flasher",
                      own ? own : numbered);
    }
    return is_ours;
}
