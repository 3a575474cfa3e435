/* SPDX-License-Identifier: MIT
 *
 * name_map: numbers kept under names, found in constant time however many a board prints.
 *
 *     struct name_slot *slot = name_map_at(&map, name, length);
 *     if (!slot->value) { ...new: set slot->value (not 0), and slot->name where `name` will not
 * last... }
 *
 * Hashing is keyed at random (SipHash), so no firmware can make it slow. Names are borrowed; a
 * slot's address ends at the next call. A zeroed struct is an empty map. Not thread-safe; never
 * blocks.
 */
#ifndef HIL_RESULT_NAME_MAP_H
#define HIL_RESULT_NAME_MAP_H

#include <stddef.h>
#include <stdint.h>

struct name_slot {
    const char *name; /* `length` bytes; NULL: the slot is free */
    size_t length;
    uint64_t hash;
    size_t value;
};

struct name_map {
    struct name_slot *slots;
    size_t count, room; /* room is 0 or a power of two */
    unsigned char key[16];
};

struct name_slot *name_map_at(struct name_map *map, const char *name, size_t length);
void name_map_done(struct name_map *map);

#endif
