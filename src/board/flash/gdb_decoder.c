/* SPDX-License-Identifier: MIT */
#include "board/flash/gdb_decoder.h"

#include <string.h>

/* A payload whose every byte is escaped, its frame, and what one read() may bring after it. */
#define RAW_MAX (3 * GDB_PACKET_MAX)

void gdb_decoder_init(struct gdb_decoder *decoder)
{
    *decoder = (struct gdb_decoder){.raw = BUF_INIT(RAW_MAX), .payload = BUF_INIT(GDB_PACKET_MAX)};
}

void gdb_decoder_done(struct gdb_decoder *decoder)
{
    buf_done(&decoder->raw);
    buf_done(&decoder->payload);
    decoder->taken = 0;
}

int gdb_decoder_feed(struct gdb_decoder *decoder, const void *bytes, size_t count)
{
    buf_drop_front(&decoder->raw, decoder->taken);
    decoder->taken = 0;
    return buf_add(&decoder->raw, bytes, count);
}

unsigned char gdb_checksum(const char *bytes, size_t count)
{
    unsigned sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += (unsigned char)bytes[i];
    return (unsigned char)sum;
}

int gdb_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* "0* " is four zeros: the byte after * is the number of repeats plus 29 (appendix E.1). */
static int repeat(struct buf *out, unsigned char count_code)
{
    size_t count = (size_t)count_code - 29;
    char *space;

    if (count_code < 32 || count_code > 126 || !out->size)
        return -ERR_DATA;
    space = buf_space(out, count);
    if (!space)
        return -ERR_LIMIT;
    memset(space, space[-1], count);
    buf_grew(out, count);
    return 0;
}

static int decode(struct buf *out, const char *at, const char *end)
{
    int rc = 0;

    buf_clear(out);
    while (at < end && rc == 0) {
        const char *run = at;
        while (at < end && *at != '}' && *at != '*')
            at++;
        rc = buf_add(out, run, (size_t)(at - run));
        if (rc < 0 || at == end)
            break;
        if (end - at < 2)
            return -ERR_DATA;
        if (*at == '*')
            rc = repeat(out, (unsigned char)at[1]);
        else
            rc = buf_add(out, &(char){(char)(at[1] ^ 0x20)}, 1);
        at += 2;
    }
    return rc;
}

/* `decoder->taken` stands on a $ or a %. */
static enum gdb_event take_packet(struct gdb_decoder *decoder, enum gdb_event kind)
{
    const char *start = decoder->raw.data + decoder->taken + 1;
    const char *end = decoder->raw.data + decoder->raw.size;
    const char *hash = memchr(start, '#', (size_t)(end - start));
    const char *restart = memrchr(start, '$', (size_t)((hash ? hash : end) - start));
    int high, low;

    if (restart) {
        decoder->taken = (size_t)(restart - decoder->raw.data);
        return take_packet(decoder, GDB_PACKET);
    }
    if (!hash || end - hash < 3)
        return GDB_MORE;
    decoder->taken = (size_t)(hash + 3 - decoder->raw.data);
    high = gdb_hex_digit(hash[1]);
    low = gdb_hex_digit(hash[2]);
    if (high < 0 || low < 0 || high * 16 + low != gdb_checksum(start, (size_t)(hash - start)))
        return GDB_BAD;
    return decode(&decoder->payload, start, hash) < 0 ? GDB_BAD : kind;
}

enum gdb_event gdb_decoder_next(struct gdb_decoder *decoder)
{
    for (; decoder->taken < decoder->raw.size; decoder->taken++) {
        switch (decoder->raw.data[decoder->taken]) {
        case '+':
            decoder->taken++;
            return GDB_ACK;
        case '-':
            decoder->taken++;
            return GDB_NAK;
        case '$':
            return take_packet(decoder, GDB_PACKET);
        case '%':
            return take_packet(decoder, GDB_NOTIFICATION);
        }
    }
    return GDB_MORE;
}
