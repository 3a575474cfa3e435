/* SPDX-License-Identifier: MIT */
#include "base/str.h"
#include "image/uf2.h"
#include "image/uf2_block.h"

#include <string.h>

#define PAGE 256u
#define SECTOR 4096u

/* rp2350-arm-s, rp2350-riscv, rp2350-arm-ns; where they see their flash (RP2350 datasheet,
 * 2.2.2) */
#define UF2_RP2350_FIRST 0xE48BFF59u
#define UF2_RP2350_LAST 0xE48BFF5Bu
#define UF2_XIP_BEGIN 0x10000000u
#define UF2_XIP_END 0x12000000u

/* The image's pages, one after the other. */
struct walk {
    const struct image *image;
    uint64_t end; /* of the last page */
    size_t first; /* segment that may have more of them */
};

static struct walk walk_begin(const struct image *image)
{
    const struct segment *last = &image->segments[image->count - 1];

    return (struct walk){image, (last->address + last->size + PAGE - 1) / PAGE * PAGE, 0};
}

/* The next page at or behind `at` that is to be written; walk->end: none. Every page of a sector
 * that is touched is. */
static uint64_t next_page(struct walk *walk, uint64_t at)
{
    for (; walk->first < walk->image->count; walk->first++) {
        const struct segment *segment = &walk->image->segments[walk->first];
        uint64_t begin = segment->address / SECTOR * SECTOR;
        uint64_t end = (segment->address + segment->size + SECTOR - 1) / SECTOR * SECTOR;
        end = end < walk->end ? end : walk->end;
        if (at < end)
            return at > begin ? at : begin;
    }
    return walk->end;
}

static void put32(uint8_t *at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

/* The bytes of the page at `address`. `*first` is the first segment that may have some of them. */
static void fill_page(const struct image *image, uint64_t address, size_t *first, uint8_t *page)
{
    memset(page, 0xFF, PAGE);
    for (size_t i = *first; i < image->count && image->segments[i].address < address + PAGE; i++) {
        const struct segment *segment = &image->segments[i];
        uint64_t begin = segment->address > address ? segment->address : address;
        uint64_t end = segment->address + segment->size;
        end = end < address + PAGE ? end : address + PAGE;
        if (begin < end)
            memcpy(page + (begin - address), segment->bytes + (begin - segment->address),
                   end - begin);
        else
            *first = i + 1;
    }
}

static uint32_t count_pages(const struct image *image)
{
    struct walk walk = walk_begin(image);
    uint32_t count = 0;

    for (uint64_t at = next_page(&walk, 0); at < walk.end; at = next_page(&walk, at + PAGE))
        count++;
    return count;
}

static void make_block(uint8_t *block, uint64_t address, uint32_t number, uint32_t total,
                       uint32_t family)
{
    memset(block, 0, UF2_BLOCK_SIZE);
    put32(block, UF2_MAGIC_FIRST);
    put32(block + 4, UF2_MAGIC_SECOND);
    put32(block + 8, UF2_FAMILY_PRESENT);
    put32(block + 12, (uint32_t)address);
    put32(block + 16, PAGE);
    put32(block + 20, number);
    put32(block + 24, total);
    put32(block + 28, family);
    put32(block + UF2_BLOCK_SIZE - 4, UF2_MAGIC_LAST);
}

/* The families of an RP2350's firmware in flash; another one of them is what the block itself is
 * for. */
static bool has_e10(uint32_t family, const struct image *image)
{
    uint64_t first = image->segments[0].address;

    return family >= UF2_RP2350_FIRST && family <= UF2_RP2350_LAST && first >= UF2_XIP_BEGIN &&
           first < UF2_XIP_END;
}

static void make_e10(uint8_t *block)
{
    make_block(block, UF2_E10_ADDRESS, 0, UF2_E10_TOTAL, UF2_E10_FAMILY);
    put32(block + 8, UF2_FAMILY_PRESENT | UF2_EXTENSION_PRESENT);
    memset(block + UF2_DATA_AT, UF2_E10_FILL, PAGE);
    put32(block + UF2_DATA_AT + PAGE, UF2_E10_TAG);
}

int image_write_uf2(const struct image *image, uint32_t family, struct buf *ret, struct err *err)
{
    const struct segment *last = &image->segments[image->count - 1];
    struct walk walk = walk_begin(image);
    uint32_t total, number = 0;
    size_t first = 0;

    if (last->address + last->size > UINT64_C(1) << 32)
        return err_set(err, ERR_LIMIT, "%s: lies beyond 4 GiB, where UF2 cannot reach",
                       image->name);
    total = count_pages(image);
    if (has_e10(family, image)) {
        uint8_t block[UF2_BLOCK_SIZE];
        make_e10(block);
        if (buf_add(ret, block, sizeof block) < 0)
            return err_set(err, ERR_LIMIT, "%s: too large as UF2", image->name);
    }
    for (uint64_t at = next_page(&walk, 0); at < walk.end; at = next_page(&walk, at + PAGE)) {
        uint8_t block[UF2_BLOCK_SIZE];
        make_block(block, at, number++, total, family);
        fill_page(image, at, &first, block + UF2_DATA_AT);
        if (buf_add(ret, block, sizeof block) < 0)
            return err_set(err, ERR_LIMIT, "%s: too large as UF2", image->name);
    }
    return 0;
}
