/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a YAML file: refused with a message, or a tree that keeps its promises.
 */
#include "conf/yaml.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* At most YAML_DEPTH_MAX calls deep, which is one of the promises. */
static size_t walk(const struct yaml_node *node, int depth)
{
    size_t nodes = 1, children = 0;

    require(depth <= YAML_DEPTH_MAX && node->line > 0 && node->column > 0);
    require((node->kind == YAML_SCALAR) <= (node->text != NULL));
    for (const struct yaml_node *child = node->first; child; child = child->next, children++) {
        require((node->kind == YAML_MAP) == (child->key != NULL));
        if (child->key && children < 100)
            require(yaml_get(node, child->key) == child);
        nodes += walk(child, depth + 1);
    }
    require(children == node->count);
    return nodes;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct yaml_tree *tree = NULL;
    struct diags diags = {0};
    struct err err = {0};
    int rc = yaml_parse((const char *)bytes, count, "fuzz", &tree, &diags, &err);

    require((rc == 0) == (tree != NULL) && (rc == 0) == (err.message[0] == '\0'));
    require(rc == 0 || count > YAML_BYTES_MAX || diags.messages.count);
    if (tree)
        require(walk(yaml_root(tree), 0) <= YAML_NODES_MAX);
    yaml_tree_free(tree);
    diags_done(&diags);
    return 0;
}
