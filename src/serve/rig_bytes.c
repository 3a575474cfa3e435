/* SPDX-License-Identifier: MIT */
#include "serve/rig_bytes.h"

#include "base/str.h"
#include "image/write.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_FILL '\0'
#define BYTES_FILL '\xff' /* as erased flash */
#define IMAGE_TEXT_MAX (4 * IMAGE_LOAD_MAX)

static int hex(char c)
{
    return c >= 'a' ? c - 'a' + 10 : c >= 'A' ? c - 'A' + 10 : c - '0';
}

/* Pairs of hexadecimal digits, a MAC address's with colons between. */
static int add_bytes(const char *text, struct buf *ret, struct err *err)
{
    cleanup_buf struct buf digits = BUF_INIT(POOL_VALUE_MAX);

    for (; *text; text++)
        if (*text != ':')
            buf_add(&digits, text, 1);
    if (digits.size % 2 || strspn(digits.data, "0123456789abcdefABCDEF") != digits.size)
        return err_set(err, ERR_CONFIG,
                       "it is not made of hexadecimal digits, so it has no bytes; "
                       "as: text");
    for (size_t i = 0; i < digits.size; i += 2) {
        char byte = (char)(hex(digits.data[i]) << 4 | hex(digits.data[i + 1]));
        buf_add(ret, &byte, 1);
    }
    return 0;
}

static void reverse(char *bytes, size_t size)
{
    for (size_t i = 0; i < size / 2; i++) {
        char byte = bytes[i];
        bytes[i] = bytes[size - 1 - i];
        bytes[size - 1 - i] = byte;
    }
}

int rig_bytes(const struct rig_recipe *recipe, const struct store_identity *identity,
              struct buf *ret, struct err *err)
{
    int form = recipe->form, rc = 0;
    size_t before = ret->size;
    char fill;

    if (form == FORM_DEFAULT)
        form = identity->kind == POOL_MAC ? FORM_BYTES : FORM_TEXT;
    fill = form == FORM_TEXT ? TEXT_FILL : BYTES_FILL;
    if (form == FORM_TEXT)
        buf_adds(ret, identity->value);
    else
        rc = add_bytes(identity->value, ret, err);
    if (rc < 0)
        return err_wrap(err, "pool %s", identity->pool);
    if (form == FORM_REVERSED)
        reverse(ret->data + before, ret->size - before);
    if (recipe->size && ret->size - before > recipe->size)
        return err_set(err, ERR_CONFIG,
                       "pool %s: an identity of %zu bytes is more than the %" PRIu64
                       " that are there for it",
                       identity->pool, ret->size - before, recipe->size);
    while (ret->size - before < recipe->size)
        buf_add(ret, &fill, 1);
    return 0;
}

/* ---- images ---------------------------------------------------------------------------------- */

/* The segments as a file of their own, so that a tool that takes files gets just them. */
static int as_file(const struct image *draft, struct image **ret, struct err *err)
{
    cleanup_buf struct buf text = BUF_INIT(IMAGE_TEXT_MAX);
    int rc = image_write_ihex(draft, &text, err);

    return rc < 0 ? rc : image_load(draft->name, text.data, text.size, NULL, ret, err);
}

int rig_bytes_image(uint64_t at, const struct buf *bytes, struct image **ret, struct err *err)
{
    struct segment segment = {at, (uint8_t *)bytes->data, bytes->size};
    struct image draft = {.name = (char *)(uintptr_t) "identity", .segments = &segment, .count = 1};

    return as_file(&draft, ret, err);
}

/* How many of the bytes lie in the segment. */
static uint64_t overlap(const struct segment *segment, uint64_t at, size_t size)
{
    uint64_t from = at > segment->address ? at : segment->address;
    uint64_t to =
        at + size < segment->address + segment->size ? at + size : segment->address + segment->size;

    return to > from ? to - from : 0;
}

static int patch(struct segment *segments, size_t *count, uint64_t at, const struct buf *bytes,
                 struct err *err)
{
    size_t i = 0;

    for (; i < *count; i++) {
        uint64_t shared = overlap(&segments[i], at, bytes->size);
        if (shared && shared < bytes->size)
            return err_set(err, ERR_CONFIG,
                           "a patch at 0x%08" PRIx64 " lies half within the firmware's segment at "
                           "0x%08" PRIx64,
                           at, segments[i].address);
        if (shared) {
            memcpy(segments[i].bytes + (at - segments[i].address), bytes->data, bytes->size);
            return 0;
        }
    }
    for (i = *count; i && segments[i - 1].address > at; i--)
        segments[i] = segments[i - 1];
    segments[i] = (struct segment){at, xmalloc(bytes->size), bytes->size};
    memcpy(segments[i].bytes, bytes->data, bytes->size);
    ++*count;
    return 0;
}

int rig_bytes_patch(const struct image *image, uint64_t at, const struct buf *bytes,
                    struct image **ret, struct err *err)
{
    struct image draft = *image;
    int rc;

    draft.segments = xcalloc(image->count + 1, sizeof *draft.segments);
    for (size_t i = 0; i < image->count; i++) {
        draft.segments[i] = image->segments[i];
        draft.segments[i].bytes = xmalloc(image->segments[i].size);
        memcpy(draft.segments[i].bytes, image->segments[i].bytes, image->segments[i].size);
    }
    rc = patch(draft.segments, &draft.count, at, bytes, err);
    if (rc == 0)
        rc = as_file(&draft, ret, err);
    if (rc == 0 && image->build_id && !(*ret)->build_id)
        (*ret)->build_id = xstrdup(image->build_id);
    for (size_t i = 0; i < draft.count; i++)
        free(draft.segments[i].bytes);
    free(draft.segments);
    return rc;
}
