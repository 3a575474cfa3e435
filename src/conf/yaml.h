/* SPDX-License-Identifier: MIT
 *
 * yaml: a YAML (or JSON) file as a tree whose every node knows its line and column.
 *
 * Over libyaml's events. Refused: duplicate keys, aliases that contain themselves, nesting deeper
 * than YAML_DEPTH_MAX, more than YAML_NODES_MAX nodes after aliases are followed, more than one
 * document, keys that are no scalars, unknown tags. The tree is read-only and owns everything;
 * yaml_tree_free() ends it. (Not yaml_free(): libyaml exports that name and would call ours.)
 *
 * yaml_load() and yaml_parse() leave diags->file pointing at the caller's `path` or `name`.
 */
#ifndef HIL_CONF_YAML_H
#define HIL_CONF_YAML_H

#include "base/err.h"
#include "conf/diag.h"

#include <stdbool.h>
#include <stddef.h>

#define YAML_DEPTH_MAX 32
#define YAML_NODES_MAX 200000
#define YAML_BYTES_MAX (4 * 1024 * 1024)

enum yaml_kind { YAML_NULL, YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_node {
    enum yaml_kind kind;
    int line, column; /* from 1 */
    const char *text; /* YAML_SCALAR: its value */
    bool quoted;      /* YAML_SCALAR: written in quotes, so never a number or null */
    const char *key;  /* its name where the parent is a map */
    int key_line, key_column;
    const struct yaml_node *first, *next; /* children, siblings */
    size_t count;                         /* children */
};

struct yaml_tree;

/* 0, or -ERR_CONFIG with the reasons added to `diags`; -ERR_NOT_FOUND, -ERR_IO for the file. A key
 * that is there twice is only added to `diags`, and its second value left out, so that the caller
 * can tell all other mistakes in the same go: diags_check() in the end says whether there were
 * any. */
int yaml_load(const char *path, struct yaml_tree **ret, struct diags *diags, struct err *err);
/* From memory, with duplicate keys refused at once; `name` stands for the file in messages. */
int yaml_parse(const char *bytes, size_t count, const char *name, struct yaml_tree **ret,
               struct diags *diags, struct err *err);
const struct yaml_node *
yaml_root(const struct yaml_tree *tree); /* never NULL: an empty file: NULL kind */
const char *yaml_file(const struct yaml_tree *tree);
/* A copy of the map `node` as a tree of its own, which says to be of `file`: those of its keys that
 * are in `only` (NULL-terminated), each text within as `fill` gives it (malloc'ed; NULL: that value
 * is left out). Lines and columns stay. */
struct yaml_tree *yaml_fill(const struct yaml_node *node, const char *file, const char *const *only,
                            char *(*fill)(void *arg, const char *text), void *arg);
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key); /* NULL: missing */
void yaml_tree_free(struct yaml_tree *tree);                                    /* NULL is fine */

#endif
