/* SPDX-License-Identifier: MIT */
#include "base/str.h"
#include "conf/lab.h"

#include <criterion/criterion.h>
#include <string.h>

static struct lab *load(const char *path)
{
    struct diags diags = {0};
    struct lab *lab = NULL;
    struct err err = {0};

    cr_assert_eq(lab_load(path, &lab, &diags, &err), 0, "%s", err.message);
    diags_done(&diags);
    return lab;
}

Test(server, boards_on_servers_are_called_by_both_names)
{
    struct lab *lab = load(HIL_TEST_DATA "/conf/good-servers.yaml");
    const struct board_conf *node = lab_board(lab, "pi1/can-node");

    cr_assert_not_null(node);
    cr_expect_eq(lab_board(lab, "can-node"), node);
    cr_expect_str_eq(node->there, "nucleo-4");
    cr_expect_str_eq(node->server->hosts.items[1], "pi1.local");
    cr_expect_eq(node->timeouts.idle, 3000);
    cr_expect_eq(node->timeouts.boot, -1, "the server's own lab.yaml says that");
    cr_expect(node->has_labels);
    cr_expect(board_matches(node, "can") && board_matches(node, "can-node"));
    cr_expect_not(board_matches(node, "nucleo-4"), "what it is called there is nothing here");
    cr_expect_not(lab_board(lab, "nucleo-3")->has_labels);
    cr_expect_null(lab_board(lab, "here")->server);
    lab_free(lab);
}

Test(server, a_short_name_that_two_have_is_none)
{
    struct lab *lab = load(HIL_TEST_DATA "/conf/good-servers.yaml");

    lab_add_board(lab, servers_find(&lab->servers, "pi2"), "nucleo-3");
    cr_expect_null(lab_board(lab, "nucleo-3"));
    cr_expect_str_eq(lab_board(lab, "pi2/nucleo-3")->there, "nucleo-3");
    cr_expect_str_eq(lab_board(lab, "pi1/nucleo-3")->server->name, "pi1");
    lab_free(lab);
}

Test(server, who_knows_boards_of_this_host_only_sees_no_others)
{
    struct lab *lab = load(HIL_TEST_DATA "/conf/good-servers.yaml");

    lab_drop_servers_boards(lab);
    cr_assert_eq(lab->count, 1);
    cr_expect_str_eq(lab->boards[0].name, "here");
    lab_free(lab);
}
