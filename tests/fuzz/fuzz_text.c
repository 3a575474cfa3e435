/* SPDX-License-Identifier: MIT
 *
 * What text_clean() gives is clean, cleaning it again changes nothing, its count is right, and a
 * ceiling only cuts it short.
 */
#include "base/buf.h"
#include "base/str.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void check(const char *bytes, size_t count, unsigned flags)
{
    cleanup_buf struct buf clean = BUF_INIT(3 * count + 1);
    cleanup_buf struct buf again = BUF_INIT(3 * count + 1);
    cleanup_buf struct buf cut = BUF_INIT(count / 2);
    size_t replaced = text_clean(&clean, bytes, count, flags);

    must(text_is_clean(clean.data, clean.size));
    must((replaced == 0) == text_is_clean(bytes, count));
    must(clean.size == count + 2 * replaced);
    must(!(flags & TEXT_ONE_LINE) || !strpbrk(clean.data, "\t\r\n"));
    must(text_clean(&again, clean.data, clean.size, flags) == 0);
    must(again.size == clean.size && !memcmp(again.data, clean.data, clean.size));
    text_clean(&cut, bytes, count, flags);
    must(text_is_clean(cut.data, cut.size) && cut.size <= count / 2);
    must(!memcmp(cut.data, clean.data, cut.size));
    must(cut.size == clean.size || cut.size + 3 >= count / 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    const char *text = (const char *)bytes;

    check(text, count, 0);
    check(text, count, TEXT_ONE_LINE);
    cleanup_free char *copy = text_clean_dup(text, count, 0);
    must(text_is_clean(copy, strlen(copy)));
    return 0;
}
