/* SPDX-License-Identifier: MIT */
#include "usb/dfuse_map.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ADDRESSES ((uint64_t)1 << 32) /* AN3156: addresses are four bytes */

static int broken(const char *text, const char *at, struct err *err)
{
    return err_set(err, ERR_DATA, "memory layout '%.100s': not understood at '%.16s'", text, at);
}

/* Digits of `base`, at most `most` of them; false where there are none. */
static bool number(const char **at, int base, size_t most, uint64_t *ret)
{
    size_t digits = 0;

    for (*ret = 0; digits < most; digits++, ++*at) {
        unsigned char c = (unsigned char)**at;
        if (base == 16 ? !isxdigit(c) : !isdigit(c))
            break;
        unsigned value = isdigit(c) ? (unsigned)c - '0' : (unsigned)tolower(c) - 'a' + 10;
        *ret = *ret * (uint64_t)base + value;
    }
    return digits > 0;
}

/* Steps over `c`, never over the end. */
static bool skip(const char **at, char c)
{
    if (**at != c)
        return false;
    ++*at;
    return true;
}

static bool overlaps(const struct dfuse_map *map, const struct dfuse_run *run)
{
    for (size_t i = 0; i < map->count; i++) {
        const struct dfuse_run *other = &map->runs[i];
        if (run->at < other->at + other->sector_size * other->count &&
            other->at < run->at + run->sector_size * run->count)
            return true;
    }
    return false;
}

/* "04*016Kg" at the address *next, which moves on. */
static bool read_run(const char **at, uint64_t *next, struct dfuse_map *map)
{
    struct dfuse_run run = {.at = *next};
    unsigned shift = 0;

    while (skip(at, ' '))
        continue;
    if (!number(at, 10, 5, &run.count) || !skip(at, '*') || !number(at, 10, 5, &run.sector_size))
        return false;
    if (**at == 'K' || **at == 'M')
        shift = **at == 'K' ? 10 : 20;
    if (!skip(at, 'K') && !skip(at, 'M') && !skip(at, 'B'))
        skip(at, ' ');
    if (**at < 'a' || **at > 'g')
        return false;
    run.access = (unsigned)(*(*at)++ - 'a') + 1;
    run.sector_size <<= shift;
    if (!run.count || !run.sector_size || map->count == DFUSE_RUNS_MAX ||
        run.sector_size * run.count > ADDRESSES - run.at || overlaps(map, &run))
        return false;
    map->runs[map->count++] = run;
    *next += run.sector_size * run.count;
    return true;
}

static bool read_area(const char **at, struct dfuse_map *map)
{
    uint64_t next;

    if ((*at)[0] != '0' || tolower((unsigned char)(*at)[1]) != 'x')
        return false;
    *at += 2;
    if (!number(at, 16, 8, &next) || !skip(at, '/'))
        return false;
    do {
        if (!read_run(at, &next, map))
            return false;
    } while (skip(at, ','));
    return true;
}

int dfuse_map_parse(const char *text, struct dfuse_map *ret, struct err *err)
{
    const char *slash = strchr(text, '/'), *at = slash;
    size_t length = slash && text[0] == '@' ? (size_t)(slash - text) - 1 : 0;

    *ret = (struct dfuse_map){0};
    if (!length || length >= sizeof ret->name)
        return broken(text, text, err);
    while (length && text[length] == ' ')
        length--;
    memcpy(ret->name, text + 1, length);
    while (skip(&at, '/')) {
        if (!read_area(&at, ret))
            return broken(text, at, err);
    }
    while (skip(&at, ' '))
        continue;
    return *at ? broken(text, at, err) : 0;
}

const struct dfuse_run *dfuse_map_at(const struct dfuse_map *map, uint64_t at)
{
    for (size_t i = 0; i < map->count; i++) {
        const struct dfuse_run *run = &map->runs[i];
        if (at >= run->at && at - run->at < run->sector_size * run->count)
            return run;
    }
    return NULL;
}

bool dfuse_map_allows(const struct dfuse_map *map, uint64_t at, uint64_t size, unsigned access)
{
    while (size) {
        const struct dfuse_run *run = dfuse_map_at(map, at);
        if (!run || (run->access & access) != access)
            return false;
        uint64_t left = run->at + run->sector_size * run->count - at;
        uint64_t step = size < left ? size : left;
        at += step;
        size -= step;
    }
    return true;
}

uint64_t dfuse_map_bytes(const struct dfuse_map *map)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < map->count; i++)
        bytes += map->runs[i].sector_size * map->runs[i].count;
    return bytes;
}
