/* SPDX-License-Identifier: MIT */
#include "board/flash/dfu_plan.h"

#include "base/str.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static int check_segment(const struct dfuse_map *map, const struct segment *segment,
                         struct err *err)
{
    for (uint64_t at = segment->address, end = at + segment->size; at < end;) {
        const struct dfuse_run *run = dfuse_map_at(map, at);
        if (!run || !(run->access & DFUSE_WRITE))
            return err_set(err, ERR_CONFIG,
                           "0x%08" PRIx64 " cannot be written: %s has no such memory", at,
                           map->name);
        at = run->at + run->sector_size * run->count;
    }
    return 0;
}

/* Where padding may begin and end: words count from the sector's start, and stay within it. */
static uint64_t word_start(const struct dfuse_run *run, uint64_t at)
{
    uint64_t offset = (at - run->at) % run->sector_size;

    return at - offset % DFU_PLAN_WORD;
}

static uint64_t word_end(const struct dfuse_run *run, uint64_t end)
{
    uint64_t offset = (end - run->at) % run->sector_size;
    uint64_t rest = offset % DFU_PLAN_WORD;
    uint64_t padding = rest ? DFU_PLAN_WORD - rest : 0;
    uint64_t left = offset ? run->sector_size - offset : 0;

    return end + (padding < left ? padding : left);
}

/* The bytes of a segment that lie in memory of one kind, as a run that may touch the last one. */
static void add_piece(struct dfu_plan *plan, const struct dfuse_run *in, uint64_t at,
                      const uint8_t *bytes, size_t size)
{
    bool erased = in->access & DFUSE_ERASE;
    uint64_t from = erased ? word_start(in, at) : at;
    uint64_t to = erased ? word_end(in, at + size) : at + size;
    struct dfu_run *last = plan->run_count ? &plan->runs[plan->run_count - 1] : NULL;

    if (!last || from > last->at + last->size || erased != last->erased) {
        plan->runs = xrealloc(plan->runs, plan->run_count + 1, sizeof *plan->runs);
        last = &plan->runs[plan->run_count++];
        *last = (struct dfu_run){.at = from, .erased = erased};
    }
    size_t grown = (size_t)(to - last->at);
    if (grown > last->size || !last->bytes) {
        last->bytes = xrealloc(last->bytes, grown, 1);
        memset(last->bytes + last->size, 0xFF, grown - last->size);
        plan->bytes += grown - last->size;
        last->size = grown;
    }
    memcpy(last->bytes + (at - last->at), bytes, size);
}

static void add_segment(struct dfu_plan *plan, const struct dfuse_map *map,
                        const struct segment *segment)
{
    for (size_t done = 0; done < segment->size;) {
        uint64_t at = segment->address + done;
        const struct dfuse_run *in = dfuse_map_at(map, at);
        uint64_t left = in->at + in->sector_size * in->count - at;
        size_t size = segment->size - done < left ? segment->size - done : (size_t)left;
        add_piece(plan, in, at, segment->bytes + done, size);
        done += size;
    }
}

static void add_sectors(struct dfu_plan *plan, const struct dfuse_map *map,
                        const struct dfu_run *run)
{
    for (uint64_t at = run->at; run->erased && at < run->at + run->size;) {
        const struct dfuse_run *in = dfuse_map_at(map, at);
        uint64_t sector = at - (at - in->at) % in->sector_size;
        if (!plan->sector_count || plan->sectors[plan->sector_count - 1] != sector) {
            plan->sectors = xrealloc(plan->sectors, plan->sector_count + 1, sizeof *plan->sectors);
            plan->sectors[plan->sector_count++] = sector;
        }
        at = sector + in->sector_size;
    }
}

int dfu_plan_make(const struct dfuse_map *map, const struct image *image, struct dfu_plan *ret,
                  struct err *err)
{
    *ret = (struct dfu_plan){0};
    for (size_t i = 0; i < image->count; i++) {
        int rc = check_segment(map, &image->segments[i], err);
        if (rc < 0)
            return rc;
    }
    for (size_t i = 0; i < image->count; i++)
        add_segment(ret, map, &image->segments[i]);
    for (size_t i = 0; i < ret->run_count; i++)
        add_sectors(ret, map, &ret->runs[i]);
    return 0;
}

void dfu_plan_done(struct dfu_plan *plan)
{
    for (size_t i = 0; i < plan->run_count; i++)
        free(plan->runs[i].bytes);
    free(plan->runs);
    free(plan->sectors);
    *plan = (struct dfu_plan){0};
}
