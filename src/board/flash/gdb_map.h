/* SPDX-License-Identifier: MIT
 *
 * gdb_map: the memory map that a GDB server describes in XML: which addresses are flash.
 *
 * Source: "Debugging with GDB", appendix E.17 (Memory Map Format). Only the elements and attributes
 * named there are read; anything else is skipped as long as it is well-formed.
 */
#ifndef HIL_BOARD_FLASH_GDB_MAP_H
#define HIL_BOARD_FLASH_GDB_MAP_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

#define GDB_MAP_BYTES_MAX (64 * 1024)
#define GDB_MAP_REGIONS_MAX 256

struct gdb_region {
    enum { GDB_RAM, GDB_ROM, GDB_FLASH } type;
    uint64_t start, length; /* length > 0; start + length does not pass 2^64 - 1 */
    uint64_t block_size;    /* GDB_FLASH: what is erased at once, > 0; else 0 */
};

/* Regions sorted by address, the caller frees. -ERR_DATA says at which byte it broke. */
int gdb_map_parse(const char *xml, size_t count, struct gdb_region **ret, size_t *ret_count,
                  struct err *err);

#endif
