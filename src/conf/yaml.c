/* SPDX-License-Identifier: MIT */
#include "conf/yaml.h"

#include "base/fs.h"
#include "base/str.h"
#include "conf/yaml_parts.h"

#include <stdlib.h>
#include <string.h>

static void free_tree(struct yaml_tree **tree)
{
    yaml_tree_free(*tree);
}

/* `lenient`: keys that are there twice are told, and the rest is there to be read. */
static int parse(const struct buf *bytes, const char *name, bool lenient, struct yaml_tree **ret,
                 struct diags *diags, struct err *err)
{
    __attribute__((cleanup(free_tree))) struct yaml_tree *tree = xcalloc(1, sizeof *tree);
    size_t before = diags->messages.count + diags->dropped;
    int rc;

    diags->file = name;
    if (bytes->size > YAML_BYTES_MAX)
        return err_set(err, ERR_LIMIT, "%s: larger than %d bytes", name, YAML_BYTES_MAX);
    tree->file = arena_strdup(&tree->arena, name);
    rc = yaml_build(bytes, tree, diags, err);
    if (rc == -ERR_LIMIT)
        return rc;
    if (rc < 0 || (!lenient && diags->messages.count + diags->dropped > before))
        return diags_check(diags, err);
    *ret = tree;
    tree = NULL;
    return 0;
}

int yaml_parse(const char *bytes, size_t count, const char *name, struct yaml_tree **ret,
               struct diags *diags, struct err *err)
{
    struct buf borrowed = {.data = (char *)(uintptr_t)bytes, .size = count};

    return parse(&borrowed, name, false, ret, diags, err);
}

int yaml_load(const char *path, struct yaml_tree **ret, struct diags *diags, struct err *err)
{
    cleanup_buf struct buf bytes = BUF_INIT(YAML_BYTES_MAX);
    int rc;

    diags->file = path;
    rc = fs_read(path, &bytes, err);
    return rc < 0 ? rc : parse(&bytes, path, true, ret, diags, err);
}

/* ---- filling in ------------------------------------------------------------------------------ */

struct filling {
    struct yaml_tree *tree;
    char *(*fill)(void *arg, const char *text);
    void *arg;
};

static bool is_in(const char *const *names, const char *name)
{
    for (; names && *names; names++)
        if (!strcmp(*names, name))
            return true;
    return !names;
}

/* NULL: the value is to be left out. No deeper than what was parsed, which has a limit. */
static struct yaml_node *filled(struct filling *filling, const struct yaml_node *node,
                                const char *const *only)
{
    struct arena *arena = &filling->tree->arena;
    struct yaml_node *copy = arena_alloc(arena, sizeof *copy);
    const struct yaml_node **link = &copy->first;

    *copy = *node;
    copy->key = arena_strdup(arena, node->key);
    copy->first = copy->next = NULL;
    copy->count = 0;
    if (node->kind == YAML_SCALAR) {
        cleanup_free char *text = filling->fill(filling->arg, node->text);
        copy->text = arena_strdup(arena, text);
        return text ? copy : NULL;
    }
    for (const struct yaml_node *child = node->first; child; child = child->next) {
        struct yaml_node *more = is_in(only, child->key) ? filled(filling, child, NULL) : NULL;
        if (!more)
            continue;
        *link = more;
        link = &more->next;
        copy->count++;
    }
    return copy;
}

struct yaml_tree *yaml_fill(const struct yaml_node *node, const char *file, const char *const *only,
                            char *(*fill)(void *arg, const char *text), void *arg)
{
    struct yaml_tree *tree = xcalloc(1, sizeof *tree);
    struct filling filling = {tree, fill, arg};

    tree->file = arena_strdup(&tree->arena, file);
    tree->root = filled(&filling, node, only);
    if (!tree->root)
        tree->root = arena_alloc(&tree->arena, sizeof *tree->root);
    return tree;
}

const struct yaml_node *yaml_root(const struct yaml_tree *tree)
{
    return tree->root;
}

const char *yaml_file(const struct yaml_tree *tree)
{
    return tree->file;
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
    if (map->kind != YAML_MAP)
        return NULL;
    for (const struct yaml_node *child = map->first; child; child = child->next)
        if (!strcmp(child->key, key))
            return child;
    return NULL;
}

void yaml_tree_free(struct yaml_tree *tree)
{
    if (!tree)
        return;
    arena_done(&tree->arena);
    free(tree);
}
