/* SPDX-License-Identifier: MIT */
#include "board/plugged.h"

#include "base/fs.h"

#include <ctype.h>
#include <string.h>

/* ---- is it in the file? ---------------------------------------------------------------------- */

/* Part of a serial number, a hub path or a device's name goes on; "1-1.2" is not in "1-1.25". */
static bool goes_on(char c)
{
    return isalnum((unsigned char)c) || c == '.' || c == '-';
}

static bool has_word(const char *text, const char *word)
{
    size_t length = word ? strlen(word) : 0;

    for (const char *at = text; length && (at = strstr(at, word)); at++)
        if ((at == text || !goes_on(at[-1])) && !goes_on(at[length]))
            return true;
    return false;
}

/* A serial number stands alone, or within the name of a link in /dev/serial/by-id. */
bool plugged_has_serial(const char *text, const char *serial)
{
    size_t length = strlen(serial);

    for (const char *at = text; (at = strstr(at, serial)); at++)
        if ((at == text || !isalnum((unsigned char)at[-1])) && !isalnum((unsigned char)at[length]))
            return true;
    return false;
}

static bool has_tty(const char *text, const struct usb_tty *tty)
{
    return has_word(text, tty->node) || has_word(text, tty->by_path) || has_word(text, tty->by_id);
}

bool plugged_is_known(const struct rig *rig, const char *text)
{
    return (rig->serial_unique && plugged_has_serial(text, rig->device->serial)) ||
           has_word(text, rig->device->path) || (rig->tty && has_tty(text, rig->tty));
}

static bool node_has(const struct yaml_node *node, const struct rig *rig)
{
    if (!node)
        return false;
    if (node->kind == YAML_SCALAR)
        return plugged_is_known(rig, node->text);
    for (const struct yaml_node *child = node->first; child; child = child->next)
        if (node_has(child, rig))
            return true;
    return false;
}

const struct board_conf *plugged_board(const struct rig *rig, const struct lab *lab)
{
    for (size_t i = 0; i < lab->count; i++) {
        const struct board_conf *board = &lab->boards[i];
        if (board->far)
            continue;
        if (node_has(board->flash, rig) || node_has(board->console, rig) ||
            node_has(board->reset, rig) || node_has(board->power, rig))
            return board;
    }
    return NULL;
}

const struct usb_tty *plugged_tty(const struct usb_tree *tree, const char *name,
                                  const struct usb_device **ret)
{
    for (size_t i = 0; name && i < tree->count; i++)
        for (size_t t = 0; t < tree->devices[i].tty_count; t++) {
            const struct usb_tty *tty = &tree->devices[i].ttys[t];
            if (!str_eq(tty->node, name) && !str_eq(tty->by_id, name) &&
                !str_eq(tty->by_path, name))
                continue;
            *ret = &tree->devices[i];
            return tty;
        }
    return NULL;
}

/* ---- what is missing ------------------------------------------------------------------------- */

/* Of numbers zeros may be left out: J-Link's tools do, its USB descriptor does not. */
static bool has_serial(const struct usb_device *device, const char *serial)
{
    const char *own = device->serial ? device->serial : "";
    size_t digits = strspn(serial, "0123456789");

    return str_eq(own, serial) ||
           (*serial && !serial[digits] && own[strspn(own, "0123456789")] == '\0' &&
            str_eq(own + strspn(own, "0"), serial + strspn(serial, "0")));
}

/* The first that has it, and how many have. */
static const struct usb_device *with_serial(const struct usb_tree *tree, const char *serial,
                                            size_t *ret_count)
{
    const struct usb_device *first = NULL;

    *ret_count = 0;
    for (size_t i = tree->count; i--;)
        if (has_serial(&tree->devices[i], serial)) {
            first = &tree->devices[i];
            ++*ret_count;
        }
    return first;
}

/* What a driver's option names, and whether it is there. */
static bool is_there(const char *key, const char *value, const struct usb_tree *tree)
{
    size_t count;

    if (value[0] == '/')
        return fs_exists(value) || plugged_tty(tree, value, &(const struct usb_device *){NULL});
    if (!str_eq(key, "serial") && !str_eq(key, "usb-serial"))
        return usb_at(tree, value) != NULL;
    return with_serial(tree, value, &count) != NULL;
}

/* A hub path or a tty. */
static bool names_a_place(const char *key)
{
    return str_eq(key, "path") || str_eq(key, "usb-path") || str_eq(key, "location") ||
           str_eq(key, "port");
}

static bool names_a_device(const char *key, const char *value)
{
    if (str_eq(key, "serial") || str_eq(key, "usb-serial"))
        return *value;
    if (names_a_place(key))
        return str_starts(value, "/dev/") || usb_path_valid(value);
    return false;
}

static void look_into(const struct yaml_node *node, const char *board, const struct usb_tree *tree,
                      struct strv *ret)
{
    cleanup_free char *line = NULL;

    if (!node)
        return;
    for (const struct yaml_node *child = node->first; child; child = child->next)
        look_into(child, board, tree, ret);
    if (node->kind != YAML_SCALAR || !node->key || !names_a_device(node->key, node->text) ||
        is_there(node->key, node->text, tree))
        return;
    line = xasprintf("%s: %s %s", board, node->key, node->text);
    if (!strv_has(ret, line))
        strv_add(ret, line);
}

void plugged_missing(const struct lab *lab, const struct usb_tree *tree, struct strv *ret)
{
    for (size_t i = 0; i < lab->count; i++) {
        const struct board_conf *board = &lab->boards[i];
        if (board->far) /* its devices are none of this host's */
            continue;
        look_into(board->flash, board->name, tree, ret);
        look_into(board->console, board->name, tree, ret);
        look_into(board->reset, board->name, tree, ret);
        look_into(board->power, board->name, tree, ret);
    }
}

struct count {
    size_t named, there; /* devices that drivers name; of those, what is plugged in */
};

static void count_named(const struct yaml_node *node, const struct usb_tree *tree,
                        struct count *count)
{
    for (const struct yaml_node *child = node ? node->first : NULL; child; child = child->next)
        count_named(child, tree, count);
    if (!node || node->kind != YAML_SCALAR || !node->key || !names_a_device(node->key, node->text))
        return;
    count->named++;
    count->there += is_there(node->key, node->text, tree);
}

bool plugged_is_gone(const struct board_conf *board, const struct usb_tree *tree)
{
    struct count board_has = {0}, power = {0};

    if (board->far)
        return false;
    count_named(board->flash, tree, &board_has);
    count_named(board->console, tree, &board_has);
    count_named(board->reset, tree, &board_has);
    count_named(board->power, tree, &power);
    if (board->power && (power.there || !power.named))
        return false;
    return board_has.named && !board_has.there;
}

static const struct usb_device *named_in(const struct yaml_node *node, const struct usb_tree *tree)
{
    const struct usb_device *found = NULL;
    size_t count = 0;

    for (const struct yaml_node *child = node ? node->first : NULL; child && !found;
         child = child->next)
        found = named_in(child, tree);
    if (found || !node || node->kind != YAML_SCALAR || !node->key)
        return found;
    if (str_eq(node->key, "serial") || str_eq(node->key, "usb-serial")) {
        found = with_serial(tree, node->text, &count);
        return count == 1 ? found : NULL; /* else it could be another board's */
    }
    if (names_a_place(node->key))
        return node->text[0] != '/'                    ? usb_at(tree, node->text)
               : plugged_tty(tree, node->text, &found) ? found
                                                       : NULL;
    return NULL;
}

const struct usb_device *plugged_device(const struct board_conf *board, const struct usb_tree *tree)
{
    const struct usb_device *found;

    if (board->far)
        return NULL;
    found = named_in(board->flash, tree);

    return found ? found : named_in(board->console, tree);
}
