/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a firmware file: refused with a message, or an image that keeps image.h's promises
 * and, written as Intel HEX, UF2 and raw binaries, is the same bytes.
 */
#include "image/image.h"

#include "image/layout.h"
#include "image/uf2.h"
#include "image/write.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check(const struct image *image, size_t count)
{
    char digest[SHA256_HEX_SIZE];
    uint64_t sum = 0, end = 0;

    require(image->count > 0 && image->count <= IMAGE_SEGMENTS_MAX);
    require(image->file_size == count && strlen(image->sha256) == 64);
    for (size_t i = 0; i < image->count; i++) {
        const struct segment *segment = &image->segments[i];
        require(segment->size > 0 && segment->address <= UINT64_MAX - segment->size);
        require(i == 0 || segment->address > end);
        end = segment->address + segment->size;
        sum += segment->size;
        sha256_hex(segment->bytes, segment->size, digest); /* every byte can be read */
    }
    require(sum == image->size_bytes && sum <= IMAGE_LOAD_MAX);
}

static void check_ihex(const struct image *image)
{
    struct buf text = BUF_INIT(IMAGE_FILE_MAX);
    struct image *back = NULL;

    if (image_write_ihex(image, &text, NULL) == 0) {
        require(image_load("back", text.data, text.size, NULL, &back, NULL) == 0);
        require(back->count == image->count && back->size_bytes == image->size_bytes);
        for (size_t i = 0; i < image->count; i++)
            require(back->segments[i].address == image->segments[i].address &&
                    back->segments[i].size == image->segments[i].size &&
                    !memcmp(back->segments[i].bytes, image->segments[i].bytes,
                            image->segments[i].size));
        image_free(back);
    }
    buf_done(&text);
}

static void check_pieces(const struct image *image, uint64_t block)
{
    struct image_piece *pieces = NULL;
    size_t count = 0, at = 0;

    if (image_pieces(image, block, &pieces, &count, NULL) < 0)
        return;
    for (size_t p = 0; p < count; p++) {
        uint64_t end = pieces[p].address + (pieces[p].size - 1);
        require(p == 0 || (block && pieces[p].address / block >
                                        (pieces[p - 1].address + pieces[p - 1].size - 1) / block));
        for (; at < image->count && image->segments[at].address <= end; at++)
            require(!memcmp(pieces[p].bytes + (image->segments[at].address - pieces[p].address),
                            image->segments[at].bytes, image->segments[at].size));
    }
    require(at == image->count);
    image_pieces_free(pieces, count);
}

/* Every byte is there, and whatever else is blank. */
static void check_uf2(const struct image *image)
{
    struct buf file = BUF_INIT((size_t)4 << 20);
    struct image *back = NULL;
    uint32_t family = 0;
    size_t b = 0;

    if (image_write_uf2(image, 0x12345678, &file, NULL) == 0) {
        require(image_load("back", file.data, file.size, NULL, &back, NULL) == 0);
        require(image_uf2_family(back, &family) && family == 0x12345678);
        for (size_t i = 0; i < image->count; i++) {
            const struct segment *segment = &image->segments[i];
            while (back->segments[b].address + back->segments[b].size <= segment->address)
                require(++b < back->count);
            require(back->segments[b].address <= segment->address &&
                    back->segments[b].address + back->segments[b].size >=
                        segment->address + segment->size);
            require(
                !memcmp(back->segments[b].bytes + (segment->address - back->segments[b].address),
                        segment->bytes, segment->size));
        }
        image_free(back);
    }
    buf_done(&file);
}

/* Written again, it names the same: here nothing is looked for, so no row has a file. */
static void check_layout(const struct image *image)
{
    struct buf text = BUF_INIT((size_t)8 << 20);
    struct image *back = NULL;

    require(image->count == 0 && image->layout->count > 0);
    require(layout_write(image, &text, NULL) == 0);
    require(image_load("back", text.data, text.size, NULL, &back, NULL) == 0);
    require(back->layout && back->layout->count == image->layout->count);
    for (size_t i = 0; i < back->layout->count; i++)
        require(!back->layout->files[i].name);
    image_free(back);
    buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct image *image = NULL;
    struct err err = {0};
    int rc = image_load("fuzz", bytes, count, NULL, &image, &err);

    require((rc == 0) == (image != NULL) && (rc == 0) == (err.message[0] == '\0'));
    require(rc == 0 || rc == -ERR_DATA || rc == -ERR_LIMIT);
    if (image && image->layout) {
        check_layout(image);
    } else if (image) {
        check(image, count);
        check_ihex(image);
        check_uf2(image);
        check_pieces(image, 0);
        check_pieces(image, 4096);
    }
    image_free(image);
    return 0;
}
