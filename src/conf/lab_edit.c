/* SPDX-License-Identifier: MIT */
#include "conf/lab_edit.h"

#include "base/str.h"
#include "conf/yaml.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define CONTEXT 3 /* lines around a change */

/* ---- lines ----------------------------------------------------------------------------------- */

struct line {
    const char *at;
    size_t size; /* with its end, which the last one may lack */
};

struct lines {
    struct line *items;
    size_t count;
};

static struct lines split(const char *text, size_t size)
{
    struct lines lines = {0};

    for (const char *at = text, *end = text + size; at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t length = newline ? (size_t)(newline - at) + 1 : (size_t)(end - at);
        lines.items = xrealloc(lines.items, lines.count + 1, sizeof *lines.items);
        lines.items[lines.count++] = (struct line){at, length};
        at += length;
    }
    return lines;
}

static size_t indent_of(const struct line *line)
{
    size_t indent = 0;

    while (indent < line->size && line->at[indent] == ' ')
        indent++;
    return indent;
}

static bool is_blank(const struct line *line)
{
    return line->size == 0 || strspn(line->at, " \t\r\n") >= line->size;
}

/* ---- where they go --------------------------------------------------------------------------- */

struct place {
    size_t line;   /* before this one, from 0 */
    size_t indent; /* of a board's name */
    bool heading;  /* "boards:" is missing, too */
};

static int refuse(const char *name, const char *why, struct err *err)
{
    return err_set(err, ERR_CONFIG, "%s: %s; add the boards by hand", name, why);
}

/* Behind the last line that is indented as deep as a board's name, or deeper. */
static size_t end_of_boards(const struct lines *lines, size_t from, size_t indent)
{
    size_t end = from + 1;

    for (size_t i = from + 1; i < lines->count; i++) {
        if (is_blank(&lines->items[i]))
            continue;
        if (indent_of(&lines->items[i]) < indent)
            break;
        end = i + 1;
    }
    return end;
}

static int find_place(const struct yaml_node *root, const struct lines *lines, const char *name,
                      struct place *ret, struct err *err)
{
    const struct yaml_node *boards = root->kind == YAML_MAP ? yaml_get(root, "boards") : NULL;
    size_t last = 0;

    *ret = (struct place){.line = lines->count, .indent = 2, .heading = true};
    if (root->kind == YAML_NULL)
        return 0;
    if (root->kind != YAML_MAP)
        return refuse(name, "is not a lab", err);
    if (root->line >= 1 && lines->items[root->line - 1].at[root->column - 1] == '{')
        return refuse(name, "is written as {...}", err);
    if (!boards)
        return 0;
    ret->heading = false;
    if (boards->kind == YAML_NULL) {
        ret->line = (size_t)boards->key_line;
        return 0;
    }
    if (boards->kind != YAML_MAP || !boards->first)
        return refuse(name, "'boards' is not a map", err);
    if (lines->items[boards->line - 1].at[boards->column - 1] == '{')
        return refuse(name, "'boards' is written as {...}", err);
    for (const struct yaml_node *node = boards->first; node; node = node->next)
        if ((size_t)node->key_line > last)
            last = (size_t)node->key_line;
    ret->indent = (size_t)boards->first->key_column - 1;
    ret->line = end_of_boards(lines, last - 1, ret->indent);
    return 0;
}

/* ---- adding ---------------------------------------------------------------------------------- */

static void add_indented(const char *boards, size_t indent, const char *newline, struct buf *out)
{
    cleanup_strv struct strv lines = {0};

    strv_split(&lines, boards, '\n');
    for (size_t i = 0; i < lines.count; i++)
        buf_addf(out, "%*s%s%s", (int)indent, "", lines.items[i], newline);
}

static void compose(const struct lines *lines, const struct place *place, const char *boards,
                    struct buf *out)
{
    const struct line *first = lines->items;
    const char *newline =
        lines->count && first->size > 1 && first->at[first->size - 2] == '\r' ? "\r\n" : "\n";

    for (size_t i = 0; i < place->line; i++)
        buf_add(out, lines->items[i].at, lines->items[i].size);
    if (out->size && out->data[out->size - 1] != '\n')
        buf_adds(out, newline);
    if (place->heading)
        buf_addf(out, "boards:%s", newline);
    add_indented(boards, place->indent, newline, out);
    for (size_t i = place->line; i < lines->count; i++)
        buf_add(out, lines->items[i].at, lines->items[i].size);
}

static size_t count_boards(const char *text, size_t size, const char *name)
{
    struct diags diags = {0};
    struct yaml_tree *tree;
    size_t count = SIZE_MAX;

    if (yaml_parse(text, size, name, &tree, &diags, NULL) == 0) {
        const struct yaml_node *root = yaml_root(tree);
        const struct yaml_node *boards = root->kind == YAML_MAP ? yaml_get(root, "boards") : NULL;
        count = boards && boards->kind == YAML_MAP ? boards->count : 0;
        yaml_tree_free(tree);
    }
    diags_done(&diags);
    return count;
}

/* The added text by itself is a map of boards; one of comments alone has none. */
static size_t count_added(const char *boards)
{
    cleanup_free char *text = xasprintf("boards:\n  hil-none:\n");
    cleanup_buf struct buf all = BUF_INIT(YAML_BYTES_MAX);
    size_t count;

    buf_adds(&all, text);
    add_indented(boards, 2, "\n", &all);
    count = count_boards(all.data, all.size, "new boards");
    return count == SIZE_MAX ? 0 : count - 1;
}

int lab_add_boards(const char *text, size_t size, const char *name, const char *boards,
                   struct buf *ret, struct err *err)
{
    struct lines lines = split(text, size);
    struct diags diags = {0};
    struct yaml_tree *tree;
    struct place place;
    int rc = yaml_parse(text, size, name, &tree, &diags, err);

    if (rc < 0)
        rc = diags_check(&diags, err);
    diags_done(&diags);
    if (rc == 0) {
        rc = find_place(yaml_root(tree), &lines, name, &place, err);
        yaml_tree_free(tree);
    }
    if (rc == 0) {
        compose(&lines, &place, boards, ret);
        if (count_boards(ret->data, ret->size, name) !=
            count_boards(text, size, name) + count_added(boards))
            rc = refuse(name, "its style is not understood", err);
    }
    free(lines.items);
    return rc;
}

/* ---- showing --------------------------------------------------------------------------------- */

static bool same(const struct line *a, const struct line *b)
{
    return a->size == b->size && !memcmp(a->at, b->at, a->size);
}

static void show(const struct lines *lines, size_t from, size_t to, char sign, struct buf *ret)
{
    for (size_t i = from; i < to; i++) {
        const struct line *line = &lines->items[i];
        buf_add(ret, &sign, 1);
        buf_add(ret, line->at, line->size);
        if (line->at[line->size - 1] != '\n')
            buf_adds(ret, "\n\\ No newline at end of file\n");
    }
}

/* A hunk's range: where nothing is on a side, it stands behind the line before. */
static void show_range(size_t from, size_t to, struct buf *ret)
{
    buf_addf(ret, "%zu,%zu", to > from ? from + 1 : from, to - from);
}

void lab_diff(const char *before, const char *after, const char *name, struct buf *ret)
{
    struct lines a = split(before, strlen(before)), b = split(after, strlen(after));
    size_t least = a.count < b.count ? a.count : b.count, head = 0, tail = 0;

    while (head < least && same(&a.items[head], &b.items[head]))
        head++;
    while (tail < least - head && same(&a.items[a.count - 1 - tail], &b.items[b.count - 1 - tail]))
        tail++;
    if (head < a.count || head < b.count) {
        size_t from = head > CONTEXT ? head - CONTEXT : 0;
        size_t more = tail < CONTEXT ? tail : CONTEXT;
        buf_addf(ret, "--- %s\n+++ %s\n@@ -", name, name);
        show_range(from, a.count - tail + more, ret);
        buf_adds(ret, " +");
        show_range(from, b.count - tail + more, ret);
        buf_adds(ret, " @@\n");
        show(&a, from, head, ' ', ret);
        show(&a, head, a.count - tail, '-', ret);
        show(&b, head, b.count - tail, '+', ret);
        show(&a, a.count - tail, a.count - tail + more, ' ', ret);
    }
    free(a.items);
    free(b.items);
}
