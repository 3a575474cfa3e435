/* SPDX-License-Identifier: MIT
 *
 * yaml_parts: what the files of yaml share.
 */
#ifndef HIL_CONF_YAML_PARTS_H
#define HIL_CONF_YAML_PARTS_H

#include "base/arena.h"
#include "base/buf.h"
#include "conf/yaml.h"

struct yaml_tree {
    struct arena arena; /* owns the nodes */
    const char *file;
    const struct yaml_node *root;
};

/* Into a tree that has nothing but its file's name. 0, -ERR_CONFIG with the reason in `diags`, or
 * -ERR_LIMIT in `err`. A key that is there twice is 0, with its place in `diags`. */
int yaml_build(const struct buf *bytes, struct yaml_tree *tree, struct diags *diags,
               struct err *err);

#endif
