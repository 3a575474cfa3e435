/* SPDX-License-Identifier: MIT */
/* What viewers are sent: frames, the lab's state as a topic, a console's ring. */
#include "base/buf.h"
#include "base/str.h"
#include "serve/page/frame.h"
#include "serve/page/scroll.h"
#include "serve/page/topic.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static bool frame_is(const struct frame *frame, const char *text)
{
    return frame && frame->size == strlen(text) && !memcmp(frame->bytes, text, frame->size);
}

Test(frame, is_one_event_whatever_its_data_holds)
{
    static const struct {
        const char *data, *frame;
    } table[] = {
        {"{}", "event: x\ndata: {}\n\n"},
        {"", "event: x\ndata: \n\n"},
        {"a\nb", "event: x\ndata: a\ndata: b\n\n"},
        {"a\revent: y", "event: x\ndata: a\ndata: event: y\n\n"},
        {"a\r\n\nid: 9", "event: x\ndata: a\ndata: \ndata: \ndata: id: 9\n\n"},
        {"\n", "event: x\ndata: \ndata: \n\n"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct frame *frame = frame_new("x", table[i].data, strlen(table[i].data), 7);
        cr_expect(frame_is(frame, table[i].frame), "%zu: %.*s", i, (int)frame->size, frame->bytes);
        cr_expect_eq(frame->number, 7);
        frame_drop(frame);
    }
}

static bool put(struct topic *topic, const char *key, const char *json, uint64_t *number)
{
    return topic_put(topic, key, "x", json, strlen(json), number);
}

/* The data of all that a viewer with `seen` gets, in order. */
static char *all_after(const struct topic *topic, uint64_t seen)
{
    struct buf text = BUF_INIT(4096);
    const struct frame *frame;

    while ((frame = topic_after(topic, seen))) {
        const char *data = strstr(frame->bytes, "data: ") + strlen("data: ");
        buf_addf(&text, "%.*s ", (int)(strchr(data, '\n') - data), data);
        seen = frame->number;
    }
    return buf_steal(&text);
}

Test(topic, a_viewer_gets_the_newest_of_each_thing_and_no_backlog)
{
    struct topic topic = {0};
    uint64_t number = 0, seen;

    cr_expect(put(&topic, "b", "1", &number));
    cr_expect(put(&topic, "a", "2", &number));
    cr_expect(put(&topic, "c", "3", &number));
    cr_expect_not(put(&topic, "a", "2", &number), "no news");
    cr_expect_eq(number, 3);
    seen = number;
    cleanup_free char *fresh = all_after(&topic, 0), *none = all_after(&topic, seen);
    cr_expect_str_eq(fresh, "1 2 3 ");
    cr_expect_str_eq(none, "");
    for (int i = 0; i < 100; i++) {
        cleanup_free char *text = xasprintf("%d", i);
        cr_expect(put(&topic, "b", text, &number));
    }
    cleanup_free char *later = all_after(&topic, seen), *again = all_after(&topic, 0);
    cr_expect_str_eq(later, "99 ");
    cr_expect_str_eq(again, "2 3 99 ");
    topic_done(&topic);
}

Test(topic, what_is_no_more_is_told_to_those_who_knew_it)
{
    struct topic topic = {0};
    uint64_t number = 0, seen;

    put(&topic, "board/a", "1", &number);
    put(&topic, "board/b", "2", &number);
    put(&topic, "lab", "3", &number);
    seen = number;
    topic_begin(&topic);
    put(&topic, "board/b", "2", &number);
    topic_sweep(&topic, "board/", &number);
    cleanup_free char *gone = all_after(&topic, seen);
    cr_expect_str_eq(gone, "\"board/a\" ");
    topic_begin(&topic);
    put(&topic, "board/b", "2", &number);
    topic_sweep(&topic, "board/", &number);
    cr_expect_eq(number, seen + 1, "only once");
    cr_expect(put(&topic, "board/a", "1", &number), "it is back");
    cleanup_free char *back = all_after(&topic, 0);
    cr_expect_str_eq(back, "2 3 1 ");
    topic_done(&topic);
}

static void say(struct scroll *scroll, uint64_t number, size_t size)
{
    cleanup_free char *text = xcalloc(size + 1, 1);

    memset(text, 'x', size);
    scroll_add(scroll, frame_new("u", text, size, number));
}

Test(scroll, is_bounded_and_knows_what_it_lost)
{
    struct scroll *scroll = xcalloc(1, sizeof *scroll);
    uint64_t number = 10;

    cr_expect_null(scroll_after(scroll, 0));
    cr_expect(scroll_has(scroll, 0));
    for (int i = 0; i < 20000; i++) {
        say(scroll, ++number, (size_t)(i * 7919 % 300));
        cr_assert_leq(scroll->bytes, SCROLL_BYTES);
        cr_assert_leq(scroll->count, SCROLL_FRAMES);
    }
    cr_expect(scroll->lost > 10);
    cr_expect_not(scroll_has(scroll, 11));
    cr_expect(scroll_has(scroll, scroll->lost));
    cr_expect_eq(scroll_after(scroll, 11)->number, scroll->lost + 1);
    for (uint64_t seen = scroll->lost; seen < number; seen++)
        cr_assert_eq(scroll_after(scroll, seen)->number, seen + 1);
    cr_expect_null(scroll_after(scroll, number));
    say(scroll, ++number, 2 * SCROLL_BYTES); /* one that is larger than all of it stays alone */
    cr_expect_eq(scroll->count, 1);
    scroll_clear(scroll);
    cr_expect_eq(scroll->bytes, 0);
    free(scroll);
}
