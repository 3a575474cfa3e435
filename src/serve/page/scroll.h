/* SPDX-License-Identifier: MIT
 *
 * scroll: the last text of one console as frames: what a viewer scrolls back through.
 *
 *     scroll_add(&scroll, frame)           takes it over; the oldest go where it grows too large
 *     scroll_after(&scroll, seen)          the next one for a viewer, as topic_after()
 *     scroll_has(&scroll, seen)            nothing is missing after that number
 *
 * One ring for all viewers: one that is slow misses text, and is told, but holds up none. One
 * thread.
 */
#ifndef HIL_SERVE_PAGE_SCROLL_H
#define HIL_SERVE_PAGE_SCROLL_H

#include "serve/page/frame.h"

#include <stdbool.h>

#define SCROLL_BYTES ((size_t)256 << 10)
#define SCROLL_FRAMES 4096 /* a power of two */

struct scroll { /* zeroed is empty */
    struct frame *frames[SCROLL_FRAMES];
    size_t first, count, bytes;
    uint64_t lost; /* the number of the last frame that went; 0: none has */
};
void scroll_add(struct scroll *scroll, struct frame *frame);
bool scroll_has(const struct scroll *scroll, uint64_t seen);
struct frame *scroll_after(const struct scroll *scroll, uint64_t seen);
void scroll_clear(struct scroll *scroll);

#endif
