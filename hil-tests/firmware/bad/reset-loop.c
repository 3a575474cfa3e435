/* SPDX-License-Identifier: MIT
 *
 * Starts, passes one test, resets the chip in the second, starts, ...
 */
#include "check.h"
#include "cortexm.h"

TEST(watchdog, test_watchdog_is_off)
{
    CHECK_EQUAL(0, cpu_exception());
}

TEST(watchdog, test_watchdog_can_be_fed)
{
    chip_drain();
    SCB_AIRCR = SCB_AIRCR_SYSRESETREQ;
    cpu_barrier();
    cpu_halt();
}
