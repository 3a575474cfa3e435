/* SPDX-License-Identifier: MIT
 *
 * memory: what may be written of a board, as its `memory:` says.
 *
 *     memory: [{at: 0x08000000, size: 512K}, {at: 0x1FFF7800, size: 40, name: option-bytes}]
 *
 * Ranges have at least a byte, end within 64-bit addresses, and do not overlap.
 */
#ifndef HIL_CONF_MEMORY_H
#define HIL_CONF_MEMORY_H

#include "conf/diag.h"
#include "conf/yaml.h"

#include <stddef.h>
#include <stdint.h>

enum memory_write {
    MEMORY_ALWAYS,
    MEMORY_NAMED, /* only for a run that names it: option bytes */
    MEMORY_NEVER,
};

struct memory_range {
    uint64_t at, size; /* bytes */
    char *name;        /* NULL: none */
    int write;         /* enum memory_write */
};

struct memory_map {
    struct memory_range *ranges;
    size_t count; /* 0: not said */
};

/* `node` may be NULL. Ranges with mistakes are left out. */
void memory_read(const struct yaml_node *node, struct memory_map *ret, struct diags *diags);
void memory_done(struct memory_map *map);

#endif
