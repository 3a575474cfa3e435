/* SPDX-License-Identifier: MIT */
#include "base/str.h"
#include "conf/field.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const char *const colours[] = {"red", "green", "blue", NULL};

struct all {
    char *text;
    bool flag;
    uint64_t number, open_number, address, size;
    int64_t wait_ms;
    int colour;
    struct strv list, argv;
    struct argv_list argvs;
    const struct yaml_node *node;
};

#define AT(member) offsetof(struct all, member)

static const struct field fields[] = {
    {"text", FIELD_STRING, AT(text), FIELD_REQUIRED, .help = "any words"},
    {"flag", FIELD_BOOL, AT(flag), .help = ""},
    {"number", FIELD_UINT, AT(number), .min = 5, .max = 9, .help = ""},
    {"open", FIELD_UINT, AT(open_number), .min = 2, .help = ""},
    {"address", FIELD_ADDRESS, AT(address), .help = ""},
    {"size", FIELD_SIZE, AT(size), .help = ""},
    {"wait", FIELD_DURATION, AT(wait_ms), .help = ""},
    {"colour", FIELD_CHOICE, AT(colour), .choices = colours, .help = ""},
    {"list", FIELD_STRINGS, AT(list), .help = ""},
    {"argv", FIELD_ARGV, AT(argv), .help = ""},
    {"argvs", FIELD_ARGVS, AT(argvs), .help = ""},
    {"node", FIELD_NODE, AT(node), .help = ""},
    {0}};

/* Reads `text` into `out`; the tree is left in *tree for FIELD_NODE. Returns the messages. */
static struct diags read_text(const char *text, struct all *out, struct yaml_tree **tree)
{
    struct diags diags = {0};
    struct err err = {0};
    int rc = yaml_parse(text, strlen(text), "f", tree, &diags, &err);

    cr_assert_eq(rc, 0, "%s", err.message);
    fields_read(fields, yaml_root(*tree), "a thing", out, &diags);
    return diags;
}

Test(field, every_type_is_read)
{
    struct all all = {0};
    struct yaml_tree *tree;
    struct diags diags =
        read_text("text: hello\nflag: On\nnumber: 9\nopen: 0x10\n"
                  "address: 0x08000000\nsize: 512K\nwait: 1.5s\ncolour: blue\n"
                  "list: one\nargv: [a, 'b c']\nargvs: [[x, y], [z]]\nnode: {k: 1}\n",
                  &all, &tree);

    cr_expect_eq(diags.messages.count, 0, "%s",
                 diags.messages.items ? diags.messages.items[0] : "");
    cr_expect_str_eq(all.text, "hello");
    cr_expect(all.flag);
    cr_expect_eq(all.number, 9);
    cr_expect_eq(all.open_number, 16);
    cr_expect_eq(all.address, 0x08000000);
    cr_expect_eq(all.size, 524288);
    cr_expect_eq(all.wait_ms, 1500);
    cr_expect_eq(all.colour, 2);
    cr_expect_eq(all.list.count, 1);
    cr_expect_str_eq(all.argv.items[1], "b c");
    cr_expect_eq(all.argvs.count, 2);
    cr_expect_str_eq(all.argvs.items[0].items[1], "y");
    cr_expect_str_eq(yaml_get(all.node, "k")->text, "1");
    fields_done(fields, &all);
    cr_expect_null(all.text);
    cr_expect_null(all.argvs.items);
    cr_expect_null(all.node);
    yaml_tree_free(tree);
}

Test(field, presets_stay_or_are_replaced)
{
    struct all all = {.text = xstrdup("preset"), .number = 7, .wait_ms = 3};
    struct yaml_tree *tree;

    strv_add(&all.list, "old");
    strv_add(&all.argv, "kept");
    struct diags diags = read_text("text: new\nlist: [a, b]\n", &all, &tree);
    cr_expect_eq(diags.messages.count, 0);
    cr_expect_str_eq(all.text, "new");
    cr_expect_eq(all.number, 7);
    cr_expect_eq(all.wait_ms, 3);
    cr_expect_eq(all.list.count, 2);
    cr_expect_str_eq(all.argv.items[0], "kept");
    fields_done(fields, &all);
    yaml_tree_free(tree);
}

Test(field, one_argv_is_a_list_of_one)
{
    struct all all = {0};
    struct yaml_tree *tree;
    struct diags diags = read_text("{text: t, argvs: [make, all]}", &all, &tree);

    cr_expect_eq(diags.messages.count, 0);
    cr_expect_eq(all.argvs.count, 1);
    cr_expect_eq(all.argvs.items[0].count, 2);
    fields_done(fields, &all);
    yaml_tree_free(tree);
}

Test(field, each_mistake_says_what_was_expected)
{
    static const struct {
        const char *line, *message;
    } cases[] = {
        {"text: ''", "'text' must be text, not '' in quotes"},
        {"text: [a]", "'text' must be text, not a list"},
        {"text: ~", "'text' must be text, not empty"},
        {"flag: 1", "'flag' must be true or false, not '1'"},
        {"flag: 'yes'", "'flag' must be true or false, not 'yes' in quotes"},
        {"number: 4", "'number' must be a number from 5 to 9, not '4'"},
        {"number: 10", "'number' must be a number from 5 to 9, not '10'"},
        {"number: '7'", "'number' must be a number from 5 to 9, not '7' in quotes"},
        {"number: 7.5", "'number' must be a number from 5 to 9, not '7.5'"},
        {"open: 1", "'open' must be a number, at least 2, not '1'"},
        {"open: -1", "'open' must be a number, at least 2, not '-1'"},
        {"open: 18446744073709551616",
         "'open' must be a number, at least 2, not '18446744073709551616'"},
        {"address: flash", "'address' must be an address such as 0x08000000, not 'flash'"},
        {"size: 5 apples", "'size' must be a size such as 65536, 512K or 1M, not '5 apples'"},
        {"wait: 5", "'wait' must be a duration with its unit such as 250ms, 30s or 10m, not '5'"},
        {"colour: pink", "'colour' must be one of: red, green, blue, not 'pink'"},
        {"list: {a: b}", "'list' must be a list of texts such as [one, two], not a map"},
        {"list: [a, [b]]", "'list' must be a list of texts such as [one, two], not a list"},
        {"argv: make",
         "'argv' must be a program and its arguments as a list such as [make, all], not 'make'"},
        {"argv: []", "'argv' must be a program and its arguments as a list such as [make, all], "
                     "not an empty list"},
        {"argv: ['']", "'argv' must be a program and its arguments as a list such as [make, all], "
                       "not '' in quotes"},
        {"argvs: make",
         "'argvs' must be a list of commands such as [[make, clean], [make, all]], not 'make'"},
        {"argvs: [[a], b]",
         "'argvs' must be a list of commands such as [[make, clean], [make, all]], not 'b'"},
        {"argvs: [a, [b]]",
         "'argvs' must be a list of commands such as [[make, clean], [make, all]], not a list"},
        {"numbre: 7", "unknown key 'numbre' (did you mean 'number'?)"},
        {"xyzzy: 7",
         "unknown key 'xyzzy'; a thing knows: text, flag, number, open, address, size, wait, "
         "colour, list, argv, argvs, node"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char text[128];
        struct all all = {0};
        struct yaml_tree *tree;
        bool own_text = str_starts(cases[i].line, "text:");
        snprintf(text, sizeof text, "%s%s\n", own_text ? "" : "text: t\n", cases[i].line);
        struct diags diags = read_text(text, &all, &tree);
        cr_expect_eq(diags.messages.count, 1, "%s: %zu", text, diags.messages.count);
        if (diags.messages.count)
            cr_expect(str_ends(diags.messages.items[0], cases[i].message), "%s: %s", text,
                      diags.messages.items[0]);
        diags_done(&diags);
        fields_done(fields, &all);
        yaml_tree_free(tree);
    }
}

Test(field, reading_goes_on_after_a_mistake)
{
    struct all all = {0};
    struct yaml_tree *tree;
    struct diags diags = read_text("number: 99\nwaits: 1s\nsize: 1M\n", &all, &tree);

    cr_assert_eq(diags.messages.count, 3);
    cr_expect_str_eq(diags.messages.items[0], "f:1:1: a thing needs 'text': any words");
    cr_expect_str_eq(diags.messages.items[1],
                     "f:1:9: 'number' must be a number from 5 to 9, not '99'");
    cr_expect_str_eq(diags.messages.items[2], "f:2:1: unknown key 'waits' (did you mean 'wait'?)");
    cr_expect_eq(all.size, 1048576);
    diags_done(&diags);
    fields_done(fields, &all);
    yaml_tree_free(tree);
}

Test(field, null_is_an_empty_map_and_a_list_is_none)
{
    struct all all = {0};
    struct yaml_tree *tree;
    struct diags diags = read_text("", &all, &tree);

    cr_assert_eq(diags.messages.count, 1);
    cr_expect(str_ends(diags.messages.items[0], "a thing needs 'text': any words"));
    diags_done(&diags);
    yaml_tree_free(tree);
    diags = read_text("[a]", &all, &tree);
    cr_assert_eq(diags.messages.count, 1);
    cr_expect(
        str_ends(diags.messages.items[0], "a thing must be a map of keys and values, not a list"));
    diags_done(&diags);
    yaml_tree_free(tree);
}
