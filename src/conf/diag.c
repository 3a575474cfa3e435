/* SPDX-License-Identifier: MIT */
#include "conf/diag.h"

#include "base/text.h"
#include "conf/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_MAX 400 /* bytes; values quoted from the file have no limit of their own */

/* Whether message `at` is to stand after the newest, which is of `place`. */
static bool stands_after(const struct diags *diags, size_t at, const char *newest,
                         const struct diag_place *place)
{
    const struct diag_place *other = &diags->places[at];

    if (other->name_size != place->name_size ||
        memcmp(diags->messages.items[at], newest, place->name_size) != 0)
        return false; /* of another file */
    return other->line != place->line ? other->line > place->line : other->column > place->column;
}

/* Brings the newest message to its place. */
static void sort_in(struct diags *diags, struct diag_place place)
{
    char **messages = diags->messages.items;
    size_t at = diags->messages.count - 1;
    char *newest = messages[at];

    for (; at && stands_after(diags, at - 1, newest, &place); at--) {
        messages[at] = messages[at - 1];
        diags->places[at] = diags->places[at - 1];
    }
    messages[at] = newest;
    diags->places[at] = place;
}

static void add(struct diags *diags, int line, int column, const char *format, va_list args)
    __attribute__((format(printf, 4, 0)));
static void add(struct diags *diags, int line, int column, const char *format, va_list args)
{
    const char *file = diags->file ? diags->file : "?";
    char message[MESSAGE_MAX];
    cleanup_free char *clean = NULL;

    if (diags->messages.count == DIAGS_MAX) {
        diags->dropped++;
        return;
    }
    vsnprintf(message, sizeof message, format, args);
    clean = text_clean_dup(message, sizeof message, TEXT_ONE_LINE);
    strv_addf(&diags->messages, "%s:%d:%d: %s", file, line, column, clean);
    sort_in(diags, (struct diag_place){strlen(file), line, column});
}

void diag_at(struct diags *diags, int line, int column, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add(diags, line, column, format, args);
    va_end(args);
}

void diag_node(struct diags *diags, const struct yaml_node *node, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add(diags, node->line, node->column, format, args);
    va_end(args);
}

void diag_key(struct diags *diags, const struct yaml_node *node, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    if (node->key)
        add(diags, node->key_line, node->key_column, format, args);
    else
        add(diags, node->line, node->column, format, args);
    va_end(args);
}

int diags_check(const struct diags *diags, struct err *err)
{
    static const char more[] = "\n(and 18446744073709551615 more)";
    size_t shown = 1;

    if (!diags->messages.count)
        return 0;
    err_set(err, ERR_CONFIG, "%s", diags->messages.items[0]);
    for (; err && shown < diags->messages.count; shown++) {
        const char *next = diags->messages.items[shown];
        if (strlen(err->message) + 1 + strlen(next) + sizeof more > sizeof err->message)
            break;
        err_hint(err, "\n%s", next);
    }
    if (shown < diags->messages.count + diags->dropped)
        err_hint(err, "\n(and %zu more)", diags->messages.count - shown + diags->dropped);
    return -ERR_CONFIG;
}

void diags_done(struct diags *diags)
{
    strv_done(&diags->messages);
    *diags = (struct diags){0};
}
