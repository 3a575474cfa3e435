/* SPDX-License-Identifier: MIT */
#include "conf/diag.h"
#include "conf/yaml.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

Test(diag, no_mistake_is_no_error)
{
    struct diags diags = {0};

    cr_expect_eq(diags_check(&diags, NULL), 0);
}

Test(diag, the_error_tells_as_many_as_fit_and_counts_the_rest)
{
    struct diags diags = {.file = "lab.yaml"};
    struct err err = {0};

    for (int i = 1; i <= DIAGS_MAX + 7; i++)
        diag_at(&diags, i, 2, "mistake %d", i);
    cr_expect_eq(diags.messages.count, DIAGS_MAX);
    cr_expect_eq(diags.dropped, 7);
    cr_expect_eq(diags_check(&diags, &err), -ERR_CONFIG);
    cr_expect_eq(err.code, ERR_CONFIG);
    cr_expect_eq(strncmp(err.message, "lab.yaml:1:2: mistake 1\nlab.yaml:2:2: mistake 2\n", 48), 0);
    size_t shown = 0;
    for (const char *at = err.message; (at = strstr(at, "mistake")); at++)
        shown++;
    char last[64];
    snprintf(last, sizeof last, "\n(and %zu more)", DIAGS_MAX + 7 - shown);
    cr_expect(shown > 30 && strstr(err.message, last), "%s", err.message);
    cr_expect_eq(diags_check(&diags, NULL), -ERR_CONFIG, "err may be NULL");
    diags_done(&diags);
}

Test(diag, hostile_text_is_cut_and_cleaned)
{
    struct diags diags = {.file = "f"};
    char text[2000];

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    text[3] = '\x1b';
    text[4] = '\n';
    diag_at(&diags, 1, 1, "%s", text);
    cr_expect_lt(strlen(diags.messages.items[0]), 500);
    cr_expect_null(strpbrk(diags.messages.items[0], "\x1b\n"));
    diags_done(&diags);
}

Test(diag, a_key_message_stands_at_the_key)
{
    struct yaml_node node = {.line = 3, .column = 9, .key = "k", .key_line = 2, .key_column = 5};
    struct diags diags = {.file = "f"};

    diag_key(&diags, &node, "a");
    diag_node(&diags, &node, "b");
    node.key = NULL;
    diag_key(&diags, &node, "c");
    cr_assert_eq(diags.messages.count, 3);
    cr_expect_str_eq(diags.messages.items[0], "f:2:5: a");
    cr_expect_str_eq(diags.messages.items[1], "f:3:9: b");
    cr_expect_str_eq(diags.messages.items[2], "f:3:9: c");
    diags_done(&diags);
}

Test(diag, messages_stand_in_the_order_of_the_file)
{
    struct diags diags = {.file = "a"};

    diag_at(&diags, 7, 1, "x");
    diags.file = "b";
    diag_at(&diags, 3, 5, "x");
    diag_at(&diags, 2, 9, "x");
    diag_at(&diags, 3, 4, "x");
    diag_at(&diags, 3, 4, "y");
    static const char *const expected[] = {"a:7:1: x", "b:2:9: x", "b:3:4: x", "b:3:4: y",
                                           "b:3:5: x"};
    for (size_t i = 0; i < 5; i++)
        cr_expect_str_eq(diags.messages.items[i], expected[i]);
    diags_done(&diags);
}
