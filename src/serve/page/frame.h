/* SPDX-License-Identifier: MIT
 *
 * frame: one server-sent event, ready-made: what 50 viewers are sent is the same bytes.
 *
 *     struct frame *frame = frame_new("board", json, size, number);
 *     frame_keep(frame) ... frame_drop(frame)          the last drop frees it
 *
 * (WHATWG HTML, section 9.2 "Server-sent events".) `number` grows with each frame of the service;
 * viewers remember the last one that they have. One thread.
 */
#ifndef HIL_SERVE_PAGE_FRAME_H
#define HIL_SERVE_PAGE_FRAME_H

#include <stddef.h>
#include <stdint.h>

struct frame {
    unsigned refs;
    uint64_t number;
    size_t size;
    char bytes[];
};

/* `data` may have line ends: each of its lines becomes a data line. */
struct frame *frame_new(const char *event, const char *data, size_t size, uint64_t number);
struct frame *frame_keep(struct frame *frame);
void frame_drop(struct frame *frame); /* NULL is fine */

#endif
