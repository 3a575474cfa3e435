/* SPDX-License-Identifier: MIT
 *
 * From libyaml's events to the tree.
 */
#include "base/str.h"
#include "conf/yaml_parts.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define ANCHORS_MAX 1000 /* each alias is looked up among them */

/* `view` is what the reader of a tree sees; the rest serves aliases, which share a node's children.
 */
struct node {
    struct yaml_node view;
    size_t weight; /* nodes within, itself included, aliases followed */
    int height;    /* levels of nesting that it adds: 0 for a scalar */
    bool open;     /* its end has not been read */
    bool again;    /* its map has that key already */
};

/* A list or map whose end has not been read. */
struct frame {
    struct node *node;
    struct node *last; /* child */
    const char *key;   /* of the value to come; NULL: a key comes next */
    int key_line, key_column;
    size_t nodes_before;
};

struct anchor {
    const char *name;
    const struct node *node;
};

struct builder {
    yaml_parser_t parser;
    const char *bytes;
    struct yaml_tree *tree;
    struct diags *diags;
    size_t nodes; /* aliases followed */
    struct frame stack[YAML_DEPTH_MAX];
    int depth;
    struct anchor anchors[ANCHORS_MAX];
    size_t anchor_count;
};

static int line_of(yaml_mark_t mark)
{
    return (int)mark.line + 1;
}

static int column_of(yaml_mark_t mark)
{
    return (int)mark.column + 1;
}

#define FAIL(b, mark, ...) \
    (diag_at((b)->diags, line_of(mark), column_of(mark), __VA_ARGS__), -ERR_CONFIG)

static struct frame *top(struct builder *b)
{
    return b->depth ? &b->stack[b->depth - 1] : NULL;
}

static bool key_expected(struct builder *b)
{
    struct frame *frame = top(b);

    return frame && frame->node->view.kind == YAML_MAP && !frame->key;
}

static int count_nodes(struct builder *b, size_t more, yaml_mark_t mark)
{
    b->nodes += more;
    if (b->nodes > YAML_NODES_MAX)
        return FAIL(b, mark, "more than %d values, aliases followed", YAML_NODES_MAX);
    return 0;
}

static void raise_height(struct frame *parent, const struct node *child)
{
    if (parent && parent->node->height <= child->height)
        parent->node->height = child->height + 1;
}

/* Hangs a node into the tree at the place that comes next. */
static void attach(struct builder *b, struct node *node)
{
    struct frame *parent = top(b);

    if (!parent) {
        b->tree->root = &node->view;
        return;
    }
    node->view.key = parent->key;
    node->view.key_line = parent->key_line;
    node->view.key_column = parent->key_column;
    parent->key = NULL;
    if (parent->last)
        parent->last->view.next = &node->view;
    else
        parent->node->view.first = &node->view;
    parent->last = node;
    parent->node->view.count++;
    raise_height(parent, node);
}

static int add_anchor(struct builder *b, const yaml_char_t *name, const struct node *node,
                      yaml_mark_t mark)
{
    if (!name)
        return 0;
    if (b->anchor_count == ANCHORS_MAX)
        return FAIL(b, mark, "more than %d anchors", ANCHORS_MAX);
    b->anchors[b->anchor_count++] =
        (struct anchor){arena_strdup(&b->tree->arena, (const char *)name), node};
    return 0;
}

static int new_node(struct builder *b, enum yaml_kind kind, yaml_mark_t mark, struct node **ret)
{
    struct node *node = arena_alloc(&b->tree->arena, sizeof *node);

    node->view.kind = kind;
    node->view.line = line_of(mark);
    node->view.column = column_of(mark);
    node->weight = 1;
    *ret = node;
    return count_nodes(b, 1, mark);
}

/* Only the tags of YAML's own schema: "!include x" must not pass for the text "x". */
static int check_tag(struct builder *b, const yaml_char_t *tag, yaml_mark_t mark)
{
    const char *text = (const char *)tag;

    if (!text || str_eq(text, "!") || str_starts(text, "tag:yaml.org,2002:"))
        return 0;
    return FAIL(b, mark, "unknown tag '%s'; write the value without it", text);
}

/* YAML 1.2 core schema, section 10.3.2. */
static bool is_null(const char *text)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};

    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (!strcmp(text, words[i]))
            return true;
    return false;
}

static int take_scalar(struct builder *b, const yaml_event_t *event)
{
    const char *value = (const char *)event->data.scalar.value, *text;
    const char *tag = (const char *)event->data.scalar.tag;
    size_t length = event->data.scalar.length;
    yaml_mark_t mark = event->start_mark;
    struct frame *parent = top(b);
    struct node *node;
    bool quoted;
    int rc = check_tag(b, event->data.scalar.tag, mark);

    if (rc < 0)
        return rc;
    if (memchr(value, '\0', length))
        return FAIL(b, mark, "text with a NUL character (\\0) in it");
    text = arena_strndup(&b->tree->arena, value, length);
    if (key_expected(b)) {
        parent->key = text;
        parent->key_line = line_of(mark);
        parent->key_column = column_of(mark);
        return event->data.scalar.anchor ? FAIL(b, mark, "a key cannot have an anchor") : 0;
    }
    quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE || str_eq(tag, YAML_STR_TAG);
    rc = new_node(b, !quoted && is_null(text) ? YAML_NULL : YAML_SCALAR, mark, &node);
    if (rc < 0)
        return rc;
    node->view.text = text;
    node->view.quoted = quoted;
    attach(b, node);
    return add_anchor(b, event->data.scalar.anchor, node, mark);
}

static int open_node(struct builder *b, enum yaml_kind kind, const yaml_char_t *anchor,
                     const yaml_char_t *tag, yaml_mark_t mark)
{
    size_t nodes_before = b->nodes;
    struct node *node;
    int rc = check_tag(b, tag, mark);

    if (rc < 0)
        return rc;
    if (key_expected(b))
        return FAIL(b, mark, "a key must be plain text, not a list or map");
    if (b->depth == YAML_DEPTH_MAX)
        return FAIL(b, mark, "nested deeper than %d levels", YAML_DEPTH_MAX);
    rc = new_node(b, kind, mark, &node);
    if (rc < 0)
        return rc;
    attach(b, node);
    node->open = true;
    node->height = 1;
    b->stack[b->depth++] = (struct frame){.node = node, .nodes_before = nodes_before};
    return add_anchor(b, anchor, node, mark);
}

static int by_key(const void *a, const void *b)
{
    const struct yaml_node *x = *(const struct yaml_node *const *)a;
    const struct yaml_node *y = *(const struct yaml_node *const *)b;
    int order = strcmp(x->key, y->key);

    if (order)
        return order;
    return x->key_line != y->key_line ? x->key_line - y->key_line : x->key_column - y->key_column;
}

static void leave_out_repeated(struct node *map)
{
    const struct yaml_node **at = &map->view.first;

    while (*at) {
        struct node *child = (struct node *)(uintptr_t)*at;
        if (child->again) {
            *at = child->view.next;
            map->view.count--;
        } else {
            at = &child->view.next;
        }
    }
}

/* The first of them stays. */
static void refuse_duplicates(struct builder *b, struct node *map)
{
    cleanup_free struct node **sorted = xcalloc(map->view.count, sizeof(*sorted));
    const struct yaml_node *first = NULL;
    size_t count = 0;

    for (const struct yaml_node *child = map->view.first; child; child = child->next)
        sorted[count++] = (struct node *)(uintptr_t)child;
    qsort(sorted, count, sizeof(*sorted), by_key);
    for (size_t i = 0; i < count; i++) {
        const struct yaml_node *child = &sorted[i]->view;
        sorted[i]->again = first && !strcmp(first->key, child->key);
        if (!sorted[i]->again)
            first = child;
        else
            diag_key(b->diags, child, "key '%s' is here twice; the first is in line %d, column %d",
                     first->key, first->key_line, first->key_column);
    }
    leave_out_repeated(map);
}

static int close_node(struct builder *b)
{
    struct frame *frame = top(b);
    struct node *node = frame->node;

    node->open = false;
    node->weight = b->nodes - frame->nodes_before;
    if (node->view.kind == YAML_MAP)
        refuse_duplicates(b, node);
    b->depth--;
    raise_height(top(b), node);
    return 0;
}

/* A copy of the anchor's node: same children, its own place and key. */
static int take_alias(struct builder *b, const yaml_event_t *event)
{
    const char *name = (const char *)event->data.alias.anchor;
    yaml_mark_t mark = event->start_mark;
    const struct node *target = NULL;
    struct node *node;
    int rc;

    if (key_expected(b))
        return FAIL(b, mark, "a key must be plain text, not an alias");
    for (size_t i = b->anchor_count; i-- && !target;)
        if (!strcmp(b->anchors[i].name, name))
            target = b->anchors[i].node;
    if (!target)
        return FAIL(b, mark, "alias '*%s': there is no anchor '&%s' before it", name, name);
    if (target->open)
        return FAIL(b, mark, "alias '*%s' contains itself", name);
    if (b->depth + target->height > YAML_DEPTH_MAX)
        return FAIL(b, mark, "alias '*%s' nests deeper than %d levels", name, YAML_DEPTH_MAX);
    rc = new_node(b, target->view.kind, mark, &node);
    if (rc == 0)
        rc = count_nodes(b, target->weight - 1, mark);
    if (rc < 0)
        return rc;
    node->view.text = target->view.text;
    node->view.quoted = target->view.quoted;
    node->view.first = target->view.first;
    node->view.count = target->view.count;
    node->weight = target->weight;
    node->height = target->height;
    attach(b, node);
    return 0;
}

static int take_event(struct builder *b, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (b->tree->root)
            return FAIL(b, event->start_mark, "a second document starts here; only one is read");
        return 0;
    case YAML_SCALAR_EVENT:
        return take_scalar(b, event);
    case YAML_SEQUENCE_START_EVENT:
        return open_node(b, YAML_LIST, event->data.sequence_start.anchor,
                         event->data.sequence_start.tag, event->start_mark);
    case YAML_MAPPING_START_EVENT:
        return open_node(b, YAML_MAP, event->data.mapping_start.anchor,
                         event->data.mapping_start.tag, event->start_mark);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return close_node(b);
    case YAML_ALIAS_EVENT:
        return take_alias(b, event);
    default:
        return 0;
    }
}

/* libyaml's reader gives a byte offset instead of a mark. */
static yaml_mark_t mark_of_offset(const char *bytes, size_t offset)
{
    yaml_mark_t mark = {0};

    for (size_t i = 0; i < offset; i++) {
        if (bytes[i] == '\n') {
            mark.line++;
            mark.column = 0;
        } else if (((unsigned char)bytes[i] & 0xC0) != 0x80) { /* not a UTF-8 continuation byte */
            mark.column++;
        }
    }
    return mark;
}

static int syntax_mistake(struct builder *b)
{
    const yaml_parser_t *parser = &b->parser;
    const char *problem = parser->problem ? parser->problem : "out of memory";
    const char *hint = "";

    if (parser->error == YAML_READER_ERROR)
        return FAIL(b, mark_of_offset(b->bytes, parser->problem_offset), "not YAML: %s", problem);
    if (!strcmp(problem, "found character that cannot start any token"))
        hint = "; indent with blanks, not tabs, and quote text that starts with @, ` or %";
    if (!parser->context || parser->context_mark.line == parser->problem_mark.line)
        return FAIL(b, parser->problem_mark, "not YAML: %s%s", problem, hint);
    return FAIL(b, parser->problem_mark, "not YAML: %s %s (from line %d)%s", problem,
                parser->context, line_of(parser->context_mark), hint);
}

static int take_all(struct builder *b)
{
    struct node *nothing;
    int rc;

    for (bool ended = false; !ended;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&b->parser, &event))
            return syntax_mistake(b);
        rc = take_event(b, &event);
        ended = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
        if (rc < 0)
            return rc;
    }
    if (b->tree->root)
        return 0;
    rc = new_node(b, YAML_NULL, (yaml_mark_t){0}, &nothing);
    if (rc == 0)
        b->tree->root = &nothing->view;
    return rc;
}

int yaml_build(const struct buf *bytes, struct yaml_tree *tree, struct diags *diags,
               struct err *err)
{
    cleanup_free struct builder *b = xcalloc(1, sizeof *b);
    int rc;

    if (!yaml_parser_initialize(&b->parser))
        return err_set(err, ERR_LIMIT, "%s: out of memory", tree->file);
    yaml_parser_set_input_string(&b->parser, (const unsigned char *)bytes->data, bytes->size);
    b->bytes = bytes->data;
    b->tree = tree;
    b->diags = diags;
    rc = take_all(b);
    yaml_parser_delete(&b->parser);
    return rc;
}
