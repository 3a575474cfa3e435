/* SPDX-License-Identifier: MIT */
#include "base/text.h"

#include <stdint.h>
#include <string.h>

size_t text_utf8_length(const char *bytes, size_t count)
{
    const unsigned char *b = (const unsigned char *)bytes;
    unsigned low = 0x80, high = 0xBF; /* bounds of the second byte: RFC 3629, section 4 */
    size_t length;

    if (!count)
        return 0;
    if (b[0] < 0x80)
        return 1;
    if (b[0] >= 0xC2 && b[0] <= 0xDF) {
        length = 2;
    } else if ((b[0] & 0xF0) == 0xE0) {
        length = 3;
        low = b[0] == 0xE0 ? 0xA0 : 0x80;
        high = b[0] == 0xED ? 0x9F : 0xBF;
    } else if (b[0] >= 0xF0 && b[0] <= 0xF4) {
        length = 4;
        low = b[0] == 0xF0 ? 0x90 : 0x80;
        high = b[0] == 0xF4 ? 0x8F : 0xBF;
    } else {
        return 0;
    }
    if (count < length || b[1] < low || b[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((b[i] & 0xC0) != 0x80)
            return 0;
    return length;
}

/* Length of the character at `bytes` when XML may hold it, else 0. */
static size_t allowed(const char *bytes, size_t count)
{
    unsigned char first = (unsigned char)bytes[0];

    if (first < 0x20 && first != '\t' && first != '\n' && first != '\r')
        return 0;
    /* U+FFFE and U+FFFF are valid UTF-8 but no XML characters */
    if (first == 0xEF && count >= 3 && !memcmp(bytes, "\xEF\xBF", 2) &&
        (unsigned char)bytes[2] >= 0xBE)
        return 0;
    return text_utf8_length(bytes, count);
}

/* Bytes at the start that are printable ASCII, which most of what boards print is. */
static size_t plain_length(const char *bytes, size_t count)
{
    size_t at = 0;

    while (at + 8 <= count) {
        uint64_t word, high = 0x8080808080808080U, blanks = 0x2020202020202020U;
        memcpy(&word, bytes + at, 8);
        /* with no high bit set, a byte below 0x20 borrows and shows as one */
        if ((word | (word - blanks)) & high)
            break;
        at += 8;
    }
    while (at < count && (signed char)bytes[at] >= 0x20)
        at++;
    return at;
}

/* As many whole characters of clean text as the ceiling lets in; false: not all of them. */
static bool add_whole(struct buf *out, const char *bytes, size_t count)
{
    size_t room = out->ceiling - out->size;

    if (count <= room)
        return buf_add(out, bytes, count) == 0;
    while (room && ((unsigned char)bytes[room] & 0xC0) == 0x80)
        room--;
    buf_add(out, bytes, room);
    return false;
}

size_t text_clean(struct buf *out, const char *bytes, size_t count, unsigned flags)
{
    size_t replaced = 0, kept_from = 0, at = 0;

    while (at += plain_length(bytes + at, count - at), at < count) {
        unsigned char byte = (unsigned char)bytes[at];
        size_t length = allowed(bytes + at, count - at);
        bool blank = (flags & TEXT_ONE_LINE) && byte < 0x20;
        if (length && !blank) {
            at += length;
            continue;
        }
        if (!add_whole(out, bytes + kept_from, at - kept_from) ||
            buf_adds(out, length ? " " : "\xEF\xBF\xBD") < 0)
            return replaced;
        replaced += !length;
        kept_from = ++at;
    }
    add_whole(out, bytes + kept_from, at - kept_from);
    return replaced;
}

/* How much of `count` bytes is left when a UTF-8 sequence that the end cut through is dropped. */
static size_t without_cut(const char *bytes, size_t count)
{
    for (size_t back = 1; back <= 3 && back <= count; back++) {
        unsigned char byte = (unsigned char)bytes[count - back];
        if ((byte & 0xC0) == 0x80)
            continue;
        return byte >= (back == 1 ? 0xC0 : back == 2 ? 0xE0 : 0xF0) ? count - back : count;
    }
    return count;
}

char *text_clean_dup(const char *text, size_t max, unsigned flags)
{
    struct buf out = BUF_INIT(SIZE_MAX / 4);
    size_t count = strnlen(text, max);

    text_clean(&out, text, count == max ? without_cut(text, count) : count, flags);
    return buf_steal(&out);
}

bool text_is_clean(const char *bytes, size_t count)
{
    size_t at = 0;

    while (at += plain_length(bytes + at, count - at), at < count) {
        size_t length = allowed(bytes + at, count - at);
        if (!length)
            return false;
        at += length;
    }
    return true;
}
