/* SPDX-License-Identifier: MIT
 *
 * dfu_plan: what has to be erased and written to get an image into memory that has sectors.
 *
 * Segments become runs of bytes, padded with 0xFF to whole flash words within the sectors that are
 * erased for them; neighbours that share a word become one. No access to any device.
 */
#ifndef HIL_BOARD_FLASH_DFU_PLAN_H
#define HIL_BOARD_FLASH_DFU_PLAN_H

#include "image/image.h"
#include "usb/dfuse_map.h"

/* The largest unit that an STM32 programs at once: 32 bytes on an H7. */
#define DFU_PLAN_WORD 32

struct dfu_run {
    uint64_t at;
    uint8_t *bytes;
    size_t size;
    bool erased; /* lies in sectors that are erased before */
};

struct dfu_plan {
    struct dfu_run *runs; /* ascending, apart from each other */
    size_t run_count;
    uint64_t *sectors; /* addresses of those to be erased, ascending */
    size_t sector_count;
    uint64_t bytes; /* of all runs */
};

/* -ERR_CONFIG names the address that cannot be written. dfu_plan_done() is due even then. */
int dfu_plan_make(const struct dfuse_map *map, const struct image *image, struct dfu_plan *ret,
                  struct err *err);
void dfu_plan_done(struct dfu_plan *plan);

#endif
