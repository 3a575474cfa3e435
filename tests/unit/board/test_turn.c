/* SPDX-License-Identifier: MIT */
#include "board/turn.h"

#include "../scratch.h"

static const struct ctx forever = {.deadline_ns = CTX_NEVER, .cancel_fd = -1};

static int take(const char *dir, struct max_parallel room, const char *hub, const char *controller,
                struct turn **ret, struct err *err)
{
    struct lab lab = {.file = "lab.yaml", .name = (char *)(uintptr_t) "lab", .max_parallel = room};
    struct turn_place place = {.hub = hub, .controller = controller};
    struct ctx soon = ctx_narrow(&forever, 150);

    return turn_take(dir, &lab, &place, &soon, ret, err);
}

Test(turn, without_limits_there_is_none)
{
    cleanup_scratch char *dir = scratch_make();
    struct turn *turn = NULL;

    cr_assert_eq(take(dir, (struct max_parallel){0}, "1-1", "pci", &turn, NULL), 0);
    cr_expect_null(turn);
    turn_drop(turn);
}

Test(turn, as_many_as_the_limit_lets_and_one_more_once_one_is_dropped)
{
    cleanup_scratch char *dir = scratch_make();
    struct max_parallel two = {.lab = 2};
    struct turn *first, *second, *third;
    struct err err = {0};

    cr_assert_eq(take(dir, two, NULL, NULL, &first, &err), 0, "%s", err.message);
    cr_assert_eq(take(dir, two, NULL, NULL, &second, &err), 0, "%s", err.message);
    cr_assert_eq(take(dir, two, NULL, NULL, &third, &err), -ERR_TIMEOUT);
    cr_expect_null(third);
    cr_expect_str_eq(
        err.message,
        "2 boards of lab 'lab' are at work all the time: see max-parallel in the lab's file");
    turn_drop(first);
    cr_assert_eq(take(dir, two, NULL, NULL, &third, &err), 0, "%s", err.message);
    turn_drop(second);
    turn_drop(third);
}

Test(turn, a_full_hub_keeps_nobody_from_another)
{
    cleanup_scratch char *dir = scratch_make();
    struct max_parallel room = {.hub = 1, .controller = 2, .lab = 2};
    struct turn *here, *there, *none;
    struct err err = {0};

    cr_assert_eq(take(dir, room, "1-1", "pci", &here, &err), 0, "%s", err.message);
    cr_expect_eq(take(dir, room, "1-1", "pci", &none, &err), -ERR_TIMEOUT);
    cr_expect(strstr(err.message, "hub '1-1'"), "%s", err.message);
    cr_assert_eq(take(dir, room, "1-2", "pci", &there, &err), 0, "%s", err.message);
    cr_expect_eq(take(dir, room, "1-3", "pci", &none, &err), -ERR_TIMEOUT);
    cr_expect(strstr(err.message, "controller 'pci'"), "%s", err.message);
    cr_expect_eq(take(dir, room, "2-1", "other", &none, &err), -ERR_TIMEOUT);
    cr_expect(strstr(err.message, "lab 'lab'"), "%s", err.message);
    turn_drop(here);
    cr_assert_eq(take(dir, room, "1-1", "pci", &here, &err), 0, "what failed kept nothing");
    turn_drop(here);
    turn_drop(there);
}

Test(turn, a_board_of_no_known_place_counts_for_the_lab_only)
{
    cleanup_scratch char *dir = scratch_make();
    struct max_parallel room = {.hub = 1, .lab = 2};
    struct turn *first, *second;

    cr_assert_eq(take(dir, room, NULL, NULL, &first, NULL), 0);
    cr_assert_eq(take(dir, room, NULL, NULL, &second, NULL), 0);
    turn_drop(first);
    turn_drop(second);
}
