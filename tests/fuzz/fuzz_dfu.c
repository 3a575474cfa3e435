/* SPDX-License-Identifier: MIT
 *
 * What a bootloader says of itself: a memory layout, and descriptors.
 */
#include "base/str.h"
#include "usb/dfu.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

/* Runs lie within 32-bit addresses and never overlap, or erasing one would erase another. */
static void check(const struct dfuse_map *map)
{
    for (size_t i = 0; i < map->count; i++) {
        const struct dfuse_run *run = &map->runs[i];
        uint64_t end = run->at + run->sector_size * run->count;
        if (!run->sector_size || !run->count || !run->access || end > (uint64_t)1 << 32 ||
            dfuse_map_at(map, run->at) != run || dfuse_map_at(map, end - 1) != run)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    cleanup_free char *text = xstrndup((const char *)bytes, count);
    struct dfuse_map map;
    struct dfu dfu = {0};
    struct err err;

    if (dfuse_map_parse(text, &map, &err) == 0)
        check(&map);
    if (dfu_read_functional(bytes, count, &dfu) && (dfu.block_size < 8 || dfu.block_size > 16384))
        abort();
    return 0;
}
