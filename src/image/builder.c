/* SPDX-License-Identifier: MIT */
#include "image/builder.h"

#include "base/buf.h"
#include "base/str.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Records that continue the one before them are one chunk; this many may be out of order. */
#define CHUNKS_MAX (1u << 20)

struct chunk {
    uint64_t address;
    size_t size;
    size_t at; /* in the pool */
};

struct image_builder {
    struct buf pool;
    struct chunk *chunks;
    size_t count, room;
    bool has_entry;
    uint64_t entry;
    /* the second reading after an overlap: nothing is kept, only where `sought` was added */
    bool seeking;
    uint64_t sought;
    size_t found[2], found_count;
};

static struct chunk *new_chunk(struct image_builder *builder, struct err *err)
{
    if (builder->count == CHUNKS_MAX) {
        err_set(err, ERR_LIMIT, "more than %u pieces out of order", CHUNKS_MAX);
        return NULL;
    }
    if (builder->count == builder->room) {
        builder->room = builder->room ? builder->room * 2 : 16;
        builder->chunks = xrealloc(builder->chunks, builder->room, sizeof *builder->chunks);
    }
    return &builder->chunks[builder->count++];
}

static void note_place(struct image_builder *builder, uint64_t address, size_t size, size_t where)
{
    if (builder->sought - address < size && builder->found_count < 2)
        builder->found[builder->found_count++] = where;
}

int image_builder_add(struct image_builder *builder, uint64_t address, const void *bytes,
                      size_t size, size_t where, struct err *err)
{
    struct chunk *last = builder->count ? &builder->chunks[builder->count - 1] : NULL;
    size_t at = builder->pool.size;

    if (!size)
        return 0;
    if (builder->seeking) {
        note_place(builder, address, size, where);
        return 0;
    }
    if (address > UINT64_MAX - size)
        return err_set(err, ERR_DATA, "%zu bytes at 0x%" PRIx64 " pass the end of memory", size,
                       address);
    if (buf_add(&builder->pool, bytes, size) < 0)
        return err_set(err, ERR_LIMIT, "more than %zu MiB to load", IMAGE_LOAD_MAX >> 20);
    if (last && last->address + last->size == address) {
        last->size += size;
        return 0;
    }
    last = new_chunk(builder, err);
    if (!last)
        return -ERR_LIMIT;
    *last = (struct chunk){.address = address, .size = size, .at = at};
    return 0;
}

void image_builder_set_entry(struct image_builder *builder, uint64_t entry)
{
    builder->has_entry = true;
    builder->entry = entry;
}

static int by_address(const void *a, const void *b)
{
    const struct chunk *left = a, *right = b;

    return (left->address > right->address) - (left->address < right->address);
}

static int overlap_error(const struct image_format *format, struct image *image, uint64_t address,
                         struct err *err)
{
    struct image_builder second = {.pool = BUF_INIT(0), .seeking = true, .sought = address};

    format->read(&second, image, NULL);
    return err_set(err, ERR_DATA, "%s: %ss %zu and %zu both hold address 0x%" PRIx64, image->name,
                   format->place, second.found[0], second.found[1], address);
}

/* The chunks are sorted; those that touch become one segment. */
static int join(const struct image_builder *builder, struct image *image, struct err *err)
{
    for (size_t i = 0, next; i < builder->count; i = next) {
        const struct chunk *first = &builder->chunks[i];
        struct segment *segment;
        size_t size = 0;
        for (next = i; next < builder->count; next++) {
            if (builder->chunks[next].address != first->address + size)
                break;
            size += builder->chunks[next].size;
        }
        if (image->count == IMAGE_SEGMENTS_MAX)
            return err_set(err, ERR_LIMIT, "%s: more than %d segments", image->name,
                           IMAGE_SEGMENTS_MAX);
        image->segments = xrealloc(image->segments, image->count + 1, sizeof *image->segments);
        segment = &image->segments[image->count++];
        *segment = (struct segment){.address = first->address, .bytes = xmalloc(size)};
        for (; segment->size < size; first++) {
            memcpy(segment->bytes + segment->size, builder->pool.data + first->at, first->size);
            segment->size += first->size;
        }
        image->size_bytes += size;
    }
    return 0;
}

static int finish(struct image_builder *builder, const struct image_format *format,
                  struct image *image, struct err *err)
{
    struct chunk *chunks = builder->chunks;

    if (!builder->count)
        return err_set(err, ERR_DATA, "%s: holds nothing to load", image->name);
    qsort(chunks, builder->count, sizeof *chunks, by_address);
    for (size_t i = 1; i < builder->count; i++)
        if (chunks[i].address - chunks[i - 1].address < chunks[i - 1].size)
            return overlap_error(format, image, chunks[i].address, err);
    image->has_entry = builder->has_entry;
    image->entry = builder->entry;
    return join(builder, image, err);
}

int image_build(const struct image_format *format, struct image *image, struct err *err)
{
    struct image_builder builder = {.pool = BUF_INIT(IMAGE_LOAD_MAX)};
    int rc = format->read(&builder, image, err);

    if (rc == 0)
        rc = finish(&builder, format, image, err);
    free(builder.chunks);
    buf_done(&builder.pool);
    return rc;
}
