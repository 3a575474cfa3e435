/* SPDX-License-Identifier: MIT
 *
 * Three tests pass, the fourth waits for an interrupt that nobody enabled.
 */
#include "check.h"

static volatile uint32_t received;

TEST(link, test_cable_is_detected)
{
    CHECK_EQUAL(0, received);
}

TEST(link, test_speed_is_negotiated)
{
    CHECK_EQUAL(0, received);
}

TEST(link, test_frame_is_sent)
{
    CHECK_EQUAL(0, received);
}

TEST(link, test_frame_comes_back)
{
    while (!received)
        __asm volatile("wfi");
    CHECK_EQUAL(1, received);
}

TEST(link, test_is_never_reached)
{
    CHECK_EQUAL(1, received);
}
