/* SPDX-License-Identifier: MIT */
#include "result/name_map.h"

#include "base/str.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_MIN 16

_Static_assert(crypto_shorthash_KEYBYTES == sizeof((struct name_map *)0)->key, "SipHash's key");
_Static_assert(crypto_shorthash_BYTES == sizeof(uint64_t), "SipHash-2-4");

/* Where the name is, or the free slot where it would go. */
static struct name_slot *find(const struct name_map *map, const char *name, size_t length,
                              uint64_t hash)
{
    for (size_t at = hash & (map->room - 1);; at = (at + 1) & (map->room - 1)) {
        struct name_slot *slot = &map->slots[at];
        if (!slot->name ||
            (slot->hash == hash && slot->length == length && memcmp(slot->name, name, length) == 0))
            return slot;
    }
}

static void grow(struct name_map *map)
{
    struct name_map wider = *map;

    wider.room = map->room ? map->room * 2 : ROOM_MIN;
    wider.slots = xcalloc(wider.room, sizeof *wider.slots);
    for (size_t i = 0; i < map->room; i++) {
        const struct name_slot *slot = &map->slots[i];
        if (slot->name)
            *find(&wider, slot->name, slot->length, slot->hash) = *slot;
    }
    free(map->slots);
    *map = wider;
}

struct name_slot *name_map_at(struct name_map *map, const char *name, size_t length)
{
    struct name_slot *slot;
    uint64_t hash;

    if (!map->room)
        randombytes_buf(map->key, sizeof map->key);
    if (map->count >= map->room / 2)
        grow(map);
    crypto_shorthash((unsigned char *)&hash, (const unsigned char *)name, length, map->key);
    slot = find(map, name, length, hash);
    if (!slot->name) {
        *slot = (struct name_slot){.name = name, .length = length, .hash = hash};
        map->count++;
    }
    return slot;
}

void name_map_done(struct name_map *map)
{
    free(map->slots);
    *map = (struct name_map){0};
}
