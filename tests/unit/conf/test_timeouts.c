/* SPDX-License-Identifier: MIT */
#include "base/str.h"
#include "conf/timeouts.h"

#include <criterion/criterion.h>
#include <string.h>

Test(timeouts, merging_keeps_what_is_not_given)
{
    struct timeouts over = {-1, 5, -1, 0, -1};
    struct timeouts merged = timeouts_merge(timeouts_default, over);

    cr_expect_eq(merged.lease, 600000);
    cr_expect_eq(merged.flash, 5);
    cr_expect_eq(merged.idle, 0);
}

Test(timeouts, those_of_the_command_line)
{
    static const struct {
        const char *text;
        int rc;
        struct timeouts expected;
    } cases[] = {
        {"30s", 0, {-1, -1, -1, -1, 30000}},
        {"boot=5s,idle=10s", 0, {-1, -1, 5000, 10000, -1}},
        {"lease=0s,2m", 0, {0, -1, -1, -1, 120000}},
        {"boot=0s", -ERR_USAGE, {0}},
        {"boots=5s", -ERR_USAGE, {0}},
        {"boot=", -ERR_USAGE, {0}},
        {"30", -ERR_USAGE, {0}},
        {"", -ERR_USAGE, {0}},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct timeouts seen;
        struct err err = {0};
        cr_expect_eq(timeouts_parse(cases[i].text, &seen, &err), cases[i].rc, "%s: %s",
                     cases[i].text, err.message);
        if (cases[i].rc == 0)
            cr_expect_eq(memcmp(&seen, &cases[i].expected, sizeof seen), 0, "%s", cases[i].text);
    }
}
