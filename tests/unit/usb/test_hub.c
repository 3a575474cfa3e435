/* SPDX-License-Identifier: MIT */
#include "base/str.h"
#include "usb/hub.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

Test(hub, what_its_descriptor_says)
{
    static const struct {
        uint8_t bytes[9];
        size_t size;
        enum hub_switching switching;
        unsigned ports;
        int good_ms;
    } good[] = {
        {{9, 0x29, 4, 0xE9, 0x00, 50, 100, 0, 0xFF}, 9, HUB_PER_PORT, 4, 100},
        {{9, 0x29, 7, 0xE0, 0x00, 50, 100, 0, 0xFF}, 9, HUB_GANGED, 7, 100},
        {{9, 0x29, 4, 0x0A, 0x00, 0, 100, 0, 0xFF}, 9, HUB_FIXED, 4, 0},
        {{9, 0x29, 4, 0x0B, 0x00, 0, 100, 0, 0xFF}, 9, HUB_FIXED, 4, 0},
        {{12, 0x2A, 4, 0x09, 0x00, 120, 0, 0, 0}, 9, HUB_PER_PORT, 4, 240},
        {{7, 0x29, 255, 0x01, 0x00, 255, 0}, 7, HUB_PER_PORT, 255, 510},
    };
    static const struct {
        uint8_t bytes[9];
        size_t size;
    } bad[] = {{{0}, 0},
               {{9, 0x29, 4, 0, 0, 0}, 6},
               {{9, 0x21, 4, 0, 0, 0, 0, 0, 0}, 9},
               {{2, 0x29, 4, 0, 0, 0, 0, 0, 0}, 9}};
    struct hub_facts facts;
    struct err err = {0};

    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        cr_assert_eq(hub_read_facts(good[i].bytes, good[i].size, &facts, &err), 0, "%zu: %s", i,
                     err.message);
        cr_expect_eq(facts.switching, good[i].switching, "%zu", i);
        cr_expect_eq(facts.ports, good[i].ports, "%zu", i);
        cr_expect_eq(facts.good_ms, good[i].good_ms, "%zu", i);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        cr_expect_eq(hub_read_facts(bad[i].bytes, bad[i].size, &facts, &err), -ERR_DATA, "%zu", i);
}

Test(hub, where_a_port_leads)
{
    cleanup_free char *below = hub_child_path("1-1.4", 3);
    cleanup_free char *root = hub_child_path("usb2", 11);

    cr_expect_str_eq(below, "1-1.4.3");
    cr_expect_str_eq(root, "2-11");
}
