/* SPDX-License-Identifier: MIT */
#include "serve/page/uart_text.h"

#include "base/text.h"

#include <string.h>

#define CSI_MAX 64 /* a longer one is none */
enum { ESC = 0x1b, DEL = 0x7f };

/* True where the byte belongs to an escape sequence. */
static bool take_escape(struct uart_text *text, unsigned char c)
{
    if (c == ESC) {
        text->escape = true;
        text->csi = 0;
        return true;
    }
    if (text->escape) {
        text->escape = c >= 0x20 && c <= 0x2f; /* an intermediate byte: the final one is to come */
        text->csi = c == '[';
        return c >= 0x20 && c < DEL;
    }
    if (!text->csi)
        return false;
    text->csi = c >= 0x20 && c < 0x40 && text->csi < CSI_MAX ? text->csi + 1 : 0;
    return c >= 0x20 && c < DEL;
}

/* How many bytes the character that begins with `c` has; 1 for what begins none. */
static size_t length_of(unsigned char c)
{
    return c >= 0xf0 && c < 0xf5 ? 4 : c >= 0xe0 ? (c < 0xf0 ? 3 : 1) : c >= 0xc2 ? 2 : 1;
}

/* The held bytes are a whole character, or no character at all. */
static void flush_held(struct uart_text *text, struct buf *out)
{
    text_clean(out, (const char *)text->held, text->held_count, 0);
    text->held_count = 0;
}

static void take_high(struct uart_text *text, unsigned char c, struct buf *out)
{
    if (text->held_count && (c & 0xc0) != 0x80)
        flush_held(text, out);
    text->held[text->held_count++] = c;
    if (text->held_count >= length_of(text->held[0]))
        flush_held(text, out);
}

void uart_text_feed(struct uart_text *text, const void *bytes, size_t count, struct buf *out)
{
    const unsigned char *at = bytes;

    for (size_t i = 0; i < count; i++) {
        unsigned char c = at[i];
        bool after_cr = text->after_cr;
        if (c >= 0x80) {
            text->escape = false;
            text->csi = 0;
            text->after_cr = false;
            take_high(text, c, out);
            continue;
        }
        flush_held(text, out);
        if (take_escape(text, c))
            continue;
        text->after_cr = c == '\r';
        if ((c == '\r' || c == '\n') && !after_cr)
            buf_add(out, "\n", 1);
        else if (c == '\t' || (c >= 0x20 && c != DEL))
            buf_add(out, &c, 1);
    }
}
