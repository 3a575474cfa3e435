/* SPDX-License-Identifier: MIT
 *
 * Bytes of a link. Whatever frames are in them lie within, and what is read can be written and read
 * again; a line of their bodies that is an event has a kind.
 */
#include "base/str.h"
#include "remote/frame.h"
#include "report/event_read.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void write_again(const struct frame *frame)
{
    cleanup_buf struct buf out = BUF_INIT((size_t)1 << 20);
    struct json_out head;
    struct frame again;

    frame_begin(&head, frame->type);
    must(frame_end(&head, &out, frame->body, frame->size) == 0);
    must(frame_read(out.data, out.size, &again, NULL) == (ssize_t)out.size);
    must(again.size == frame->size && str_eq(again.type, frame->type));
    must(!frame->size || !memcmp(again.body, frame->body, frame->size));
    frame_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    const char *at = (const char *)bytes, *end = at + count;
    struct event_line line;
    ssize_t size;

    if (event_read(at, count, &line, NULL) == 0)
        must(line.event.kind <= EVENT_TICK && event_kind_name(line.event.kind));
    event_line_done(&line);
    do {
        struct frame frame;
        size = frame_read(at, (size_t)(end - at), &frame, NULL);
        must(size <= end - at);
        if (size > 0) {
            must(frame.body >= at && frame.body + frame.size == at + size);
            if (strspn(frame.type, "abcdefghijklmnopqrstuvwxyz") == strlen(frame.type))
                write_again(&frame);
            at += size;
        }
        frame_done(&frame);
    } while (size > 0);
    return 0;
}
