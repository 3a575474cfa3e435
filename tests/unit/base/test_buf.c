/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

Test(buf, is_an_empty_string_before_anything)
{
    cleanup_buf struct buf buf = BUF_INIT(10);

    cr_assert_str_eq(buf.data, "");
    buf_clear(&buf);
    buf_drop_front(&buf, 0);
    cr_assert_eq(buf.size, 0);
}

Test(buf, grows_and_stays_terminated)
{
    cleanup_buf struct buf buf = BUF_INIT(100000);

    for (int i = 0; i < 10000; i++) {
        cr_assert_eq(buf_add(&buf, "0123456789", 10), 0);
        cr_assert_eq(buf.data[buf.size], '\0');
    }
    cr_assert_eq(buf.size, 100000);
    cr_assert_eq(memcmp(buf.data + 99990, "0123456789", 11), 0);
}

Test(buf, ceiling_holds_to_the_byte_and_nothing_is_half_added)
{
    for (size_t ceiling = 0; ceiling < 600; ceiling++) {
        cleanup_buf struct buf buf = BUF_INIT(ceiling);
        char bytes[600] = {1};
        cr_assert_eq(buf_add(&buf, bytes, ceiling + 1), -ERR_LIMIT);
        cr_assert_eq(buf.size, 0);
        cr_assert_eq(buf_add(&buf, bytes, ceiling), 0);
        cr_assert_eq(buf.size, ceiling);
        cr_assert_eq(buf_add(&buf, "x", 1), -ERR_LIMIT);
        cr_assert_eq(buf_addf(&buf, "%d", 7), -ERR_LIMIT);
        cr_assert_eq(buf_add(&buf, "", 0), 0);
        cr_assert_eq(buf.size, ceiling);
    }
}

Test(buf, works_with_the_largest_ceiling)
{
    cleanup_buf struct buf buf = BUF_INIT(SIZE_MAX);

    cr_assert_eq(buf_adds(&buf, "hello"), 0);
    for (int i = 0; i < 100; i++)
        cr_assert_eq(buf_adds(&buf, " and more text than was there before"), 0);
    cr_assert_eq(buf.size, 5 + 100 * 36);
    cr_assert_null(buf_space(&buf, SIZE_MAX));
}

Test(buf, formats_short_and_long_text)
{
    cleanup_buf struct buf buf = BUF_INIT(2000);

    for (int width = 250; width < 260; width++) { /* across the size of the small buffer inside */
        buf_clear(&buf);
        cr_assert_eq(buf_addf(&buf, "<%*d>", width, 42), 0);
        cr_assert_eq(buf.size, (size_t)width + 2);
        cr_assert_str_eq(buf.data + width - 1, "42>");
    }
    cr_assert_eq(buf_addf(&buf, "%3000d", 1), -ERR_LIMIT);
    cr_assert_eq(buf.size, 261);
}

Test(buf, drops_from_the_front)
{
    cleanup_buf struct buf buf = BUF_INIT(100);

    buf_adds(&buf, "abcdef");
    buf_drop_front(&buf, 2);
    cr_assert_str_eq(buf.data, "cdef");
    buf_drop_front(&buf, 4);
    cr_assert_eq(buf.size, 0);
    cr_assert_str_eq(buf.data, "");
}

Test(buf, space_is_counted_by_the_caller)
{
    cleanup_buf struct buf buf = BUF_INIT(5);
    char *space = buf_space(&buf, 5);

    memcpy(space, "abc", 3);
    buf_grew(&buf, 3);
    cr_assert_str_eq(buf.data, "abc");
    cr_assert_null(buf_space(&buf, 3));
    cr_assert_not_null(buf_space(&buf, 2));
}

Test(buf, stolen_text_leaves_a_usable_buffer)
{
    struct buf buf = BUF_INIT(20);
    char *nothing = buf_steal(&buf), *text;

    cr_assert_str_eq(nothing, "");
    buf_adds(&buf, "mine");
    text = buf_steal(&buf);
    cr_assert_str_eq(text, "mine");
    cr_assert_str_eq(buf.data, "");
    cr_assert_eq(buf_adds(&buf, "again, up to twenty."), 0);
    cr_assert_eq(buf_adds(&buf, "!"), -ERR_LIMIT);
    buf_done(&buf);
    buf_done(&buf);
    cr_assert_str_eq(buf.data, "");
    free(nothing);
    free(text);
}
