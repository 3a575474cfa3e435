/* SPDX-License-Identifier: MIT */
#include "board/hub_controller.h"

#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/text.h"
#include "conf/lab.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MASK_ALL ((UINT64_C(1) << HUB_PORTS) - 1)
#define SHOWN 200 /* bytes of an output that nobody understands */

/* ---- configuration --------------------------------------------------------------------------- */

static uint64_t mask_of(const char *name)
{
    uint64_t number;

    if (strncasecmp(name, "usb", 3) != 0 ||
        str_to_u64(name + 3, HUB_PORTS, "port", &number, NULL) < 0 || !number)
        return 0;
    return UINT64_C(1) << (number - 1);
}

int hub_mask_parse(const char *text, uint64_t *ret, struct err *err)
{
    cleanup_strv struct strv parts = {0};
    uint64_t mask = 0;

    strv_split(&parts, text, ',');
    for (size_t i = 0; i < parts.count; i++) {
        uint64_t one = mask_of(parts.items[i]);
        if (!one && (str_to_u64(parts.items[i], MASK_ALL, "mask", &one, NULL) < 0 || !one))
            return err_set(
                err, ERR_USAGE,
                "'%.80s' is neither a mask of ports, 0x0001 to 0xffff, nor USB1 to USB%d",
                parts.items[i], HUB_PORTS);
        mask |= one;
    }
    *ret = mask;
    return mask ? 0 : err_set(err, ERR_USAGE, "no port is named");
}

void hub_mask_add(struct strv *argv, uint64_t mask)
{
    strv_addf(argv, "0x%04" PRIx64, mask);
}

static uint64_t mask_in(const struct yaml_node *driver)
{
    const struct yaml_node *node = driver ? yaml_get(driver, "hub-controller") : NULL;
    const struct yaml_node *port = node ? yaml_get(node, "port") : NULL;
    const struct yaml_node *mask = node ? yaml_get(node, "mask") : NULL;
    uint64_t found = 0;

    if (!port)
        port = mask;
    if (port && port->kind == YAML_SCALAR && hub_mask_parse(port->text, &found, NULL) < 0)
        return 0;
    return found;
}

uint64_t hub_mask_of_board(const struct board_conf *board)
{
    return mask_in(board->power) | mask_in(board->reset) | mask_in(board->recovery.bootloader);
}

void hub_port_check(struct hub_port *port, const struct yaml_node *node, struct diags *diags)
{
    struct err err = {0};

    if (!port->port == !port->mask)
        diag_key(diags, node, "hub-controller needs 'port', such as USB3, or 'mask'%s",
                 port->port ? ", not both" : "");
    else if (port->port && hub_mask_parse(port->port, &port->mask, &err) < 0)
        diag_node(diags, yaml_get(node, "port"), "%s", err.message);
}

void hub_port_place(struct hub_port *port, const struct driver_env *env,
                    const struct yaml_node *node, struct diags *diags)
{
    bool own = port->command.count;

    for (size_t i = 0; !own && env->hub && i < env->hub->count; i++)
        strv_add(&port->command, env->hub->items[i]);
    if (port->command.count)
        return;
    diag_key(diags, node,
             "hub-controller has no program: give it 'command', or say it once for the host: %s",
             env->far ? "exec: {hub: [python3, hub_cli.py]} of the server"
                      : "hub-controller: [python3, hub_cli.py]");
}

/* ---- its commands ---------------------------------------------------------------------------- */

int hub_port_do(const struct hub_port *port, const char *command, const char *log,
                const struct driver_env *env, const struct ctx *ctx, struct err *err)
{
    cleanup_strv struct strv argv = {0};
    int rc;

    for (size_t i = 0; i < port->command.count; i++)
        strv_add(&argv, port->command.items[i]);
    strv_add(&argv, command);
    hub_mask_add(&argv, port->mask);
    rc = driver_run(env, &argv, log, ctx, err);
    return rc < 0 ? err_wrap(err, "%s", command) : 0;
}

int hub_port_has_power(const struct hub_port *port, const struct driver_env *env,
                       const struct ctx *ctx, bool *ret, struct err *err)
{
    cleanup_strv struct strv argv = {0};
    struct hub_state state = {0};
    struct proc_result result;
    int rc;

    for (size_t i = 0; i < port->command.count; i++)
        strv_add(&argv, port->command.items[i]);
    strv_add(&argv, "get_power_state");
    rc = driver_exec(env, &(struct proc_spec){.argv = (const char *const *)argv.items}, NULL, 0,
                     ctx, &result, err);
    if (rc == 0)
        rc = proc_check(fs_basename(argv.items[0]), &result, err);
    if (rc == 0)
        rc = hub_state_parse(result.tail, &state, err);
    if (rc == 0 && (state.known & port->mask) != port->mask)
        rc = err_set(err, ERR_PROTOCOL, "it says nothing of 0x%04" PRIx64, port->mask);
    if (rc < 0)
        return err_wrap(err, "get_power_state");
    *ret = (state.on & port->mask) == port->mask;
    return 0;
}

/* ---- what get_power_state prints ------------------------------------------------------------- */

struct reading {
    struct hub_state listed;
    uint64_t pending; /* the port whose state comes next; 0: none */
    bool port_word;   /* "port": its number comes next */
    uint64_t number;  /* alone so far; what it is shows what follows */
    bool has_number, is_hex;
    uint64_t mask, hex_mask;
    size_t masks, hex_masks; /* numbers that stood alone */
};

static bool is_made_of(const char *text, const char *characters)
{
    return *text && !text[strspn(text, characters)];
}

/* A decimal number, or one whose prefix says otherwise: 0x, 0b, and "00f0" is hexadecimal, too. */
static bool read_number(const char *word, uint64_t *ret, bool *ret_hex)
{
    static const char hex[] = "0123456789abcdefABCDEF";
    int base = !strncasecmp(word, "0b", 2) && is_made_of(word + 2, "01")  ? 2
               : !strncasecmp(word, "0x", 2) && is_made_of(word + 2, hex) ? 16
               : word[0] == '0' && word[1] && is_made_of(word, hex)       ? 16
                                                                          : 10;

    if (strlen(word) > 18 || (base == 10 && !is_made_of(word, "0123456789")))
        return false;
    *ret_hex = base != 10;
    *ret = strtoull(word + (base == 2 ? 2 : 0), NULL, base);
    return true;
}

/* 1: on, 0: off, -1: neither. */
static int read_state(const char *word)
{
    static const char *const on[] = {"on", "true", "enabled", "1", "powered"};
    static const char *const off[] = {"off", "false", "disabled", "0", "unpowered"};

    for (size_t i = 0; i < ARRAY_SIZE(on); i++) {
        if (!strcasecmp(word, on[i]))
            return 1;
        if (!strcasecmp(word, off[i]))
            return 0;
    }
    return -1;
}

static void settle_number(struct reading *reading)
{
    if (!reading->has_number)
        return;
    reading->has_number = false;
    if (reading->is_hex) {
        reading->hex_mask = reading->number;
        reading->hex_masks++;
    } else {
        reading->mask = reading->number;
        reading->masks++;
    }
}

/* The port that a number before a state means: "3: on", "0x0004: on". */
static uint64_t port_of(const struct reading *reading)
{
    uint64_t number = reading->number;

    if (!reading->has_number)
        return 0;
    if (reading->is_hex)
        return number && !(number & (number - 1)) && number <= MASK_ALL ? number : 0;
    return number && number <= HUB_PORTS ? UINT64_C(1) << (number - 1) : 0;
}

static void take_state(struct reading *reading, uint64_t port, int state)
{
    reading->listed.known |= port;
    reading->listed.on = state ? reading->listed.on | port : reading->listed.on & ~port;
    reading->pending = 0;
    reading->has_number = false;
}

static void take_word(struct reading *reading, const char *word)
{
    int state = read_state(word);
    uint64_t number, port = reading->pending ? reading->pending : port_of(reading);
    bool hex;

    if (state >= 0 && port && (reading->pending || !isdigit((unsigned char)*word))) {
        take_state(reading, port, state);
    } else if (mask_of(word)) {
        settle_number(reading);
        reading->pending = mask_of(word);
    } else if (!strcasecmp(word, "port") || !strcasecmp(word, "usb")) {
        settle_number(reading);
        reading->port_word = true;
        return;
    } else if (read_number(word, &number, &hex)) {
        settle_number(reading);
        if (reading->port_word && !hex && number && number <= HUB_PORTS) {
            reading->pending = UINT64_C(1) << (number - 1);
        } else {
            reading->number = number;
            reading->has_number = true;
            reading->is_hex = hex;
        }
    }
    reading->port_word = false;
}

static void end_line(struct reading *reading)
{
    settle_number(reading);
    reading->pending = 0;
    reading->port_word = false;
}

static void read_words(const char *text, struct reading *reading)
{
    static const char name[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";

    while (*text) {
        size_t length = strspn(text, name);
        if (length) {
            cleanup_free char *word = xstrndup(text, length);
            take_word(reading, word);
        } else {
            if (*text == '\n')
                end_line(reading);
            length = 1;
        }
        text += length;
    }
    end_line(reading);
}

int hub_state_parse(const char *text, struct hub_state *ret, struct err *err)
{
    struct reading reading = {.pending = 0};
    cleanup_free char *clean = NULL;
    uint64_t mask;

    read_words(text, &reading);
    *ret = reading.listed;
    if (ret->known)
        return 0;
    mask = reading.hex_masks == 1 ? reading.hex_mask : reading.mask;
    *ret = (struct hub_state){.on = mask, .known = MASK_ALL};
    if (mask <= MASK_ALL && (reading.hex_masks == 1 || (!reading.hex_masks && reading.masks == 1)))
        return 0;
    clean = text_clean_dup(text, SHOWN, TEXT_ONE_LINE);
    return err_set(err, ERR_PROTOCOL,
                   "neither a mask of ports nor a list of them with on or off is in '%s'", clean);
}
