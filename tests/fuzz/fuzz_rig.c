/* SPDX-License-Identifier: MIT
 *
 * Any bytes as lab.yaml with a rig: refused with positions, or a rig that keeps its promises; and
 * as identities: refused, or written in one way only.
 */
#include "base/str.h"
#include "serve/rig_conf.h"
#include "store/pool_value.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_values(const char *text)
{
    for (int kind = 0; kind < POOL_KINDS; kind++) {
        cleanup_free char *value = pool_value((enum pool_kind)kind, text, NULL);
        cleanup_free char *again = value ? pool_value((enum pool_kind)kind, value, NULL) : NULL;
        struct pool_span span;
        require(str_eq(value, again));
        if (pool_span_parse((enum pool_kind)kind, text, &span, NULL) != 1)
            continue;
        require(span.first <= span.last && span.first >= 0);
        cleanup_free char *last = pool_span_value(&span, span.last);
        cleanup_free char *same = pool_value((enum pool_kind)kind, last, NULL);
        require(str_eq(last, same));
    }
}

static void check_rig(const char *text, size_t count)
{
    const struct rig_device device = {.path = "1-1.4", .hub = "1-1", .serial = "A{path}\"'\n"};
    struct lab lab = {.file = "lab.yaml", .name = (char *)(uintptr_t) "bench"};
    struct diags diags = {0};
    struct rig_conf conf = {0};
    struct lab *board = NULL;
    struct yaml_tree *tree = NULL;
    struct err err = {0};

    if (yaml_parse(text, count, "lab.yaml", &tree, &diags, &err) == 0) {
        lab.rig = yaml_root(tree);
        rig_conf_read(&lab, &conf, &diags);
        require(conf.recipe_count <= 8);
        if (!diags.messages.count) {
            require(conf.ids.count > 0);
            rig_conf_matches(&conf, &device);
            bool good = rig_conf_board(&conf, 1, &device, &board, &diags, &err) == 0;
            require(good ? board != NULL && board->count == 1 : diags.messages.count > 0);
        }
    }
    lab_free(board);
    rig_conf_done(&conf);
    yaml_tree_free(tree);
    diags_done(&diags);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    cleanup_free char *text = xstrndup((const char *)bytes, count);

    check_values(text);
    check_rig(text, strlen(text));
    return 0;
}
