/* SPDX-License-Identifier: MIT
 *
 * dfuse_map: an alternate setting's name, read as the memory that stands behind it.
 *
 * ST's bootloaders describe their memory there (UM0424, 4.3.2):
 *
 *     @Internal Flash  /0x08000000/04*016Kg,01*064Kg,07*128Kg
 *
 * that is: a name, and areas of an address and runs of COUNT*SIZE with a unit (blank or B, K, M)
 * and a letter a to g, whose lower three bits say readable, erasable, writable. Bytes from outside:
 * anything else is -ERR_DATA. Nothing blocks.
 */
#ifndef HIL_USB_DFUSE_MAP_H
#define HIL_USB_DFUSE_MAP_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DFUSE_RUNS_MAX 64

enum dfuse_access { DFUSE_READ = 1, DFUSE_ERASE = 2, DFUSE_WRITE = 4 };

struct dfuse_run { /* sectors of one size */
    uint64_t at, sector_size, count;
    unsigned access; /* enum dfuse_access */
};

struct dfuse_map {
    char name[64];
    struct dfuse_run runs[DFUSE_RUNS_MAX]; /* as written; they never overlap */
    size_t count;
};

int dfuse_map_parse(const char *text, struct dfuse_map *ret, struct err *err);
/* The run that holds `at`; NULL: none. */
const struct dfuse_run *dfuse_map_at(const struct dfuse_map *map, uint64_t at);
/* True where all of the bytes lie in runs that allow all of `access`. */
bool dfuse_map_allows(const struct dfuse_map *map, uint64_t at, uint64_t size, unsigned access);
uint64_t dfuse_map_bytes(const struct dfuse_map *map); /* of all runs */

#endif
