/* SPDX-License-Identifier: MIT */
#include "serve/page/scroll.h"

static struct frame **slot(struct scroll *scroll, size_t index)
{
    return &scroll->frames[(scroll->first + index) % SCROLL_FRAMES];
}

static const struct frame *peek(const struct scroll *scroll, size_t index)
{
    return scroll->frames[(scroll->first + index) % SCROLL_FRAMES];
}

static void forget_oldest(struct scroll *scroll)
{
    struct frame **oldest = slot(scroll, 0);

    scroll->lost = (*oldest)->number;
    scroll->bytes -= (*oldest)->size;
    frame_drop(*oldest);
    *oldest = NULL;
    scroll->first = (scroll->first + 1) % SCROLL_FRAMES;
    scroll->count--;
}

void scroll_add(struct scroll *scroll, struct frame *frame)
{
    while (scroll->count &&
           (scroll->count == SCROLL_FRAMES || scroll->bytes + frame->size > SCROLL_BYTES))
        forget_oldest(scroll);
    *slot(scroll, scroll->count) = frame;
    scroll->count++;
    scroll->bytes += frame->size;
}

bool scroll_has(const struct scroll *scroll, uint64_t seen)
{
    return seen >= scroll->lost;
}

struct frame *scroll_after(const struct scroll *scroll, uint64_t seen)
{
    size_t from = 0, to = scroll->count;

    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (peek(scroll, middle)->number > seen)
            to = middle;
        else
            from = middle + 1;
    }
    return from < scroll->count ? scroll->frames[(scroll->first + from) % SCROLL_FRAMES] : NULL;
}

void scroll_clear(struct scroll *scroll)
{
    while (scroll->count)
        forget_oldest(scroll);
}
