/* SPDX-License-Identifier: MIT */
#include "serve/page/topic.h"

#include "base/json.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

struct topic_item {
    char *key;
    struct frame *frame;
    struct topic_item *newer, *older;
    unsigned round; /* when it was put last */
    bool gone;
};

/* Where the key is, or would stand. */
static size_t place_of(const struct topic *topic, const char *key, bool *ret_found)
{
    size_t from = 0, to = topic->count;

    *ret_found = false;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        int order = strcmp(topic->items[middle]->key, key);
        if (order == 0) {
            *ret_found = true;
            return middle;
        }
        if (order < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

static struct topic_item *item_of(struct topic *topic, const char *key)
{
    bool found;
    size_t place = place_of(topic, key, &found);
    struct topic_item *item;

    if (found)
        return topic->items[place];
    topic->items = xrealloc(topic->items, topic->count + 1, sizeof *topic->items);
    memmove(topic->items + place + 1, topic->items + place,
            (topic->count - place) * sizeof(struct topic_item *));
    item = xcalloc(1, sizeof *item);
    item->key = xstrdup(key);
    topic->items[place] = item;
    topic->count++;
    return item;
}

static void unlink_item(struct topic *topic, struct topic_item *item)
{
    if (item->newer)
        item->newer->older = item->older;
    else if (topic->newest == item)
        topic->newest = item->older;
    if (item->older)
        item->older->newer = item->newer;
}

static void say(struct topic *topic, struct topic_item *item, struct frame *frame)
{
    unlink_item(topic, item);
    frame_drop(item->frame);
    item->frame = frame;
    item->newer = NULL;
    item->older = topic->newest;
    if (topic->newest)
        topic->newest->newer = item;
    topic->newest = item;
}

static bool is_same(const struct frame *a, const struct frame *b)
{
    return a && a->size == b->size && !memcmp(a->bytes, b->bytes, a->size);
}

bool topic_put(struct topic *topic, const char *key, const char *event, const char *json,
               size_t size, uint64_t *number)
{
    struct topic_item *item = item_of(topic, key);
    struct frame *frame = frame_new(event, json, size, *number + 1);

    item->round = topic->round;
    item->gone = false;
    if (is_same(item->frame, frame)) {
        frame_drop(frame);
        return false;
    }
    ++*number;
    say(topic, item, frame);
    return true;
}

void topic_begin(struct topic *topic)
{
    topic->round++;
}

void topic_sweep(struct topic *topic, const char *prefix, uint64_t *number)
{
    for (size_t i = 0; i < topic->count; i++) {
        struct topic_item *item = topic->items[i];
        struct json_out out;
        if (item->gone || item->round == topic->round || !str_starts(item->key, prefix))
            continue;
        json_begin(&out, -1, 0);
        json_string(&out, item->key);
        say(topic, item, frame_new("gone", out.pending.data, out.pending.size, ++*number));
        json_done(&out);
        item->gone = true;
    }
}

struct frame *topic_after(const struct topic *topic, uint64_t seen)
{
    const struct topic_item *item = topic->newest, *found = NULL;

    for (; item && item->frame->number > seen; item = item->older)
        found = item;
    return found ? found->frame : NULL;
}

void topic_done(struct topic *topic)
{
    for (size_t i = 0; i < topic->count; i++) {
        frame_drop(topic->items[i]->frame);
        free(topic->items[i]->key);
        free(topic->items[i]);
    }
    free(topic->items);
    *topic = (struct topic){0};
}
