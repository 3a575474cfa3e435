/* SPDX-License-Identifier: MIT */
#include "gate/bench.h"

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

#define NAMES_SHOWN 5

struct red *bench_red(struct bench *bench, enum red_kind kind, const char *text)
{
    struct ruling *ruling = bench->ruling;

    ruling->reds = xrealloc(ruling->reds, ruling->count + 1, sizeof *ruling->reds);
    ruling->reds[ruling->count] = (struct red){.kind = kind, .text = text};
    return &ruling->reds[ruling->count++];
}

void bench_note(struct bench *bench, char *text)
{
    strv_add_owned(&bench->ruling->notes, text);
}

static bool has_label(const struct job_result *job, const char *label)
{
    for (size_t i = 0; job->labels && job->labels[i]; i++)
        if (!strcmp(job->labels[i], label))
            return true;
    return false;
}

/* A name, or labels parted by commas that it must all have. */
bool bench_is_board(const struct job_result *job, const char *selector)
{
    cleanup_strv struct strv parts = {0};

    if (str_eq(job->board, selector))
        return true;
    strv_split(&parts, selector, ',');
    for (size_t i = 0; i < parts.count; i++)
        if (!has_label(job, parts.items[i]))
            return false;
    return parts.count > 0;
}

bool bench_like_any(const char *suite, const char *name, const struct strv *patterns)
{
    for (size_t i = 0; i < patterns->count; i++)
        if (case_like(suite, name, patterns->items[i]))
            return true;
    return false;
}

/* "a, b, c and 3 more" */
const char *bench_list(struct arena *arena, const struct strv *names)
{
    cleanup_buf struct buf out = BUF_INIT(SIZE_MAX / 4);

    for (size_t i = 0; i < names->count && i < NAMES_SHOWN; i++)
        buf_addf(&out, "%s%s", i ? ", " : "", names->items[i]);
    if (names->count > NAMES_SHOWN)
        buf_addf(&out, " and %zu more", names->count - NAMES_SHOWN);
    return arena_strdup(arena, out.size ? out.data : "");
}

const char *bench_test_name(struct arena *arena, const char *suite, const char *name)
{
    return arena_printf(arena, "%s%s%s", suite, *suite ? "." : "", name);
}
