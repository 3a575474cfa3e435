/* SPDX-License-Identifier: MIT
 *
 * The third test divides by zero with nobody to handle it: a hard fault, registers, and no more.
 */
#include "check.h"
#include "cortexm.h"

static volatile uint32_t readings[] = {19, 20, 21};

/* Not inlined, so that the fault's pc and lr name two functions. */
__attribute__((noinline)) static uint32_t average(const volatile uint32_t *values, uint32_t count)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum += values[i];
    return sum / count;
}

TEST(sensor, test_first_reading)
{
    SCB_CCR |= SCB_CCR_DIV_0_TRP;
    CHECK_EQUAL(19, readings[0]);
}

TEST(sensor, test_average_of_readings)
{
    CHECK_EQUAL(20, average(readings, 3));
}

TEST(sensor, test_average_of_none)
{
    CHECK_EQUAL(0, average(readings, 0));
}

TEST(sensor, test_is_never_reached)
{
    CHECK_EQUAL(21, readings[2]);
}
