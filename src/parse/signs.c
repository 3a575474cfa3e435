/* SPDX-License-Identifier: MIT */
#include "parse/signs.h"

#include "parse/format.h"
#include "parse/needles.h"

#include <pthread.h>

struct sign_table {
    struct needles needles; /* crash_signature()'s by their numbers, then the formats' */
    size_t crashes;
    uint64_t formats[NEEDLES_MAX]; /* by needle: those that it is a sign of */
    uint64_t open;                 /* the formats that have no signs */
};

static void add_format(struct sign_table *table, size_t number)
{
    const char *const *signs = formats[number]->signs;
    const uint64_t bit = UINT64_C(1) << number;
    if (!signs)
        table->open |= bit;
    for (; signs && *signs; signs++) {
        size_t i = table->crashes;
        while (i < table->needles.count && !text_is(text_of(*signs), table->needles.items[i].text))
            i++;
        if (i == table->needles.count)
            needles_add(&table->needles, *signs, false);
        table->formats[i] |= bit;
    }
}

static struct sign_table made; /* by make_table(), and never changed afterwards */

static void make_table(void)
{
    bool any_case;
    for (const char *text; (text = crash_signature(made.crashes, &any_case)); made.crashes++)
        needles_add(&made.needles, text, any_case);
    for (size_t i = 0; formats[i]; i++)
        add_format(&made, i);
}

static const struct sign_table *sign_table(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_table);
    return &made;
}

struct search {
    const struct sign_table *table;
    struct text line;
    struct signs found;
};

static void take_needle(void *arg, size_t number, const char *at)
{
    struct search *search = arg;
    if (number >= search->table->crashes) {
        search->found.formats |= search->table->formats[number];
        return;
    }
    enum crash_kind kind = crash_at(number, search->line, at);
    if (kind > search->found.crash)
        search->found.crash = kind;
}

struct signs signs_of(struct text line)
{
    struct search search = {.table = sign_table(), .line = line};
    search.found.formats = search.table->open;
    needles_find(&search.table->needles, line, take_needle, &search);
    return search.found;
}
