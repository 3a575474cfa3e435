/* SPDX-License-Identifier: MIT */
#include "conf/memory.h"

#include "base/str.h"
#include "conf/field.h"
#include "conf/name.h"

#include <inttypes.h>
#include <stdlib.h>

#define RANGES_MAX 64

static const char *const memory_writes[] = {"always", "named", "never", NULL};

static const struct field rows[] = {
    {"at", FIELD_ADDRESS, offsetof(struct memory_range, at), FIELD_REQUIRED,
     .help = "its first address, such as 0x08000000"},
    {"size", FIELD_SIZE, offsetof(struct memory_range, size), FIELD_REQUIRED,
     .help = "its size, such as 512K"},
    {"name", FIELD_STRING, offsetof(struct memory_range, name),
     .help = "what --write calls it, such as option-bytes"},
    {"write", FIELD_CHOICE, offsetof(struct memory_range, write), .choices = memory_writes,
     .help =
         "always; named: only for a run that names it; never. Where not given: named for a range "
         "with a name, always for others"},
    {0}};

static bool overlap(const struct memory_range *a, const struct memory_range *b)
{
    return a->at <= b->at + (b->size - 1) && b->at <= a->at + (a->size - 1);
}

/* What is wrong with a range that has an address and a size. */
static void check_range(const struct memory_range *range, const struct yaml_node *node,
                        const struct memory_map *map, struct diags *diags)
{
    if (!range->size) {
        diag_node(diags, node, "a memory range of no bytes");
        return;
    }
    if (range->at + (range->size - 1) < range->at) {
        diag_node(diags, node, "memory at 0x%" PRIx64 " ends beyond 64-bit addresses", range->at);
        return;
    }
    if (range->name && !name_valid(range->name))
        diag_node(diags, yaml_get(node, "name"), "memory's name '%.80s' must be made of " NAME_RULE,
                  range->name);
    if (range->write == MEMORY_NAMED && !range->name)
        diag_node(diags, yaml_get(node, "write"),
                  "memory that is written only where it is named needs a 'name'");
    for (size_t i = 0; i < map->count; i++) {
        const struct memory_range *other = &map->ranges[i];
        if (overlap(range, other))
            diag_node(diags, node, "memory at 0x%" PRIx64 " overlaps the range at 0x%" PRIx64,
                      range->at, other->at);
        else if (range->name && str_eq(range->name, other->name))
            diag_node(diags, yaml_get(node, "name"), "memory '%.80s' is here twice", range->name);
    }
}

static void read_range(const struct yaml_node *node, struct memory_map *map, struct diags *diags)
{
    struct memory_range range = {.write = -1};
    size_t mistakes = diags->messages.count + diags->dropped;

    fields_read(rows, node, "a memory range", &range, diags);
    if (range.write < 0)
        range.write = range.name ? MEMORY_NAMED : MEMORY_ALWAYS;
    if (diags->messages.count + diags->dropped == mistakes)
        check_range(&range, node, map, diags);
    if (diags->messages.count + diags->dropped == mistakes)
        map->ranges[map->count++] = range;
    else
        fields_done(rows, &range);
}

void memory_read(const struct yaml_node *node, struct memory_map *ret, struct diags *diags)
{
    if (!node)
        return;
    if (node->kind != YAML_LIST || !node->first || node->count > RANGES_MAX) {
        diag_node(
            diags, node,
            "'memory' must be a list of 1 to %d ranges such as [{at: 0x08000000, size: 512K}]",
            RANGES_MAX);
        return;
    }
    ret->ranges = xcalloc(node->count, sizeof *ret->ranges);
    for (const struct yaml_node *item = node->first; item; item = item->next)
        read_range(item, ret, diags);
}

void memory_done(struct memory_map *map)
{
    for (size_t i = 0; i < map->count; i++)
        fields_done(rows, &map->ranges[i]);
    free(map->ranges);
    *map = (struct memory_map){0};
}
