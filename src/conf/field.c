/* SPDX-License-Identifier: MIT */
#include "conf/field.h"

#include "base/buf.h"
#include "base/str.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define WORDS_MAX 512 /* bytes of a list of keys or choices in a message */

static void *slot(const struct field *field, void *out)
{
    return (char *)out + field->offset;
}

/* ---- what a message says ----------------------------------------------------------------- */

static void join_words(struct buf *out, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (buf_addf(out, "%s%s", i ? ", " : "", words[i]) < 0)
            return;
}

static size_t count_words(const char *const *words)
{
    size_t count = 0;

    while (words[count])
        count++;
    return count;
}

static void expect_number(const struct field *field, struct buf *out)
{
    if (field->max)
        buf_addf(out, "a number from %" PRIu64 " to %" PRIu64, field->min, field->max);
    else if (field->min)
        buf_addf(out, "a number, at least %" PRIu64, field->min);
    else
        buf_adds(out, "a number such as 42");
}

static void expect(const struct field *field, struct buf *out)
{
    static const char *const words[] = {
        [FIELD_STRING] = "text",
        [FIELD_BOOL] = "true or false",
        [FIELD_ADDRESS] = "an address such as 0x08000000",
        [FIELD_SIZE] = "a size such as 65536, 512K or 1M",
        [FIELD_DURATION] = "a duration with its unit such as 250ms, 30s or 10m",
        [FIELD_STRINGS] = "a list of texts such as [one, two]",
        [FIELD_ARGV] = "a program and its arguments as a list such as [make, all]",
        [FIELD_ARGVS] = "a list of commands such as [[make, clean], [make, all]]",
    };

    if (field->type == FIELD_UINT) {
        expect_number(field, out);
    } else if (field->type == FIELD_CHOICE) {
        buf_adds(out, "one of: ");
        join_words(out, field->choices, count_words(field->choices));
    } else {
        buf_adds(out, words[field->type]);
    }
}

static void got(const struct yaml_node *node, struct buf *out)
{
    static const char *const kinds[] = {
        [YAML_NULL] = "empty", [YAML_LIST] = "a list", [YAML_MAP] = "a map"};

    if (node->kind == YAML_SCALAR)
        buf_addf(out, "'%.60s'%s", node->text, node->quoted ? " in quotes" : "");
    else if (node->kind == YAML_LIST && !node->first)
        buf_adds(out, "an empty list");
    else
        buf_adds(out, kinds[node->kind]);
}

static void wrong_value(const struct field *field, const struct yaml_node *node,
                        struct diags *diags)
{
    cleanup_buf struct buf wanted = BUF_INIT(WORDS_MAX), seen = BUF_INIT(WORDS_MAX);

    expect(field, &wanted);
    got(node, &seen);
    diag_node(diags, node, "'%s' must be %s, not %s", field->name, wanted.data, seen.data);
}

static void unknown_key(const struct field *fields, const struct yaml_node *node, const char *what,
                        struct diags *diags)
{
    cleanup_buf struct buf known = BUF_INIT(WORDS_MAX);
    cleanup_free const char **names = NULL;
    const char *nearest;
    size_t count = 0;

    while (fields[count].name)
        count++;
    names = xcalloc(count, sizeof(*names));
    for (size_t i = 0; i < count; i++)
        names[i] = fields[i].name;
    nearest = str_nearest(node->key, names, count);
    if (nearest) {
        diag_key(diags, node, "unknown key '%.60s' (did you mean '%s'?)", node->key, nearest);
        return;
    }
    join_words(&known, names, count);
    diag_key(diags, node, "unknown key '%.60s'; %s knows: %s", node->key, what,
             count ? known.data : "no keys");
}

/* ---- values -------------------------------------------------------------------------------- */

/* YAML 1.2 core schema (section 10.3.2), and the words of YAML 1.1 that people still write. */
static bool read_bool(const char *text, bool *ret)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};

    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (!strcasecmp(text, words[i])) {
            *ret = i % 2;
            return true;
        }
    }
    return false;
}

static bool read_choice(const char *const *choices, const char *text, int *ret)
{
    for (int i = 0; choices[i]; i++) {
        if (!strcmp(text, choices[i])) {
            *ret = i;
            return true;
        }
    }
    return false;
}

static bool read_uint(const struct field *field, const char *text, uint64_t *ret)
{
    uint64_t number;

    if (str_to_u64(text, field->max ? field->max : UINT64_MAX, "", &number, NULL) < 0 ||
        number < field->min)
        return false;
    *ret = number;
    return true;
}

/* JSON has neither hexadecimal numbers nor units, so addresses, sizes and durations may be quoted.
 */
static bool read_scalar(const struct field *field, const struct yaml_node *node, void *to)
{
    if (node->kind != YAML_SCALAR)
        return false;
    switch (field->type) {
    case FIELD_STRING:
        if ((field->flags & FIELD_REQUIRED) && !node->text[0])
            return false;
        free(*(char **)to);
        *(char **)to = xstrdup(node->text);
        return true;
    case FIELD_BOOL:
        return !node->quoted && read_bool(node->text, to);
    case FIELD_UINT:
        return !node->quoted && read_uint(field, node->text, to);
    case FIELD_ADDRESS:
        return str_to_u64(node->text, UINT64_MAX, "", to, NULL) == 0;
    case FIELD_SIZE:
        return str_to_size(node->text, "", to, NULL) == 0;
    case FIELD_DURATION:
        return str_to_ms(node->text, "", to, NULL) == 0;
    case FIELD_CHOICE:
        return read_choice(field->choices, node->text, to);
    default:
        return false;
    }
}

static const struct yaml_node *read_strings(const struct yaml_node *list, struct strv *to)
{
    for (const struct yaml_node *item = list->first; item; item = item->next) {
        if (item->kind != YAML_SCALAR)
            return item;
        strv_add(to, item->text);
    }
    return NULL;
}

/* The readers of lists return the node that is wrong, or NULL. */
static const struct yaml_node *read_argv(const struct yaml_node *node, struct strv *to)
{
    if (node->kind != YAML_LIST || !node->first)
        return node;
    if (node->first->kind == YAML_SCALAR && !node->first->text[0])
        return node->first;
    return read_strings(node, to);
}

static void argv_list_done(struct argv_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        strv_done(&list->items[i]);
    free(list->items);
    *list = (struct argv_list){0};
}

static const struct yaml_node *read_argvs(const struct yaml_node *node, struct argv_list *to)
{
    bool nested = node->kind == YAML_LIST && node->first && node->first->kind == YAML_LIST;
    const struct yaml_node *bad = NULL;

    to->items = xcalloc(nested ? node->count : 1, sizeof(*to->items));
    if (!nested) {
        to->count = 1;
        return read_argv(node, &to->items[0]);
    }
    for (const struct yaml_node *item = node->first; item && !bad; item = item->next)
        bad = read_argv(item, &to->items[to->count++]);
    return bad;
}

static const struct yaml_node *read_list(const struct field *field, const struct yaml_node *node,
                                         void *to)
{
    if (field->type == FIELD_ARGVS) {
        argv_list_done(to);
        return read_argvs(node, to);
    }
    strv_done(to);
    if (field->type == FIELD_ARGV)
        return read_argv(node, to);
    if (node->kind == YAML_SCALAR) {
        strv_add(to, node->text);
        return NULL;
    }
    return node->kind == YAML_LIST ? read_strings(node, to) : node;
}

static void read_field(const struct field *field, const struct yaml_node *node, void *to,
                       struct diags *diags)
{
    const struct yaml_node *wrong = NULL;

    switch (field->type) {
    case FIELD_NODE:
        *(const struct yaml_node **)to = node;
        break;
    case FIELD_STRINGS:
    case FIELD_ARGV:
    case FIELD_ARGVS:
        wrong = read_list(field, node, to);
        break;
    default:
        wrong = read_scalar(field, node, to) ? NULL : node;
    }
    if (wrong)
        wrong_value(field, wrong, diags);
}

/* ---- maps ------------------------------------------------------------------------------------ */

static const struct field *find(const struct field *fields, const char *name)
{
    for (; fields->name; fields++)
        if (!strcmp(fields->name, name))
            return fields;
    return NULL;
}

void fields_read(const struct field *fields, const struct yaml_node *map, const char *what,
                 void *out, struct diags *diags)
{
    if (map->kind != YAML_MAP && map->kind != YAML_NULL) {
        diag_node(diags, map, "%s must be a map of keys and values, not %s", what,
                  map->kind == YAML_LIST ? "a list" : "text");
        return;
    }
    for (const struct yaml_node *node = map->first; node; node = node->next) {
        const struct field *field = find(fields, node->key);
        if (field)
            read_field(field, node, slot(field, out), diags);
        else
            unknown_key(fields, node, what, diags);
    }
    for (; fields->name; fields++)
        if ((fields->flags & FIELD_REQUIRED) && !yaml_get(map, fields->name))
            diag_key(diags, map, "%s needs '%s'%s%s", what, fields->name, fields->help ? ": " : "",
                     fields->help ? fields->help : "");
}

void field_driver(const struct yaml_node *node, const char *example, struct diags *diags)
{
    if (node && (node->kind != YAML_MAP || node->count != 1))
        diag_node(diags, node, "'%s' must be a map with one key, the driver, such as %s", node->key,
                  example);
}

void fields_done(const struct field *fields, void *out)
{
    for (; fields->name; fields++) {
        void *at = slot(fields, out);
        switch (fields->type) {
        case FIELD_STRING:
            free(*(char **)at);
            *(char **)at = NULL;
            break;
        case FIELD_STRINGS:
        case FIELD_ARGV:
            strv_done(at);
            break;
        case FIELD_ARGVS:
            argv_list_done(at);
            break;
        case FIELD_NODE:
            *(const struct yaml_node **)at = NULL;
            break;
        default:
            break;
        }
    }
}
