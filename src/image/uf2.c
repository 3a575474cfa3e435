/* SPDX-License-Identifier: MIT
 *
 * UF2: https://github.com/microsoft/uf2, blocks of 512 bytes that each say where they belong.
 */
#include "image/uf2.h"

#include "base/str.h"
#include "image/builder.h"
#include "image/uf2_block.h"

#include <string.h>

struct block {
    uint32_t flags, address, size, number, total, family;
    const uint8_t *data;
};

struct numbering {
    struct block first; /* what all others must agree with */
    size_t count;       /* blocks so far */
    uint8_t *seen;      /* by number, as many as the file has blocks */
};

static uint32_t le32(const uint8_t *at)
{
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static int parse(const uint8_t *bytes, struct block *ret, struct err *err)
{
    if (le32(bytes) != UF2_MAGIC_FIRST || le32(bytes + 4) != UF2_MAGIC_SECOND ||
        le32(bytes + UF2_BLOCK_SIZE - 4) != UF2_MAGIC_LAST)
        return err_set(err, ERR_DATA, "is no UF2 block: wrong magic number");
    *ret = (struct block){.flags = le32(bytes + 8),
                          .address = le32(bytes + 12),
                          .size = le32(bytes + 16),
                          .number = le32(bytes + 20),
                          .total = le32(bytes + 24),
                          .data = bytes + UF2_DATA_AT};
    if (ret->flags & UF2_FAMILY_PRESENT)
        ret->family = le32(bytes + 28);
    if (ret->flags & UF2_FILE_CONTAINER)
        return err_set(err, ERR_DATA, "holds a piece of a file, not flash contents");
    if (ret->size > UF2_DATA_MAX)
        return err_set(err, ERR_DATA, "payload of %u bytes, %d is the most", ret->size,
                       UF2_DATA_MAX);
    return 0;
}

static bool is_e10_block(const struct block *block)
{
    return block->family == UF2_E10_FAMILY && block->address == UF2_E10_ADDRESS &&
           block->number == 0 && block->total == 2;
}

static int check_number(struct numbering *numbering, const struct block *block, size_t blocks,
                        struct err *err)
{
    const struct block *first = &numbering->first;

    if (!numbering->count++)
        numbering->first = *block;
    if (block->total != first->total)
        return err_set(err, ERR_DATA, "says %u blocks, an earlier one %u", block->total,
                       first->total);
    if (block->family != first->family)
        return err_set(err, ERR_DATA,
                       "is for family 0x%08x, an earlier one for 0x%08x; "
                       "give one file for each chip",
                       block->family, first->family);
    if (block->total > blocks)
        return err_set(err, ERR_DATA, "says %u blocks, the file has %zu: it is truncated",
                       block->total, blocks);
    if (block->number >= block->total)
        return err_set(err, ERR_DATA, "is numbered %u of %u", block->number, block->total);
    if (numbering->seen[block->number]++)
        return err_set(err, ERR_DATA, "is a second block numbered %u", block->number);
    return 0;
}

static int read_block(struct image_builder *builder, const struct image *image, size_t i,
                      struct numbering *numbering, struct err *err)
{
    struct block block = {0};

    if (parse(image->file_bytes + i * UF2_BLOCK_SIZE, &block, err) < 0)
        return -ERR_DATA;
    if (is_e10_block(&block))
        return 0;
    if (check_number(numbering, &block, image->file_size / UF2_BLOCK_SIZE, err) < 0)
        return -ERR_DATA;
    if (block.flags & UF2_NOT_MAIN_FLASH)
        return 0;
    return image_builder_add(builder, block.address, block.data, block.size, i, err);
}

static int read_uf2(struct image_builder *builder, struct image *image, struct err *err)
{
    size_t blocks = image->file_size / UF2_BLOCK_SIZE;
    cleanup_free uint8_t *seen = xcalloc(blocks, 1);
    struct numbering numbering = {.seen = seen};

    for (size_t i = 0; i < blocks; i++)
        if (read_block(builder, image, i, &numbering, err) < 0)
            return err_wrap(err, "%s: block %zu", image->name, i);
    if (numbering.count < numbering.first.total)
        return err_set(err, ERR_DATA, "%s: %zu of %u blocks: the file is truncated", image->name,
                       numbering.count, numbering.first.total);
    if (image->file_size % UF2_BLOCK_SIZE)
        return err_set(err, ERR_DATA, "%s: ends within block %zu: the file is truncated",
                       image->name, blocks);
    return 0;
}

/* Reading has checked that all blocks but the one of E10 are for the same. */
bool image_uf2_family(const struct image *image, uint32_t *ret)
{
    struct block block = {0};

    if (!str_eq(image->format, "uf2"))
        return false;
    for (size_t i = 0; i < image->file_size / UF2_BLOCK_SIZE; i++) {
        if (parse(image->file_bytes + i * UF2_BLOCK_SIZE, &block, NULL) < 0)
            return false;
        if (!is_e10_block(&block)) {
            *ret = block.family;
            return block.flags & UF2_FAMILY_PRESENT;
        }
    }
    return false;
}

static bool detect_uf2(const uint8_t *bytes, size_t size)
{
    return size >= 8 && le32(bytes) == UF2_MAGIC_FIRST && le32(bytes + 4) == UF2_MAGIC_SECOND;
}

const struct image_format image_uf2 = {
    .name = "uf2", .place = "block", .detect = detect_uf2, .read = read_uf2};
