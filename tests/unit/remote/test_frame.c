/* SPDX-License-Identifier: MIT */
#include "remote/frame.h"

#include "base/str.h"

#include <criterion/criterion.h>
#include <string.h>

static void add(struct buf *out, const char *verb, const void *body, size_t size)
{
    struct json_out head;

    frame_begin(&head, "do");
    json_kv_string(&head, "verb", verb);
    cr_assert_eq(frame_end(&head, out, body, size), 0);
}

Test(frame, comes_out_as_it_went_in)
{
    cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
    static const char body[] = "\0\xff raw\n";
    struct frame frame;

    add(&bytes, "$(touch x)\n\"'", body, sizeof body);
    add(&bytes, "next", NULL, 0);
    ssize_t size = frame_read(bytes.data, bytes.size, &frame, NULL);
    cr_assert_gt(size, 0);
    cr_expect_str_eq(frame.type, "do");
    cr_expect_str_eq(json_get_string(frame.head, "verb", ""), "$(touch x)\n\"'");
    cr_assert_eq(frame.size, sizeof body);
    cr_expect_eq(memcmp(frame.body, body, sizeof body), 0);
    frame_done(&frame);
    size_t rest = bytes.size - (size_t)size;
    cr_expect_eq(frame_read(bytes.data + size, rest, &frame, NULL), (ssize_t)rest);
    frame_done(&frame);
}

Test(frame, is_not_there_before_its_last_byte)
{
    cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
    struct frame frame;

    add(&bytes, "run", "body", 4);
    for (size_t count = 0; count < bytes.size; count++) {
        cr_expect_eq(frame_read(bytes.data, count, &frame, NULL), 0, "%zu bytes", count);
        frame_done(&frame);
    }
}

Test(frame, that_is_none_is_refused_at_once)
{
    static const struct {
        const char *bytes;
        size_t count;
    } rows[] = {{"\0\1\0\1\0\0\0\0", 8},             /* a head of 64 KiB and one byte */
                {"\0\0\0\2\0\4\0\1", 8},             /* a body of 256 KiB and one byte */
                {"xxxxxxxxxxxx", 12},                /* text */
                {"\0\0\0\2\0\0\0\0{]", 10},          /* no JSON */
                {"\0\0\0\0\0\0\0\0", 8},             /* no head at all */
                {"\0\0\0\5\0\0\0\0{\"a\x01\"", 13}}; /* a control character */

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct err err = {0};
        struct frame frame;
        cr_expect_lt(frame_read(rows[i].bytes, rows[i].count, &frame, &err), 0, "row %zu", i);
        cr_expect(err.message[0]);
        frame_done(&frame);
    }
}

Test(frame, beyond_a_ceiling_is_not_begun)
{
    cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
    cleanup_free char *large = xcalloc(1, FRAME_BODY_MAX + 1);
    struct json_out head;

    frame_begin(&head, "data");
    cr_expect_eq(frame_end(&head, &bytes, large, FRAME_BODY_MAX + 1), -ERR_LIMIT);
    memset(large, 'a', FRAME_HEAD_MAX);
    frame_begin(&head, "do");
    json_kv_string(&head, "verb", large);
    cr_expect_eq(frame_end(&head, &bytes, NULL, 0), -ERR_LIMIT);
    cr_expect_eq(bytes.size, 0);
}
