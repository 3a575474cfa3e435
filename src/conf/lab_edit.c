/* SPDX-License-Identifier: MIT */
#include "conf/lab_edit.h"

#include "base/str.h"
#include "conf/text_lines.h"
#include "conf/yaml.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* ---- where they go --------------------------------------------------------------------------- */

struct place {
    size_t line;   /* before this one, from 0 */
    size_t indent; /* of a board's name */
    bool heading;  /* "boards:" is missing, too */
};

static int refuse(const char *name, const char *why, struct err *err)
{
    return err_set(err, ERR_CONFIG, "%s: %s; edit it by hand", name, why);
}

/* Lines end for YAML where they do for us: no lone CR, no NEL, LS or PS (YAML 1.1, section 5.4). */
static bool plain_line_ends(const char *text, size_t size)
{
    for (const char *at = text, *end = text + size; at < end; at++) {
        size_t left = (size_t)(end - at);
        if (*at == '\r' && (left < 2 || at[1] != '\n'))
            return false;
        if ((left > 1 && !memcmp(at, "\xC2\x85", 2)) ||
            (left > 2 && (!memcmp(at, "\xE2\x80\xA8", 3) || !memcmp(at, "\xE2\x80\xA9", 3))))
            return false;
    }
    return true;
}

/* The map of boards in block style; *ret is NULL where there is no key, and of the kind YAML_NULL
 * where nothing stands below it. */
static int find_boards(const struct yaml_node *root, const struct text_lines *lines,
                       const char *name, const struct yaml_node **ret, struct err *err)
{
    const struct yaml_node *boards = yaml_get(root, "boards");

    *ret = boards;
    if (root->kind == YAML_NULL)
        return 0;
    if (root->kind != YAML_MAP)
        return refuse(name, "is not a lab", err);
    if (root->line >= 1 && lines->items[root->line - 1].at[root->column - 1] == '{')
        return refuse(name, "is written as {...}", err);
    if (!boards || boards->kind == YAML_NULL)
        return 0;
    if (boards->kind != YAML_MAP || !boards->first)
        return refuse(name, "'boards' is not a map", err);
    if (lines->items[boards->line - 1].at[boards->column - 1] == '{')
        return refuse(name, "'boards' is written as {...}", err);
    return 0;
}

/* Behind the last line that is indented as deep as a board's name, or deeper. */
static size_t end_of_boards(const struct text_lines *lines, size_t from, size_t indent)
{
    size_t end = from + 1;

    for (size_t i = from + 1; i < lines->count; i++) {
        if (text_line_blank(&lines->items[i]))
            continue;
        if (text_line_indent(&lines->items[i]) < indent)
            break;
        end = i + 1;
    }
    return end;
}

static int find_place(const struct yaml_node *root, const struct text_lines *lines,
                      const char *name, struct place *ret, struct err *err)
{
    const struct yaml_node *boards;
    size_t last = 0;
    int rc = find_boards(root, lines, name, &boards, err);

    *ret = (struct place){.line = lines->count, .indent = 2, .heading = true};
    if (rc < 0 || !boards)
        return rc;
    ret->heading = false;
    if (!boards->first) {
        ret->line = (size_t)boards->key_line;
        return 0;
    }
    for (const struct yaml_node *node = boards->first; node; node = node->next)
        if ((size_t)node->key_line > last)
            last = (size_t)node->key_line;
    ret->indent = (size_t)boards->first->key_column - 1;
    ret->line = end_of_boards(lines, last - 1, ret->indent);
    return 0;
}

static const char *newline_of(const struct text_lines *lines)
{
    const struct text_line *first = lines->items;

    return lines->count && first->size > 1 && first->at[first->size - 2] == '\r' ? "\r\n" : "\n";
}

/* ---- adding ---------------------------------------------------------------------------------- */

static void add_indented(const char *boards, size_t indent, const char *newline, struct buf *out)
{
    cleanup_strv struct strv lines = {0};

    strv_split(&lines, boards, '\n');
    for (size_t i = 0; i < lines.count; i++)
        buf_addf(out, "%*s%s%s", (int)indent, "", lines.items[i], newline);
}

static void compose(const struct text_lines *lines, const struct place *place, const char *boards,
                    struct buf *out)
{
    const char *newline = newline_of(lines);

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
        const struct yaml_node *boards = yaml_get(yaml_root(tree), "boards");
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

static int parse(const char *text, size_t size, const char *name, struct yaml_tree **ret,
                 struct err *err)
{
    struct diags diags = {0};
    int rc = yaml_parse(text, size, name, ret, &diags, err);

    if (rc < 0)
        rc = diags_check(&diags, err);
    diags_done(&diags);
    if (rc == 0 && !plain_line_ends(text, size)) {
        yaml_tree_free(*ret);
        rc = refuse(name, "has line ends of more than one kind", err);
    }
    return rc;
}

int lab_add_boards(const char *text, size_t size, const char *name, const char *boards,
                   struct buf *ret, struct err *err)
{
    cleanup_text_lines struct text_lines lines = text_lines_split(text, size);
    struct yaml_tree *tree;
    struct place place;
    int rc = parse(text, size, name, &tree, err);

    if (rc < 0)
        return rc;
    rc = find_place(yaml_root(tree), &lines, name, &place, err);
    yaml_tree_free(tree);
    if (rc < 0)
        return rc;
    compose(&lines, &place, boards, ret);
    if (count_boards(ret->data, ret->size, name) !=
        count_boards(text, size, name) + count_added(boards))
        return refuse(name, "its style is not understood", err);
    return 0;
}

/* ---- removing -------------------------------------------------------------------------------- */

/* The last line of what stands below `node`, and before `limit`: an alias leads elsewhere. */
static size_t last_line(const struct yaml_node *node, size_t last, size_t limit)
{
    if ((size_t)node->line > last && (size_t)node->line <= limit)
        last = (size_t)node->line;
    for (const struct yaml_node *child = node->first; child; child = child->next)
        last = last_line(child, last, limit);
    return last;
}

/* "# name: ..." is YAML that somebody has put aside, and no remark on what follows. */
static bool is_yaml_put_aside(const struct text_line *line)
{
    const char *at = memchr(line->at, '#', line->size), *end = line->at + line->size;

    for (at = at ? at + 1 : end; at < end && (*at == ' ' || *at == '\t');)
        at++;
    for (; at < end && *at != ':'; at++)
        if (*at == ' ' || *at == '\n')
            return false;
    return at < end && (at + 1 == end || strchr(" \r\n", at[1]));
}

/* The comment lines right above a board's name are its own, unless YAML was put aside there. */
static size_t begin_of(const struct text_lines *lines, size_t key, size_t floor, size_t indent)
{
    size_t from = key;

    for (; from > floor; from--) {
        const struct text_line *line = &lines->items[from - 1];
        if (!text_line_comment(line) || text_line_indent(line) != indent)
            break;
        if (is_yaml_put_aside(line))
            return key;
    }
    return from;
}

/* Behind the board's last line, its own comments below it included. */
static size_t end_of(const struct text_lines *lines, size_t end, size_t limit, size_t indent)
{
    for (size_t i = end; i < limit; i++) {
        if (text_line_blank(&lines->items[i]))
            continue;
        if (text_line_indent(&lines->items[i]) <= indent)
            break;
        end = i + 1;
    }
    return end;
}

/* Marks the lines of boards that are to go. */
static void mark_boards(const struct yaml_node *boards, const struct text_lines *lines,
                        const struct strv *names, bool *gone)
{
    size_t indent = (size_t)boards->first->key_column - 1, floor = (size_t)boards->key_line;

    for (const struct yaml_node *node = boards->first; node; node = node->next) {
        size_t key = (size_t)node->key_line - 1;
        size_t limit = node->next ? (size_t)node->next->key_line - 1 : lines->count;
        size_t from = begin_of(lines, key, floor, indent);
        size_t to = end_of(lines, last_line(node, key + 1, limit), limit, indent);
        floor = to;
        if (!strv_has(names, node->key))
            continue;
        /* one gap, where there was one before it and one behind */
        if (from == (size_t)boards->key_line || text_line_blank(&lines->items[from - 1]))
            while (to < limit && text_line_blank(&lines->items[to]))
                to++;
        memset(gone + from, true, to - from);
    }
}

static void names_of(const char *text, size_t size, const char *name, struct strv *ret)
{
    struct yaml_tree *tree;
    const struct yaml_node *boards;

    if (parse(text, size, name, &tree, NULL) < 0)
        return;
    boards = yaml_get(yaml_root(tree), "boards");
    for (const struct yaml_node *node = boards ? boards->first : NULL; node; node = node->next)
        strv_add(ret, node->key);
    yaml_tree_free(tree);
}

/* All boards but those are there, in their order. */
static bool is_without(const char *before, size_t before_size, const struct buf *after,
                       const struct strv *names, const char *name)
{
    cleanup_strv struct strv old = {0}, new = {0};
    size_t at = 0;

    names_of(before, before_size, name, &old);
    names_of(after->data, after->size, name, &new);
    for (size_t i = 0; i < old.count; i++) {
        if (strv_has(names, old.items[i]))
            continue;
        if (at == new.count || strcmp(new.items[at++], old.items[i]) != 0)
            return false;
    }
    return at == new.count;
}

int lab_remove_boards(const char *text, size_t size, const char *name, const struct strv *names,
                      struct buf *ret, struct err *err)
{
    cleanup_text_lines struct text_lines lines = text_lines_split(text, size);
    cleanup_free bool *gone = xcalloc(lines.count + 1, sizeof *gone);
    const struct yaml_node *boards;
    struct yaml_tree *tree;
    int rc = parse(text, size, name, &tree, err);

    if (rc < 0)
        return rc;
    rc = find_boards(yaml_root(tree), &lines, name, &boards, err);
    if (rc == 0 && boards && boards->first)
        mark_boards(boards, &lines, names, gone);
    yaml_tree_free(tree);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < lines.count; i++)
        if (!gone[i])
            buf_add(ret, lines.items[i].at, lines.items[i].size);
    if (!is_without(text, size, ret, names, name))
        return refuse(
            name, "what is to be removed is used elsewhere, or its style is not understood", err);
    return 0;
}

/* ---- a key of the lab ------------------------------------------------------------------------ */

static bool has_key(const struct buf *text, const char *name, const char *key)
{
    struct yaml_tree *tree;
    bool found = false;

    if (parse(text->data, text->size, name, &tree, NULL) == 0) {
        found = yaml_get(yaml_root(tree), key) != NULL;
        yaml_tree_free(tree);
    }
    return found;
}

int lab_add_key(const char *text, size_t size, const char *name, const char *key, const char *value,
                struct buf *ret, struct err *err)
{
    cleanup_text_lines struct text_lines lines = text_lines_split(text, size);
    const struct yaml_node *boards;
    struct yaml_tree *tree;
    size_t at = lines.count;
    const char *blank = value[0] == '\n' ? "" : " ";
    bool there = false;
    int rc = parse(text, size, name, &tree, err);

    if (rc < 0)
        return rc;
    rc = find_boards(yaml_root(tree), &lines, name, &boards, err);
    if (rc == 0 && boards)
        at = begin_of(&lines, (size_t)boards->key_line - 1, 0, (size_t)boards->key_column - 1);
    if (rc == 0)
        there = yaml_get(yaml_root(tree), key) != NULL;
    yaml_tree_free(tree);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < lines.count; i++) {
        if (i == at && !there)
            buf_addf(ret, "%s:%s%s%s", key, blank, value, newline_of(&lines));
        buf_add(ret, lines.items[i].at, lines.items[i].size);
    }
    if (at == lines.count && !there)
        buf_addf(ret, "%s%s:%s%s\n", ret->size && ret->data[ret->size - 1] != '\n' ? "\n" : "", key,
                 blank, value);
    return has_key(ret, name, key) ? 0 : refuse(name, "its style is not understood", err);
}
