/* SPDX-License-Identifier: MIT */
#include "parse/needles.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static uint32_t group_at(const char *at)
{
    uint32_t group;
    memcpy(&group, at, sizeof(group));
    return group | 0x20202020U;
}

/* Knuth's multiplicative hashing: The Art of Computer Programming, volume 3, section 6.4. */
static uint32_t group_hash(uint32_t group)
{
    return (group * 2654435761U) >> (32 - NEEDLES_HASH_BITS);
}

void needles_add(struct needles *needles, const char *text, bool any_case)
{
    _Static_assert(NEEDLE_GROUP == sizeof(uint32_t), "a group is looked up as a number");
    size_t number = needles->count++, size = strlen(text);
    if (number == NEEDLES_MAX || size < NEEDLE_MIN)
        abort();
    needles->items[number] = (struct needle){.text = text, .size = size, .any_case = any_case};
    for (size_t place = 0; place < NEEDLE_STRIDE; place++) {
        uint32_t bytes = group_at(text + place);
        size_t group = number * NEEDLE_STRIDE + place;
        uint16_t *first = &needles->first[group_hash(bytes)];
        needles->groups[group] = (struct needle_group){.bytes = bytes, .next = *first};
        *first = (uint16_t)(group + 1);
    }
}

static bool fits(const struct needle *needle, const char *at, const char *end)
{
    if ((size_t)(end - at) < needle->size)
        return false;
    return needle->any_case ? strncasecmp(at, needle->text, needle->size) == 0
                            : memcmp(at, needle->text, needle->size) == 0;
}

/* The words that have the group at `at` in them. */
static void look_around(const struct needles *needles, size_t link, struct text line,
                        const char *at, needle_sink *sink, void *arg)
{
    const uint32_t bytes = group_at(at);
    for (; link > 0; link = needles->groups[link - 1].next) {
        size_t number = (link - 1) / NEEDLE_STRIDE, place = (link - 1) % NEEDLE_STRIDE;
        if (needles->groups[link - 1].bytes == bytes && (size_t)(at - line.at) >= place &&
            fits(&needles->items[number], at - place, line.at + line.size))
            sink(arg, number, at - place);
    }
}

void needles_find(const struct needles *needles, struct text line, needle_sink *sink, void *arg)
{
    for (size_t i = 0; i + NEEDLE_GROUP <= line.size; i += NEEDLE_STRIDE) {
        size_t link = needles->first[group_hash(group_at(line.at + i))];
        if (link > 0)
            look_around(needles, link, line, line.at + i, sink, arg);
    }
}
