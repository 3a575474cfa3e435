/* SPDX-License-Identifier: MIT */
#include "image/record.h"

#include <stdio.h>
#include <string.h>

#define VALID 0x10 /* marks a digit; the low half of the entry is its value */

static const uint8_t digits[256] = {
    ['0'] = VALID,      ['1'] = VALID | 1,  ['2'] = VALID | 2,  ['3'] = VALID | 3,
    ['4'] = VALID | 4,  ['5'] = VALID | 5,  ['6'] = VALID | 6,  ['7'] = VALID | 7,
    ['8'] = VALID | 8,  ['9'] = VALID | 9,  ['A'] = VALID | 10, ['B'] = VALID | 11,
    ['C'] = VALID | 12, ['D'] = VALID | 13, ['E'] = VALID | 14, ['F'] = VALID | 15,
    ['a'] = VALID | 10, ['b'] = VALID | 11, ['c'] = VALID | 12, ['d'] = VALID | 13,
    ['e'] = VALID | 14, ['f'] = VALID | 15,
};

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r';
}

/* The first bytes must be text as well: a raw binary may well begin with a ':'. */
bool record_detect(const uint8_t *bytes, size_t size, char mark)
{
    size_t head = size < 64 ? size : 64, at = 0;

    while (at < head && (is_blank(bytes[at]) || bytes[at] == '\n'))
        at++;
    if (head - at < 2 || bytes[at] != (uint8_t)mark || !digits[bytes[at + 1]])
        return false;
    for (; at < head; at++)
        if (!is_blank(bytes[at]) && bytes[at] != '\n' && (bytes[at] < ' ' || bytes[at] > '~'))
            return false;
    return true;
}

void record_open(struct record_reader *reader, const struct image *image)
{
    *reader = (struct record_reader){.name = image->name,
                                     .next = image->file_bytes,
                                     .end = image->file_bytes + image->file_size};
}

bool record_next(struct record_reader *reader)
{
    while (reader->next < reader->end) {
        const uint8_t *start = reader->next, *text = start;
        const uint8_t *stop = memchr(start, '\n', (size_t)(reader->end - start));
        reader->next = stop ? stop + 1 : reader->end;
        reader->line++;
        if (!stop)
            stop = reader->end;
        while (text < stop && is_blank(*text))
            text++;
        while (stop > text && is_blank(stop[-1]))
            stop--;
        if (text == stop)
            continue;
        reader->text = text;
        reader->length = (size_t)(stop - text);
        reader->column = (size_t)(text - start) + 1;
        return true;
    }
    return false;
}

static int digit_error(const struct record_reader *reader, size_t at, struct err *err)
{
    uint8_t byte = reader->text[at];

    if (byte > ' ' && byte <= '~')
        return record_error(reader, err, "column %zu: '%c' is not a hexadecimal digit",
                            reader->column + at, byte);
    return record_error(reader, err, "column %zu: byte 0x%02x is not a hexadecimal digit",
                        reader->column + at, byte);
}

int record_decode(struct record_reader *reader, size_t skip, struct err *err)
{
    const uint8_t *text = reader->text;
    size_t count = 0;
    unsigned sum = 0;

    for (size_t at = skip; at < reader->length; at += 2) {
        unsigned high = digits[text[at]], low;
        if (!high)
            return digit_error(reader, at, err);
        if (at + 1 == reader->length)
            return record_error(reader, err, "column %zu: ends in the middle of a byte",
                                reader->column + at);
        low = digits[text[at + 1]];
        if (!low)
            return digit_error(reader, at + 1, err);
        if (count == RECORD_BYTES_MAX)
            return record_error(reader, err, "record of more than %d bytes", RECORD_BYTES_MAX);
        reader->bytes[count] = (uint8_t)(high << 4 | (low & 0xF));
        sum += reader->bytes[count++];
    }
    reader->count = count;
    reader->sum = (uint8_t)(count ? sum - reader->bytes[count - 1] : 0);
    return 0;
}

int record_error(const struct record_reader *reader, struct err *err, const char *format, ...)
{
    char words[256];
    va_list args;

    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    return err_set(err, ERR_DATA, "%s:%zu: %s", reader->name, reader->line, words);
}
