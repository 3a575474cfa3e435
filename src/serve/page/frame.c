/* SPDX-License-Identifier: MIT */
#include "serve/page/frame.h"

#include "base/str.h"

#include <stdlib.h>
#include <string.h>

#define EVENT "event: "
#define DATA "\ndata: "

/* CR, LF and CR LF all end a line; JSON has none, and what comes after one must be data, too. */
static size_t count_lines(const char *data, size_t size)
{
    size_t lines = 1;

    for (size_t i = 0; i < size; i++)
        lines += data[i] == '\n' || data[i] == '\r';
    return lines;
}

static char *put(char *at, const char *text, size_t size)
{
    memcpy(at, text, size);
    return at + size;
}

struct frame *frame_new(const char *event, const char *data, size_t size, uint64_t number)
{
    size_t room = strlen(EVENT) + strlen(event) + count_lines(data, size) * strlen(DATA) + size + 2;
    struct frame *frame = xmalloc(sizeof *frame + room);
    char *at = put(frame->bytes, EVENT, strlen(EVENT));

    at = put(at, event, strlen(event));
    at = put(at, DATA, strlen(DATA));
    for (size_t i = 0; i < size; i++) {
        if (data[i] == '\n' || data[i] == '\r')
            at = put(at, DATA, strlen(DATA));
        else
            *at++ = data[i];
    }
    at = put(at, "\n\n", 2);
    frame->refs = 1;
    frame->number = number;
    frame->size = (size_t)(at - frame->bytes);
    return frame;
}

struct frame *frame_keep(struct frame *frame)
{
    frame->refs++;
    return frame;
}

void frame_drop(struct frame *frame)
{
    if (frame && --frame->refs == 0)
        free(frame);
}
