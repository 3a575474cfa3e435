/* SPDX-License-Identifier: MIT
 *
 * buf: a growing byte buffer with a ceiling.
 *
 *     cleanup_buf struct buf line = BUF_INIT(64 * 1024);
 *     if (buf_add(&line, bytes, n) < 0) ...the ceiling was reached, nothing was added...
 *
 * `data` is always NUL-terminated (the NUL is not counted in `size`): "" until something is added.
 * The owner calls buf_done(). Nothing here blocks.
 */
#ifndef HIL_BASE_BUF_H
#define HIL_BASE_BUF_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct buf {
    char *data;
    size_t size;
    size_t room;    /* bytes allocated; 0 while data is the shared "" */
    size_t ceiling; /* bytes that `size` may never pass */
};

#define BUF_INIT(max)                                    \
    {                                                    \
        .data = (char *)(uintptr_t) "", .ceiling = (max) \
    }
#define cleanup_buf __attribute__((cleanup(buf_done)))

/* 0, or -ERR_LIMIT where the ceiling would be passed; the buffer is then as it was. */
int buf_add(struct buf *buf, const void *bytes, size_t count);
int buf_adds(struct buf *buf, const char *text);
int buf_addf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* `count` writable bytes at the end, to be counted by the caller with buf_grew(); NULL: ceiling. */
char *buf_space(struct buf *buf, size_t count);
void buf_grew(struct buf *buf, size_t count);
void buf_drop_front(struct buf *buf, size_t count);
void buf_clear(struct buf *buf);  /* size 0, memory kept */
char *buf_steal(struct buf *buf); /* hands over the string and empties the buffer */
void buf_done(struct buf *buf);

#endif
