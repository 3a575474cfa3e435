/* SPDX-License-Identifier: MIT
 *
 * Assertions that fail, on purpose.
 */
#include "check.h"

static volatile uint32_t reading = 1187;

TEST(adc, test_reference_is_present)
{
    CHECK(reading > 0);
}

TEST(adc, test_reference_is_exact)
{
    CHECK_EQUAL(1210, reading);
}

TEST(adc, test_temperature_sensor)
{
    SKIP("no sensor on this board");
}

TEST(can, test_loopback_delivers)
{
    CHECK(reading < 1000);
}

TEST(can, test_error_register_is_clear)
{
    CHECK_EQUAL_HEX(0, reading & 3);
}

TEST(can, test_recovers_from_bus_off)
{
    CHECK(reading != 0);
}
