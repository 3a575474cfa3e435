/* SPDX-License-Identifier: MIT */
#include "parse/case_index.h"

#include "base/str.h"

#include <stdlib.h>
#include <string.h>

struct slot {
    uint64_t hash;
    size_t suite, number; /* number 0: empty; else 1 + the case's */
};

struct case_index {
    struct slot *slots;
    size_t room, used; /* room is a power of two */
};

static uint64_t fnv1a(uint64_t hash, struct text text)
{
    for (size_t i = 0; i < text.size; i++)
        hash = (hash ^ (unsigned char)text.at[i]) * UINT64_C(0x100000001b3);
    return hash;
}

uint64_t case_hash(struct text suite, struct text name)
{
    const struct text between = {.at = "", .size = 1}; /* a NUL stands in neither */
    return fnv1a(fnv1a(fnv1a(UINT64_C(0xcbf29ce484222325), suite), between), name);
}

static struct test_case *case_of(const struct job_result *job, const struct slot *slot)
{
    return &job->suites[slot->suite].cases[slot->number - 1];
}

static bool is_named(const struct job_result *job, const struct slot *slot, struct text suite,
                     struct text name)
{
    return text_is(suite, job->suites[slot->suite].name) && text_is(name, case_of(job, slot)->name);
}

/* The slot of that name, or the empty one where it would go. */
static struct slot *slot_at(const struct case_index *index, const struct job_result *job,
                            uint64_t hash, struct text suite, struct text name)
{
    size_t at = hash & (index->room - 1);
    while (index->slots[at].number &&
           !(index->slots[at].hash == hash && is_named(job, &index->slots[at], suite, name)))
        at = (at + 1) & (index->room - 1);
    return &index->slots[at];
}

static void grow(struct case_index *index)
{
    struct case_index bigger = {.room = index->room ? index->room * 2 : 64};
    bigger.slots = xcalloc(bigger.room, sizeof(*bigger.slots));
    for (size_t i = 0; i < index->room; i++) {
        if (!index->slots[i].number)
            continue;
        size_t at = index->slots[i].hash & (bigger.room - 1);
        while (bigger.slots[at].number)
            at = (at + 1) & (bigger.room - 1);
        bigger.slots[at] = index->slots[i];
    }
    free(index->slots);
    index->slots = bigger.slots;
    index->room = bigger.room;
}

struct case_index *case_index_new(const struct job_result *job)
{
    struct case_index *index = xcalloc(1, sizeof(*index));
    for (size_t i = 0; i < job->suite_count; i++)
        for (size_t k = 0; k < job->suites[i].count; k++)
            case_index_add(index, job, i, k);
    return index;
}

void case_index_add(struct case_index *index, const struct job_result *job, size_t suite,
                    size_t number)
{
    if (index->used * 2 >= index->room)
        grow(index);
    struct text suite_name = text_of(job->suites[suite].name);
    struct text name = text_of(job->suites[suite].cases[number].name);
    uint64_t hash = case_hash(suite_name, name);
    struct slot *slot = slot_at(index, job, hash, suite_name, name);
    index->used += slot->number == 0;
    *slot = (struct slot){.hash = hash, .suite = suite, .number = number + 1};
}

struct test_case *case_index_find(const struct case_index *index, const struct job_result *job,
                                  struct text suite, struct text name)
{
    if (index->room == 0)
        return NULL;
    struct slot *slot = slot_at(index, job, case_hash(suite, name), suite, name);
    return slot->number ? case_of(job, slot) : NULL;
}

void case_index_free(struct case_index *index)
{
    if (!index)
        return;
    free(index->slots);
    free(index);
}
