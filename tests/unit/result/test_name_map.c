/* SPDX-License-Identifier: MIT */
#include "result/name_map.h"

#include <criterion/criterion.h>

Test(name_map, a_name_map_keeps_numbers_under_any_bytes)
{
    struct name_map map = {0};
    struct name_slot *slot = name_map_at(&map, "a\0b", 3);

    cr_expect_eq(slot->value, 0);
    slot->value = 1;
    name_map_at(&map, "a\0c", 3)->value = 2;
    name_map_at(&map, "a", 1)->value = 3;
    name_map_at(&map, "", 0)->value = 4;
    cr_expect_eq(name_map_at(&map, "a\0b", 3)->value, 1);
    cr_expect_eq(name_map_at(&map, "a\0c", 3)->value, 2);
    cr_expect_eq(name_map_at(&map, "a", 1)->value, 3);
    cr_expect_eq(name_map_at(&map, "", 0)->value, 4);
    cr_expect_eq(map.count, 4);
    name_map_done(&map);
    cr_expect_eq(map.count, 0);
}
