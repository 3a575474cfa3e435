/* SPDX-License-Identifier: MIT
 *
 * Any bytes as lab.yaml, and each of its boards removed: refused, or all others are there still,
 * and what is shown of the change has no more than what was there. The first byte says which
 * boards.
 */
#include "conf/lab_edit.h"
#include "conf/text_lines.h"
#include "conf/yaml.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void choose(const char *text, size_t size, unsigned which, struct strv *ret)
{
    struct diags diags = {0};
    struct yaml_tree *tree;

    if (yaml_parse(text, size, "f", &tree, &diags, NULL) == 0) {
        const struct yaml_node *boards = yaml_get(yaml_root(tree), "boards");
        const struct yaml_node *node = boards && boards->kind == YAML_MAP ? boards->first : NULL;
        for (; node; node = node->next, which = which >> 1 | which << 7)
            if (which & 1)
                strv_add(ret, node->key);
        yaml_tree_free(tree);
    }
    diags_done(&diags);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    cleanup_buf struct buf after = BUF_INIT(YAML_BYTES_MAX);
    cleanup_buf struct buf diff = BUF_INIT((size_t)4 * YAML_BYTES_MAX);
    cleanup_strv struct strv names = {0};
    const char *text = (const char *)bytes + 1;
    struct err err = {0};

    if (!count || count > 65536)
        return 0;
    choose(text, count - 1, bytes[0], &names);
    if (lab_remove_boards(text, count - 1, "f", &names, &after, &err) == 0) {
        cleanup_text_lines struct text_lines a = text_lines_split(text, count - 1);
        cleanup_text_lines struct text_lines b = text_lines_split(after.data, after.size);
        text_diff(&a, &b, "f", &diff);
        if (after.size > count - 1 || (!diff.size) != (after.size == count - 1))
            abort();
    }
    return 0;
}
