/* SPDX-License-Identifier: MIT
 *
 * topic: the state of the lab as viewers know it: a set of things, each with its newest frame.
 *
 *     topic_put(&topic, "board/nucleo-3", "board", json, size, &number)
 *     while ((frame = topic_after(&topic, seen))) { ...send it...; seen = frame->number; }
 *
 * A viewer is a number: what it has not seen is what has a greater one. One that starts at 0 gets
 * all there is, one that comes back gets what has changed, one that is slow gets the newest of each
 * and never a backlog. A thing that is no more keeps its last word, a "gone" frame. One thread.
 */
#ifndef HIL_SERVE_PAGE_TOPIC_H
#define HIL_SERVE_PAGE_TOPIC_H

#include "serve/page/frame.h"

#include <stdbool.h>

struct topic_item;
struct topic {                 /* zeroed is empty */
    struct topic_item **items; /* by key */
    size_t count;
    struct topic_item *newest; /* and from there on the next older one */
    unsigned round;
};

/* True where that is news; *number is counted up then. */
bool topic_put(struct topic *topic, const char *key, const char *event, const char *json,
               size_t size, uint64_t *number);
/* The things of one kind (keys that begin with `prefix`) that were not put since the last sweep of
 * any kind are gone. */
void topic_begin(struct topic *topic);
void topic_sweep(struct topic *topic, const char *prefix, uint64_t *number);
/* The oldest frame that is newer; NULL: none. Borrowed. */
struct frame *topic_after(const struct topic *topic, uint64_t seen);
void topic_done(struct topic *topic);

#endif
