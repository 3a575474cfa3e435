/* SPDX-License-Identifier: MIT */
#include "parse/lines.h"

#include "base/str.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { NUL = 0, BEL = 7, CR = '\r', ESC = 0x1b, CAN = 0x18, SUB = 0x1a, DEL = 0x7f };

/* Where in an escape sequence the last byte was (ECMA-48, sections 5.3 to 5.6 and ECMA-35). */
enum escape {
    ESCAPE_NONE,
    ESCAPE_BEGUN,        /* after ESC */
    ESCAPE_INTERMEDIATE, /* after ESC and 0x20..0x2f: one final byte to come */
    ESCAPE_CSI,
    ESCAPE_STRING,     /* OSC, DCS, SOS, PM, APC: kept as text until it turns out to end */
    ESCAPE_STRING_END, /* after ESC in a string: '\' ends it */
};

struct lines {
    lines_sink *sink;
    void *arg;

    /* The line that is not over yet. Its first two pieces stand in `text`; what follows overwrites
     * the second piece as a ring, so that the newest bytes are there. */
    bool open;
    bool high; /* it has bytes of 0x80 and more */
    enum escape escape;
    size_t string_at; /* where in the text the string sequence began */
    size_t size;      /* cleaned bytes so far, those overwritten as well */
    int64_t time_us;
    uint64_t begin;
    char *text;

    bool after_cr; /* a CR ended the line before: an LF now belongs to it */
    int64_t now_us;
    uint64_t fed; /* where in uart.log the bytes fed so far end */
    uint64_t count, replaced, cut;
};

struct lines *lines_new(lines_sink *sink, void *arg)
{
    struct lines *lines = xcalloc(1, sizeof(*lines));
    lines->sink = sink;
    lines->arg = arg;
    lines->text = xmalloc(2 * LINE_PIECE);
    return lines;
}

void lines_free(struct lines *lines)
{
    if (!lines)
        return;
    free(lines->text);
    free(lines);
}

void lines_count(const struct lines *lines, struct capture_stats *stats)
{
    stats->lines += lines->count;
    stats->replaced_bytes += lines->replaced;
    stats->cut_lines += lines->cut;
}

/* ---- what a span of bytes holds ------------------------------------------------------------ */

enum { HAS_CONTROL = 1, HAS_HIGH = 2 };

static unsigned classify_byte(unsigned char c)
{
    if (c >= 0x80)
        return HAS_HIGH;
    return (c < 0x20 && c != '\t') || c == DEL ? HAS_CONTROL : 0;
}

/* As many bytes as a vector register has. */
enum { BLOCK = 16 };
typedef signed char block_bytes __attribute__((vector_size(BLOCK)));
typedef uint64_t block_words __attribute__((vector_size(BLOCK)));

/* True where all of a block's bytes are printable ASCII: one of 0x80 and more is negative here. */
static bool all_printable(const char *bytes)
{
    block_bytes block;
    memcpy(&block, bytes, sizeof(block));
    block_words others = (block_words)((block < 0x20) | (block == DEL));
    return (others[0] | others[1]) == 0;
}

static unsigned classify(const char *bytes, size_t size)
{
    unsigned has = 0;
    size_t i = 0;
    for (; i + BLOCK <= size; i += BLOCK) {
        if (all_printable(bytes + i))
            continue;
        for (size_t k = 0; k < BLOCK; k++)
            has |= classify_byte((unsigned char)bytes[i + k]);
    }
    for (; i < size; i++)
        has |= classify_byte((unsigned char)bytes[i]);
    return has;
}

static uint64_t count_invalid(const char *bytes, size_t size)
{
    uint64_t invalid = 0;
    for (size_t i = 0; i < size;) {
        size_t length = (unsigned char)bytes[i] < 0x80 ? 1 : text_utf8_length(bytes + i, size - i);
        invalid += length == 0;
        i += length ? length : 1;
    }
    return invalid;
}

/* ---- handing out --------------------------------------------------------------------------- */

static void hand_out(struct lines *lines, const char *text, size_t size, uint64_t end, bool high)
{
    if (high)
        lines->replaced += count_invalid(text, size);
    struct line line = {
        .text = text, .size = size, .time_us = lines->time_us, .begin = lines->begin, .end = end};
    lines->sink(lines->arg, &line);
}

static void hand_out_pieces(struct lines *lines, uint64_t end)
{
    char *ring = lines->text + LINE_PIECE;
    size_t oldest = (lines->size - LINE_PIECE) % LINE_PIECE;
    cleanup_free char *tail = xmalloc(LINE_PIECE);
    memcpy(tail, ring + oldest, LINE_PIECE - oldest);
    memcpy(tail + LINE_PIECE - oldest, ring, oldest);
    lines->cut++;
    hand_out(lines, lines->text, LINE_PIECE, end, lines->high);
    hand_out(lines, tail, LINE_PIECE, end, lines->high);
}

static void open_line(struct lines *lines, uint64_t begin)
{
    lines->open = true;
    lines->begin = begin;
    lines->time_us = lines->now_us;
}

static void end_line(struct lines *lines, uint64_t end)
{
    lines->count++;
    if (lines->size > 2 * LINE_PIECE)
        hand_out_pieces(lines, end);
    else
        hand_out(lines, lines->text, lines->size, end, lines->high);
    lines->open = false;
    lines->high = false;
    lines->escape = ESCAPE_NONE;
    lines->size = 0;
}

/* ---- the long way: lines that come in parts or hold control characters --------------------- */

static void keep(struct lines *lines, const char *bytes, size_t size)
{
    while (size > 0) {
        size_t at = lines->size;
        if (at >= 2 * LINE_PIECE)
            at = LINE_PIECE + (at - LINE_PIECE) % LINE_PIECE;
        size_t part = 2 * LINE_PIECE - at;
        if (part > size)
            part = size;
        memcpy(lines->text + at, bytes, part);
        lines->size += part;
        bytes += part;
        size -= part;
    }
}

static void begin_string(struct lines *lines)
{
    lines->escape = ESCAPE_STRING;
    lines->string_at = lines->size;
}

static void end_string(struct lines *lines)
{
    lines->escape = ESCAPE_NONE;
    if (lines->size <= 2 * LINE_PIECE)
        lines->size = lines->string_at;
}

/* True where the byte belonged to the sequence. */
static bool escape_byte(struct lines *lines, unsigned char c)
{
    switch (lines->escape) {
    case ESCAPE_BEGUN:
        lines->escape = ESCAPE_NONE;
        if (c == '[')
            lines->escape = ESCAPE_CSI;
        else if (c == ']' || c == 'P' || c == 'X' || c == '^' || c == '_')
            begin_string(lines);
        else if (c >= 0x20 && c <= 0x2f)
            lines->escape = ESCAPE_INTERMEDIATE;
        else
            return c >= 0x30 && c <= 0x7e;
        return true;
    case ESCAPE_INTERMEDIATE:
        if (c < 0x20 || c > 0x2f)
            lines->escape = ESCAPE_NONE;
        return c >= 0x20 && c <= 0x7e;
    case ESCAPE_CSI:
        if (c < 0x20 || c > 0x3f)
            lines->escape = ESCAPE_NONE;
        return c >= 0x20 && c <= 0x7e;
    case ESCAPE_STRING:
        if (c == BEL)
            end_string(lines);
        else if (c == ESC)
            lines->escape = ESCAPE_STRING_END;
        else if (c == CAN || c == SUB)
            lines->escape = ESCAPE_NONE;
        return c == BEL || c == ESC || c == CAN || c == SUB;
    case ESCAPE_STRING_END:
        if (c == '\\') {
            end_string(lines);
            return true;
        }
        lines->escape = ESCAPE_BEGUN; /* the string never ended: another sequence began */
        return escape_byte(lines, c);
    case ESCAPE_NONE:
        break;
    }
    return false;
}

/* A control character, or any byte inside an escape sequence. */
static void add_control(struct lines *lines, char byte)
{
    unsigned char c = (unsigned char)byte;
    if (lines->escape != ESCAPE_NONE && escape_byte(lines, c))
        return;
    if (c == ESC) {
        lines->escape = ESCAPE_BEGUN;
        return;
    }
    unsigned has = classify_byte(c);
    if (has & HAS_CONTROL) {
        lines->replaced++;
        return;
    }
    lines->high = lines->high || (has & HAS_HIGH);
    keep(lines, &byte, 1);
}

/* Keeps the bytes up to the next control character; returns how many. */
static size_t add_plain(struct lines *lines, const char *bytes, size_t size)
{
    size_t count = 0;
    unsigned has = 0, next;
    while (count + BLOCK <= size && all_printable(bytes + count))
        count += BLOCK;
    while (count < size && !((next = classify_byte((unsigned char)bytes[count])) & HAS_CONTROL)) {
        has |= next;
        count++;
    }
    lines->high = lines->high || (has & HAS_HIGH);
    keep(lines, bytes, count);
    return count;
}

static void add_cr(struct lines *lines, uint64_t end)
{
    if (lines->size > 0) {
        end_line(lines, end);
        lines->after_cr = true;
    } else {
        lines->escape = ESCAPE_NONE;
    }
}

/* Bytes up to an LF and without it; a CR among them ends a line of its own. */
static void add_span(struct lines *lines, const char *bytes, size_t size, uint64_t offset)
{
    for (size_t i = 0; i < size;) {
        if (bytes[i] == CR) {
            i++;
            add_cr(lines, offset + i);
            continue;
        }
        if (!lines->open)
            open_line(lines, offset + i);
        lines->after_cr = false;
        size_t plain = 0;
        if (lines->escape == ESCAPE_NONE)
            plain = add_plain(lines, bytes + i, size - i);
        if (plain == 0)
            add_control(lines, bytes[i]);
        i += plain ? plain : 1;
    }
}

/* ---- feeding ------------------------------------------------------------------------------- */

/* The short way: a whole line within the bytes, without control characters, is not copied. */
static bool hand_out_whole(struct lines *lines, const char *bytes, size_t size, uint64_t offset)
{
    while (size > 0 && bytes[size - 1] == CR)
        size--;
    if (size > 2 * LINE_PIECE)
        return false;
    unsigned has = classify(bytes, size);
    if (has & HAS_CONTROL)
        return false;
    lines->begin = offset;
    lines->time_us = lines->now_us;
    lines->count++;
    hand_out(lines, bytes, size, offset + size + 1, has & HAS_HIGH);
    return true;
}

/* Bytes at the start of a line that say nothing: CRs, and the LF of a CR LF. */
static size_t skip_line_ends(struct lines *lines, const char *bytes, size_t size)
{
    size_t count = 0;
    for (; count < size; count++) {
        if (lines->after_cr && bytes[count] == '\n')
            lines->after_cr = false;
        else if (bytes[count] != CR)
            break;
    }
    if (count < size)
        lines->after_cr = false;
    return count;
}

void lines_feed(struct lines *lines, const void *bytes, size_t size, int64_t time_us,
                uint64_t offset)
{
    const char *start = bytes;
    lines->now_us = time_us;
    lines->fed = offset + size;
    for (size_t at = 0; at < size;) {
        if (!lines->open)
            at += skip_line_ends(lines, start + at, size - at);
        if (at == size)
            break;
        const char *lf = memchr(start + at, '\n', size - at);
        size_t span = lf ? (size_t)(lf - start) - at : size - at;
        uint64_t begin = offset + at, end = begin + span + 1;
        at += span + (lf ? 1 : 0);
        if (lf && !lines->open && hand_out_whole(lines, lf - span, span, begin))
            continue;
        add_span(lines, start + (begin - offset), span, begin);
        if (lf && !lines->after_cr) {
            if (!lines->open)
                open_line(lines, begin);
            end_line(lines, end);
        }
        if (lf)
            lines->after_cr = false;
    }
}

void lines_finish(struct lines *lines)
{
    if (lines->open && lines->size > 0)
        end_line(lines, lines->fed);
}
