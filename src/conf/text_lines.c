/* SPDX-License-Identifier: MIT */
#include "conf/text_lines.h"

#include "base/str.h"

#include <stdlib.h>
#include <string.h>

#define CONTEXT 3        /* lines around a change */
#define CHANGES_MAX 1500 /* beyond, memory would go with their square */

struct text_lines text_lines_split(const char *text, size_t size)
{
    struct text_lines lines = {0};

    for (const char *at = text, *end = text + size; at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t length = newline ? (size_t)(newline - at) + 1 : (size_t)(end - at);
        lines.items = xrealloc(lines.items, lines.count + 1, sizeof *lines.items);
        lines.items[lines.count++] = (struct text_line){at, length};
        at += length;
    }
    return lines;
}

void text_lines_done(struct text_lines *lines)
{
    free(lines->items);
    *lines = (struct text_lines){0};
}

size_t text_line_indent(const struct text_line *line)
{
    size_t indent = 0;

    while (indent < line->size && line->at[indent] == ' ')
        indent++;
    return indent;
}

/* Where its first byte is that is no white space; its size where there is none. */
static size_t first_of(const struct text_line *line)
{
    size_t at = 0;

    while (at < line->size && strchr(" \t\r\n", line->at[at]) && line->at[at])
        at++;
    return at;
}

bool text_line_blank(const struct text_line *line)
{
    return first_of(line) == line->size;
}

bool text_line_comment(const struct text_line *line)
{
    size_t at = first_of(line);

    return at < line->size && line->at[at] == '#';
}

/* ---- what changed ---------------------------------------------------------------------------- */

/* The lines between the head and the tail that both texts have, and which of them only one has. */
struct change {
    const struct text_line *a, *b;
    long a_count, b_count;
    bool *gone, *new; /* by line of a, of b */
};

static bool same(const struct text_line *a, const struct text_line *b)
{
    return a->size == b->size && !memcmp(a->at, b->at, a->size);
}

/* Where diagonal k is reached with one more change: by a line of b where that leads further. */
static bool comes_down(const long *furthest, long k, long d)
{
    return k == -d || (k != d && furthest[k - 1] < furthest[k + 1]);
}

/* One round: how far each diagonal gets with d changes. True: to the end. */
static bool advance(const struct change *change, long *furthest, long d)
{
    for (long k = -d; k <= d; k += 2) {
        long x = comes_down(furthest, k, d) ? furthest[k + 1] : furthest[k - 1] + 1;
        long y = x - k;
        while (x < change->a_count && y < change->b_count && same(&change->a[x], &change->b[y])) {
            x++;
            y++;
        }
        furthest[k] = x;
        if (x >= change->a_count && y >= change->b_count)
            return true;
    }
    return false;
}

/* From the end back, by what each round knew before. */
static void mark(struct change *change, long *const *rounds, long d)
{
    long x = change->a_count, y = change->b_count;

    for (; d > 0; d--) {
        const long *furthest = rounds[d] + d + 1;
        long k = x - y;
        bool down = comes_down(furthest, k, d);
        long before_k = down ? k + 1 : k - 1, before_x = furthest[before_k];
        if (down)
            change->new[before_x - before_k] = true;
        else
            change->gone[before_x] = true;
        x = before_x;
        y = before_x - before_k;
    }
}

static void find_changes(struct change *change)
{
    long most = change->a_count + change->b_count, d = 0;
    bool found = false;
    long *furthest, **rounds;

    if (most > CHANGES_MAX)
        most = CHANGES_MAX;
    furthest = xcalloc((size_t)most * 2 + 3, sizeof *furthest);
    rounds = xcalloc((size_t)most + 1, sizeof *rounds);
    for (; d <= most && !found; d++) {
        size_t size = ((size_t)d * 2 + 3) * sizeof *furthest; /* diagonals -d-1 to d+1 */
        rounds[d] = memcpy(xrealloc(NULL, 1, size), furthest + most - d, size);
        found = advance(change, furthest + most + 1, d);
    }
    if (found) {
        mark(change, rounds, d - 1);
    } else {
        memset(change->gone, true, (size_t)change->a_count);
        memset(change->new, true, (size_t)change->b_count);
    }
    for (long i = 0; i <= most; i++)
        free(rounds[i]);
    free(rounds);
    free(furthest);
}

/* ---- hunks ----------------------------------------------------------------------------------- */

struct told { /* a line of the whole, in order */
    char sign;
    const struct text_line *line;
};

static void show(const struct told *told, struct buf *ret)
{
    buf_add(ret, &told->sign, 1);
    buf_add(ret, told->line->at, told->line->size);
    if (told->line->at[told->line->size - 1] != '\n')
        buf_adds(ret, "\n\\ No newline at end of file\n");
}

/* Where nothing is on a side, it stands behind the line before. */
static void show_range(size_t from, size_t count, struct buf *ret)
{
    buf_addf(ret, "%zu,%zu", count ? from + 1 : from, count);
}

/* told[from] to told[to - 1]; a_at and b_at lines of the texts were before. */
static void show_hunk(const struct told *told, size_t from, size_t to, size_t a_at, size_t b_at,
                      struct buf *ret)
{
    size_t a_count = 0, b_count = 0;

    for (size_t i = from; i < to; i++) {
        a_count += told[i].sign != '+';
        b_count += told[i].sign != '-';
    }
    buf_adds(ret, "@@ -");
    show_range(a_at, a_count, ret);
    buf_adds(ret, " +");
    show_range(b_at, b_count, ret);
    buf_adds(ret, " @@\n");
    for (size_t i = from; i < to; i++)
        show(&told[i], ret);
}

/* Where the hunk that begins at the change `at` ends: behind its last change and the context. */
static size_t end_of_hunk(const struct told *told, size_t count, size_t at)
{
    size_t end = at + 1;

    for (size_t i = at; i < count && i <= end + 2 * (size_t)CONTEXT; i++)
        if (told[i].sign != ' ')
            end = i + 1;
    return end + CONTEXT < count ? end + CONTEXT : count;
}

static void show_hunks(const struct told *told, size_t count, struct buf *ret)
{
    size_t a_at = 0, b_at = 0,
           shown = 0; /* told[shown] is line a_at of the one, b_at of the other */

    for (size_t i = 0; i < count; i++) {
        size_t from = i > shown + CONTEXT ? i - CONTEXT : shown, to;
        if (told[i].sign == ' ')
            continue;
        a_at += from - shown;
        b_at += from - shown;
        to = end_of_hunk(told, count, i);
        show_hunk(told, from, to, a_at, b_at, ret);
        for (; from < to; from++) {
            a_at += told[from].sign != '+';
            b_at += told[from].sign != '-';
        }
        shown = to;
        i = to - 1;
    }
}

/* What is gone stands before what came in its place. */
static struct told *tell(const struct text_lines *a, const struct text_lines *b, const bool *gone,
                         const bool *new, size_t *ret_count)
{
    struct told *told = xcalloc(a->count + b->count + 1, sizeof *told);
    size_t i = 0, j = 0, count = 0;

    while (i < a->count || j < b->count) {
        if (i < a->count && gone[i])
            told[count++] = (struct told){'-', &a->items[i++]};
        else if (j < b->count && new[j])
            told[count++] = (struct told){'+', &b->items[j++]};
        else
            told[count++] = (struct told){' ', &b->items[(i++, j++)]};
    }
    *ret_count = count;
    return told;
}

void text_diff(const struct text_lines *before, const struct text_lines *after, const char *name,
               struct buf *ret)
{
    size_t least = before->count < after->count ? before->count : after->count;
    size_t head = 0, tail = 0, count;
    cleanup_free bool *gone = xcalloc(before->count + 1, 1), *new = xcalloc(after->count + 1, 1);
    cleanup_free struct told *told = NULL;
    struct change change;

    while (head < least && same(&before->items[head], &after->items[head]))
        head++;
    while (tail < least - head &&
           same(&before->items[before->count - 1 - tail], &after->items[after->count - 1 - tail]))
        tail++;
    change = (struct change){.a = before->items + head,
                             .b = after->items + head,
                             .a_count = (long)(before->count - head - tail),
                             .b_count = (long)(after->count - head - tail),
                             .gone = gone + head,
                             .new = new + head};
    if (!change.a_count && !change.b_count)
        return;
    find_changes(&change);
    told = tell(before, after, gone, new, &count);
    buf_addf(ret, "--- %s\n+++ %s\n", name, name);
    show_hunks(told, count, ret);
}
