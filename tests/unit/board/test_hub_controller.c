/* SPDX-License-Identifier: MIT */
#include "board/hub_controller.h"

#include <criterion/criterion.h>
#include <string.h>

/* What such programs print, or plausibly might. `known` 0: nobody understands it. */
static const struct {
    const char *text;
    uint64_t on, known;
} states[] = {
    {"0x0005\n", 0x5, 0xffff},
    {"0XFFFF", 0xffff, 0xffff},
    {"5", 0x5, 0xffff},
    {"0", 0, 0xffff},
    {"0005\n", 0x5, 0xffff},
    {"00f0\n", 0xf0, 0xffff},
    {"0b101", 0x5, 0xffff},
    {"Power state: 0x0005\r\n", 0x5, 0xffff},
    {"power_state = 12\n", 12, 0xffff},
    {"{\"power_state\": 5}", 0x5, 0xffff},
    {"Connected to hub 2, firmware 14\nPorts: 0x8001\n", 0x8001, 0xffff},
    {"USB power state: 0x0003 (USB1, USB2)\n", 0x3, 0xffff},
    {"Port state: 0x0004\n", 0x4, 0xffff},
    {"USB1: on\nUSB2: off\nUSB16: ON\n", 0x8001, 0x8003},
    {"USB1=1 USB2=0 USB3=1\n", 0x5, 0x7},
    {"port 3: on\nport 4: off\n", 0x4, 0xc},
    {"1: on\n2: off\n16: on\n", 0x8001, 0x8003},
    {"0x0001: on\n0x0002: off\n", 0x1, 0x3},
    {"{\"USB1\": true, \"USB2\": false}\n", 0x1, 0x3},
    {"USB3 is enabled\nUSB4 is disabled\n", 0x4, 0xc},
    {"Hub 1\nUSB1 on\n", 0x1, 0x1},
    {"", 0, 0},
    {"on\n", 0, 0},
    {"usage: hub_cli.py command [mask]\n", 0, 0},
    {"1 0 1 0\n", 0, 0},
    {"0x10000\n", 0, 0},
    {"99999999999999999999999\n", 0, 0},
    {"USB1 USB3\n", 0, 0},
    {"USB0: on\n", 0, 0},
    {"USB17: on\n", 0, 0},
    {"0x0005 0x0006\n", 0, 0},
    {"0x\n", 0, 0},
    {"\xff\xfe\x00", 0, 0},
};

Test(hub_controller, what_is_printed_of_the_ports)
{
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        struct hub_state state;
        struct err err = {0};
        int rc = hub_state_parse(states[i].text, &state, &err);
        cr_expect_eq(rc, states[i].known ? 0 : -ERR_PROTOCOL, "%s: %s", states[i].text,
                     err.message);
        if (rc < 0)
            continue;
        cr_expect_eq(state.on, states[i].on, "%s: on is 0x%x", states[i].text, (unsigned)state.on);
        cr_expect_eq(state.known, states[i].known, "%s: known is 0x%x", states[i].text,
                     (unsigned)state.known);
    }
}

Test(hub_controller, masks)
{
    static const struct {
        const char *text;
        uint64_t mask; /* 0: none */
    } rows[] = {{"0x0004", 4},      {"4", 4},        {"USB1", 1}, {"usb16", 0x8000},
                {"USB3,USB4", 0xc}, {"0x3,USB3", 7}, {"USB0", 0}, {"USB17", 0},
                {"0", 0},           {"0x10000", 0},  {"", 0},     {"USB3;reboot", 0},
                {"-1", 0},          {"power", 0}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t mask = 0;
        struct err err = {0};
        cr_expect_eq(hub_mask_parse(rows[i].text, &mask, &err), rows[i].mask ? 0 : -ERR_USAGE, "%s",
                     rows[i].text);
        if (rows[i].mask)
            cr_expect_eq(mask, rows[i].mask, "%s", rows[i].text);
    }
}
