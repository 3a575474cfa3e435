/* SPDX-License-Identifier: MIT */
#include "parse/scan.h"

#include <string.h>
#include <strings.h>

struct scan scan_begin(struct text text)
{
    /* of an empty text there may be no address to add to */
    return (struct scan){.at = text.at, .end = text.size ? text.at + text.size : text.at};
}

bool scan_done(const struct scan *scan)
{
    return scan->at == scan->end;
}

static size_t left(const struct scan *scan)
{
    return (size_t)(scan->end - scan->at);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

size_t scan_blanks(struct scan *scan)
{
    const char *start = scan->at;
    while (scan->at < scan->end && is_blank(*scan->at))
        scan->at++;
    return (size_t)(scan->at - start);
}

bool scan_word(struct scan *scan, const char *word)
{
    size_t length = strlen(word);
    if (left(scan) < length || memcmp(scan->at, word, length) != 0)
        return false;
    scan->at += length;
    return true;
}

bool scan_word_any_case(struct scan *scan, const char *word)
{
    size_t length = strlen(word);
    if (left(scan) < length || strncasecmp(scan->at, word, length) != 0)
        return false;
    scan->at += length;
    return true;
}

bool scan_number(struct scan *scan, uint64_t *ret)
{
    const char *at = scan->at;
    uint64_t value = 0;
    while (at < scan->end && is_digit(*at)) {
        if (at - scan->at == 18)
            return false;
        value = value * 10 + (uint64_t)(*at++ - '0');
    }
    if (at == scan->at)
        return false;
    scan->at = at;
    *ret = value;
    return true;
}

bool scan_decimal(struct scan *scan, int64_t unit_us, int64_t *ret_us)
{
    struct scan try = *scan;
    uint64_t whole;
    if (!scan_number(&try, &whole) || whole > (uint64_t)(INT64_MAX / 2 / unit_us))
        return false;
    int64_t value = (int64_t)whole * unit_us;
    if (try.at + 1 < try.end && *try.at == '.' && is_digit(try.at[1])) {
        int64_t worth = unit_us;
        for (try.at++; try.at < try.end && is_digit(*try.at); try.at++) {
            worth /= 10;
            value += worth * (*try.at - '0');
        }
    }
    *scan = try;
    *ret_us = value;
    return true;
}

bool scan_until(struct scan *scan, const char *word, struct text *ret)
{
    size_t length = strlen(word);
    const char *found = left(scan) ? memmem(scan->at, left(scan), word, length) : NULL;
    if (!found)
        return false;
    *ret = (struct text){.at = scan->at, .size = (size_t)(found - scan->at)};
    scan->at = found + length;
    return true;
}

struct text scan_rest(struct scan *scan)
{
    struct text rest = {.at = scan->at, .size = left(scan)};
    scan->at = scan->end;
    return text_trim(rest);
}

struct text text_of(const char *string)
{
    return (struct text){.at = string, .size = strlen(string)};
}

struct text text_of_buf(const struct buf *buf)
{
    return (struct text){.at = buf->data, .size = buf->size};
}

void text_store(struct text text, struct buf *ret)
{
    buf_clear(ret);
    buf_add(ret, text.at, text.size < ret->ceiling ? text.size : ret->ceiling);
}

struct text text_trim(struct text text)
{
    while (text.size > 0 && is_blank(text.at[text.size - 1]))
        text.size--;
    while (text.size > 0 && is_blank(*text.at)) {
        text.at++;
        text.size--;
    }
    return text;
}

bool text_same(struct text a, struct text b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.at, b.at, a.size) == 0);
}

bool text_is(struct text text, const char *string)
{
    return text_same(text, text_of(string));
}

bool text_starts(struct text text, const char *prefix)
{
    size_t length = strlen(prefix);
    return text.size >= length && memcmp(text.at, prefix, length) == 0;
}

bool text_ends(struct text text, const char *suffix)
{
    size_t length = strlen(suffix);
    return text.size >= length && memcmp(text.at + text.size - length, suffix, length) == 0;
}

bool text_cut_end(struct text *text, const char *suffix)
{
    if (!text_ends(*text, suffix))
        return false;
    text->size -= strlen(suffix);
    return true;
}
