/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *buf_space(struct buf *buf, size_t count)
{
    size_t room;

    if (count > buf->ceiling || buf->size > buf->ceiling - count)
        return NULL;
    if (buf->size + count >= buf->room) {
        room = buf->room ? buf->room * 2 : 256;
        if (room <= buf->size + count)
            room = buf->size + count + 1;
        if (room - 1 > buf->ceiling)
            room = buf->ceiling + 1;
        buf->data = xrealloc(buf->room ? buf->data : NULL, room, 1);
        buf->room = room;
        buf->data[buf->size] = '\0';
    }
    return buf->data + buf->size;
}

void buf_grew(struct buf *buf, size_t count)
{
    buf->size += count;
    buf->data[buf->size] = '\0';
}

int buf_add(struct buf *buf, const void *bytes, size_t count)
{
    char *space = buf_space(buf, count);

    if (!space)
        return -ERR_LIMIT;
    if (count) {
        memcpy(space, bytes, count);
        buf_grew(buf, count);
    }
    return 0;
}

int buf_adds(struct buf *buf, const char *text)
{
    return buf_add(buf, text, strlen(text));
}

int buf_addf(struct buf *buf, const char *format, ...)
{
    char small[256];
    va_list args;
    char *space;
    int length;

    va_start(args, format);
    length = vsnprintf(small, sizeof small, format, args);
    va_end(args);
    if (length < 0)
        return -ERR_LIMIT;
    if ((size_t)length < sizeof small)
        return buf_add(buf, small, (size_t)length);
    space = buf_space(buf, (size_t)length);
    if (!space)
        return -ERR_LIMIT;
    va_start(args, format);
    vsnprintf(space, (size_t)length + 1, format, args);
    va_end(args);
    buf_grew(buf, (size_t)length);
    return 0;
}

void buf_drop_front(struct buf *buf, size_t count)
{
    if (!count)
        return;
    buf->size -= count;
    memmove(buf->data, buf->data + count, buf->size + 1);
}

void buf_clear(struct buf *buf)
{
    buf->size = 0;
    if (buf->room)
        buf->data[0] = '\0';
}

char *buf_steal(struct buf *buf)
{
    char *text = buf->room ? buf->data : xstrdup("");

    *buf = (struct buf)BUF_INIT(buf->ceiling);
    return text;
}

void buf_done(struct buf *buf)
{
    if (buf->room)
        free(buf->data);
    *buf = (struct buf)BUF_INIT(buf->ceiling);
}
