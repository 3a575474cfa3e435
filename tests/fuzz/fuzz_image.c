/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a firmware file: refused with a message, or an image that keeps image.h's promises.
 */
#include "image/image.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct image *image = NULL;
    struct err err = {0};
    int rc = image_load("fuzz", bytes, count, NULL, &image, &err);

    require((rc == 0) == (image != NULL) && (rc == 0) == (err.message[0] == '\0'));
    require(rc == 0 || rc == -ERR_DATA || rc == -ERR_LIMIT);
    if (image)
        check(image, count);
    image_free(image);
    return 0;
}
