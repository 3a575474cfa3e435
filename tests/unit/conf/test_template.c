/* SPDX-License-Identifier: MIT
 *
 * A board made of a template: only a board's keys, with what is known of the board filled in.
 */
#include "base/str.h"
#include "conf/lab.h"

#include <criterion/criterion.h>
#include <string.h>

static char *fill(void *arg, const char *text)
{
    if (!strcmp(text, "{none}"))
        return NULL;
    return strcmp(text, "{path}") ? xstrdup(text) : xstrdup(arg);
}

static int make(const char *yaml, struct lab **ret, struct diags *diags, struct err *err)
{
    struct lab base = {
        .file = "lab.yaml", .name = (char *)(uintptr_t) "bench", .timeouts = {1, 2, 3, 4, 5}};
    struct yaml_tree *tree;
    int rc;

    cr_assert_eq(yaml_parse(yaml, strlen(yaml), "lab.yaml", &tree, diags, err), 0, "%s",
                 err->message);
    rc = lab_from_template(&base, yaml_root(tree), "slot-1", fill, (void *)(uintptr_t) "1-1.4", ret,
                           diags, err);
    yaml_tree_free(tree);
    return rc;
}

Test(template, keys_of_a_board_and_nothing_else)
{
    struct diags diags = {0};
    struct err err = {0};
    struct lab *lab = NULL;
    const struct yaml_node *dfu;

    cr_assert_eq(make("match: {id: [0483:df11]}\n"
                      "flash: {dfu: {path: '{path}', serial: '{none}', alt: '0'}}\n"
                      "timeouts: {flash: 7s}\n",
                      &lab, &diags, &err),
                 0, "%s", err.message);
    cr_assert_eq(lab->count, 1);
    cr_expect_str_eq(lab->boards[0].name, "slot-1");
    cr_expect_eq(lab->boards[0].timeouts.flash, 7000);
    cr_expect_eq(lab->boards[0].timeouts.idle, 4);
    cr_expect(!lab->boards[0].console && !lab->boards[0].reset);
    cr_expect(!lab->boards[0].recovery.steps[RECOVER_AGAIN]);
    dfu = lab->boards[0].flash->first;
    cr_expect_str_eq(dfu->key, "dfu");
    cr_expect_eq(dfu->count, 2);
    cr_expect_str_eq(yaml_get(dfu, "path")->text, "1-1.4");
    cr_expect_eq(yaml_get(dfu, "path")->line, 2);
    cr_expect(!yaml_get(dfu, "serial"));
    cr_expect_str_eq(yaml_get(dfu, "alt")->text, "0");
    lab_free(lab);
    diags_done(&diags);
}

Test(template, mistakes_have_their_places)
{
    struct diags diags = {0};
    struct err err = {0};
    struct lab *lab = NULL;

    cr_assert_eq(make("match: {id: [0483:df11]}\nmemory: 5\n", &lab, &diags, &err), -ERR_CONFIG);
    cr_expect(strstr(err.message, "lab.yaml:2:9: 'memory' must be a list"), "%s", err.message);
    cr_expect(strstr(err.message, "'rig' has no flash driver"), "%s", err.message);
    lab_free(lab);
    diags_done(&diags);
}
