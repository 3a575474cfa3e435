/* SPDX-License-Identifier: MIT */
#include "parse/trail.h"

#include <stdio.h>
#include <string.h>

#define TRAIL_LINES 64
#define TRAIL_LINE_BYTES 1024
#define TRAIL_BYTES ((size_t)16 * 1024)

struct trail trail_init(bool keep_first)
{
    return (struct trail){.text = BUF_INIT(TRAIL_BYTES), .keep_first = keep_first};
}

void trail_done(struct trail *trail)
{
    buf_done(&trail->text);
}

void trail_clear(struct trail *trail)
{
    if (trail->lines > 0)
        buf_clear(&trail->text);
    trail->lines = trail->left_out = 0;
}

/* Drops the older half of the bytes, in whole lines. */
static void trail_halve(struct trail *trail)
{
    const char *at = trail->text.data, *end = at + trail->text.size;
    const char *middle = at + trail->text.size / 2;
    while (at < middle) {
        at = (const char *)memchr(at, '\n', (size_t)(end - at)) + 1;
        trail->lines--;
        trail->left_out++;
    }
    buf_drop_front(&trail->text, (size_t)(at - trail->text.data));
}

void trail_add(struct trail *trail, struct text line)
{
    if (line.size > TRAIL_LINE_BYTES)
        line.size = TRAIL_LINE_BYTES;
    bool full = trail->lines == TRAIL_LINES || trail->text.size + line.size + 1 > TRAIL_BYTES;
    if (full && trail->keep_first) {
        trail->left_out++;
        return;
    }
    if (full)
        trail_halve(trail);
    char *space = buf_space(&trail->text, line.size + 1);
    if (line.size > 0)
        memcpy(space, line.at, line.size);
    space[line.size] = '\n';
    buf_grew(&trail->text, line.size + 1);
    trail->lines++;
}

static struct text without_blank_lines(struct text text)
{
    while (text.size > 0 && *text.at == '\n') {
        text.at++;
        text.size--;
    }
    while (text.size > 0 && text.at[text.size - 1] == '\n')
        text.size--;
    return text;
}

/* The trail behind what is there already; NULL: nothing at all. */
const char *trail_detail(struct arena *arena, const char *before, const struct trail *trail)
{
    struct text text = without_blank_lines(text_of_buf(&trail->text));
    if (trail->lines == 0 || text.size == 0)
        return before;
    char omitted[64] = "";
    if (trail->left_out > 0)
        snprintf(omitted, sizeof(omitted), "%s(%zu %s left out)%s", trail->keep_first ? "\n" : "",
                 trail->left_out, trail->left_out == 1 ? "line" : "lines",
                 trail->keep_first ? "" : "\n");
    return arena_printf(arena, "%s%s%s%.*s%s", before ? before : "", before ? "\n" : "",
                        trail->keep_first ? "" : omitted, (int)text.size, text.at,
                        trail->keep_first ? omitted : "");
}
