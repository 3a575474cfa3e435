/* SPDX-License-Identifier: MIT */
#include "image/write.h"

#include "base/str.h"

#include <stdlib.h>
#include <string.h>

#define RECORD_BYTES 16
#define PADDING_MAX (16u * 1024 * 1024)

enum { DATA = 0, END = 1, LINEAR_BASE = 4, LINEAR_START = 5 };

static char *put_byte(char *at, uint8_t byte)
{
    static const char digits[] = "0123456789ABCDEF";

    *at++ = digits[byte >> 4];
    *at++ = digits[byte & 15];
    return at;
}

static int add_record(struct buf *out, uint8_t type, uint16_t offset, const uint8_t *bytes,
                      size_t size)
{
    const uint8_t head[] = {(uint8_t)size, (uint8_t)(offset >> 8), (uint8_t)offset, type};
    char line[16 + 2 * RECORD_BYTES], *at = line;
    uint8_t sum = 0;

    *at++ = ':';
    for (size_t i = 0; i < sizeof head; i++) {
        at = put_byte(at, head[i]);
        sum = (uint8_t)(sum + head[i]);
    }
    for (size_t i = 0; i < size; i++) {
        at = put_byte(at, bytes[i]);
        sum = (uint8_t)(sum + bytes[i]);
    }
    at = put_byte(at, (uint8_t)-sum);
    *at++ = '\n';
    return buf_add(out, line, (size_t)(at - line));
}

static int add_segment(struct buf *out, const struct segment *segment, uint32_t *high)
{
    int rc = 0;

    for (size_t done = 0; done < segment->size && rc == 0;) {
        uint32_t at = (uint32_t)(segment->address + done);
        size_t n = segment->size - done < RECORD_BYTES ? segment->size - done : RECORD_BYTES;
        if (n > 0x10000 - (at & 0xffff)) /* an offset must not wrap within a record */
            n = 0x10000 - (at & 0xffff);
        if (at >> 16 != *high) {
            *high = at >> 16;
            rc = add_record(out, LINEAR_BASE, 0, (uint8_t[]){*high >> 8 & 0xff, *high & 0xff}, 2);
        }
        if (rc == 0)
            rc = add_record(out, DATA, at & 0xffff, segment->bytes + done, n);
        done += n;
    }
    return rc;
}

int image_write_ihex(const struct image *image, struct buf *ret, struct err *err)
{
    const struct segment *last = &image->segments[image->count - 1];
    uint32_t high = 0;
    int rc = 0;

    if (last->address + last->size > UINT64_C(1) << 32)
        return err_set(err, ERR_LIMIT, "%s: lies beyond 4 GiB, where Intel HEX cannot reach",
                       image->name);
    for (size_t i = 0; i < image->count && rc == 0; i++)
        rc = add_segment(ret, &image->segments[i], &high);
    if (rc == 0 && image->has_entry && image->entry <= UINT32_MAX)
        rc = add_record(ret, LINEAR_START, 0,
                        (uint8_t[]){image->entry >> 24 & 0xff, image->entry >> 16 & 0xff,
                                    image->entry >> 8 & 0xff, image->entry & 0xff},
                        4);
    if (rc == 0)
        rc = add_record(ret, END, 0, NULL, 0);
    return rc < 0 ? err_set(err, ERR_LIMIT, "%s: too large as Intel HEX", image->name) : 0;
}

/* The end of the run of segments that begins at `first`. */
static size_t run_end(const struct image *image, size_t first, uint64_t block)
{
    size_t i = first + 1;

    for (; i < image->count; i++) {
        const struct segment *before = &image->segments[i - 1];
        uint64_t last = before->address + (before->size - 1);
        if (block && last / block != image->segments[i].address / block)
            break;
    }
    return i;
}

static void fill_piece(const struct image *image, size_t first, size_t end,
                       struct image_piece *piece)
{
    piece->bytes = xmalloc(piece->size);
    memset(piece->bytes, 0xFF, piece->size);
    for (size_t i = first; i < end; i++)
        memcpy(piece->bytes + (image->segments[i].address - piece->address),
               image->segments[i].bytes, image->segments[i].size);
}

int image_pieces(const struct image *image, uint64_t block, struct image_piece **ret, size_t *count,
                 struct err *err)
{
    struct image_piece *pieces = xcalloc(image->count, sizeof *pieces);
    uint64_t padding_left = PADDING_MAX;
    size_t n = 0;

    for (size_t first = 0, end; first < image->count; first = end) {
        const struct segment *last;
        uint64_t used = 0, size;
        end = run_end(image, first, block);
        last = &image->segments[end - 1];
        size = last->address + last->size - image->segments[first].address;
        for (size_t i = first; i < end; i++)
            used += image->segments[i].size;
        if (size - used > padding_left) {
            image_pieces_free(pieces, n);
            return err_set(err, ERR_LIMIT,
                           "%s: its segments lie too far apart for one raw binary; the file as it "
                           "is, or a tool that takes Intel HEX, would do",
                           image->name);
        }
        padding_left -= size - used;
        pieces[n] =
            (struct image_piece){.address = image->segments[first].address, .size = (size_t)size};
        fill_piece(image, first, end, &pieces[n++]);
    }
    *ret = pieces;
    *count = n;
    return 0;
}

void image_pieces_free(struct image_piece *pieces, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(pieces[i].bytes);
    free(pieces);
}
