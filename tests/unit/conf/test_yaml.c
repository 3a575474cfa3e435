/* SPDX-License-Identifier: MIT */
#include "base/buf.h"
#include "conf/yaml.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct yaml_tree *parse(const char *text)
{
    struct yaml_tree *tree = NULL;
    struct diags diags = {0};
    struct err err = {0};
    int rc = yaml_parse(text, strlen(text), "t", &tree, &diags, &err);

    cr_assert_eq(rc, 0, "%s", err.message);
    diags_done(&diags);
    return tree;
}

static void refuse(const char *text, size_t count, const char *message)
{
    struct yaml_tree *tree = NULL;
    struct diags diags = {0};
    struct err err = {0};
    int rc = yaml_parse(text, count, "t", &tree, &diags, &err);

    cr_expect_lt(rc, 0);
    cr_expect_null(tree);
    cr_expect(strstr(err.message, message), "%s lacks %s", err.message, message);
    diags_done(&diags);
}

Test(yaml, nodes_know_their_places)
{
    struct yaml_tree *tree = parse("# c\na: 1\nb:\n  - x\n  - {k: v}\n");
    const struct yaml_node *b = yaml_get(yaml_root(tree), "b");
    const struct yaml_node *k = yaml_get(b->first->next, "k");

    cr_expect_eq(b->key_line, 3);
    cr_expect_eq(b->key_column, 1);
    cr_expect_eq(b->line, 4);
    cr_expect_eq(b->column, 3);
    cr_expect_eq(b->count, 2);
    cr_expect_eq(k->key_line, 5);
    cr_expect_eq(k->key_column, 6);
    cr_expect_eq(k->column, 9);
    cr_expect_str_eq(k->text, "v");
    cr_expect_str_eq(yaml_file(tree), "t");
    cr_expect_null(yaml_get(b, "k"), "a list has no keys");
    yaml_tree_free(tree);
}

Test(yaml, scalars_are_null_only_when_plain)
{
    static const struct {
        const char *text;
        enum yaml_kind kind;
        bool quoted;
    } cases[] = {
        {"", YAML_NULL, false},        {"~", YAML_NULL, false},        {"null", YAML_NULL, false},
        {"Null", YAML_NULL, false},    {"nULL", YAML_SCALAR, false},   {"'~'", YAML_SCALAR, true},
        {"\"\"", YAML_SCALAR, true},   {"!!str ~", YAML_SCALAR, true}, {"0x10", YAML_SCALAR, false},
        {"|\n  x", YAML_SCALAR, true},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[64];
        snprintf(text, sizeof text, "v: %s\n", cases[i].text);
        struct yaml_tree *tree = parse(text);
        const struct yaml_node *v = yaml_get(yaml_root(tree), "v");
        cr_expect_eq(v->kind, cases[i].kind, "%s", text);
        cr_expect(v->kind == YAML_NULL || v->quoted == cases[i].quoted, "%s", text);
        yaml_tree_free(tree);
    }
}

Test(yaml, an_empty_file_is_null)
{
    static const char *const texts[] = {"", "# only words\n", "---\n", "\xEF\xBB\xBF"};

    for (size_t i = 0; i < 4; i++) {
        struct yaml_tree *tree = parse(texts[i]);
        cr_expect_eq(yaml_root(tree)->kind, YAML_NULL);
        cr_expect_geq(yaml_root(tree)->line, 1);
        yaml_tree_free(tree);
    }
}

Test(yaml, an_alias_shares_children_and_has_its_own_place)
{
    struct yaml_tree *tree = parse("a: &x {k: 1}\nb: *x\nc: [*x, *x]\nd: &x 2\ne: *x\n");
    const struct yaml_node *root = yaml_root(tree), *b = yaml_get(root, "b");

    cr_expect_eq(b->line, 2);
    cr_expect_eq(b->column, 4);
    cr_expect_str_eq(b->key, "b");
    cr_expect_str_eq(yaml_get(b, "k")->text, "1");
    cr_expect_eq(yaml_get(b, "k")->line, 1);
    cr_expect_eq(yaml_get(root, "c")->count, 2);
    cr_expect_str_eq(yaml_get(root, "e")->text, "2", "the nearest anchor before it counts");
    yaml_tree_free(tree);
}

Test(yaml, limits_hold_at_their_edge)
{
    char deep[2 * YAML_DEPTH_MAX + 8];
    struct buf wide = BUF_INIT(YAML_BYTES_MAX + 16);

    memset(deep, '[', YAML_DEPTH_MAX);
    memset(deep + YAML_DEPTH_MAX, ']', YAML_DEPTH_MAX);
    deep[2 * YAML_DEPTH_MAX] = '\0';
    yaml_tree_free(parse(deep));
    memset(deep, '[', YAML_DEPTH_MAX + 1);
    memset(deep + YAML_DEPTH_MAX + 1, ']', YAML_DEPTH_MAX + 1);
    refuse(deep, 2 * YAML_DEPTH_MAX + 2, "nested deeper than 32");

    buf_adds(&wide, "[");
    for (int i = 0; i < YAML_NODES_MAX - 1; i++)
        buf_adds(&wide, "1,");
    buf_adds(&wide, "]");
    yaml_tree_free(parse(wide.data));
    wide.data[wide.size - 1] = ' ';
    buf_adds(&wide, "1]");
    refuse(wide.data, wide.size, "more than 200000 values");
    buf_clear(&wide);
    memset(buf_space(&wide, YAML_BYTES_MAX + 1), ' ', YAML_BYTES_MAX + 1);
    buf_grew(&wide, YAML_BYTES_MAX + 1);
    refuse(wide.data, wide.size, "larger than");
    buf_done(&wide);
}

Test(yaml, a_missing_file_is_not_found)
{
    struct yaml_tree *tree = NULL;
    struct diags diags = {0};
    struct err err = {0};

    cr_expect_eq(yaml_load("/nonexistent/lab.yaml", &tree, &diags, &err), -ERR_NOT_FOUND);
    cr_expect(strstr(err.message, "/nonexistent/lab.yaml"));
    diags_done(&diags);
}
