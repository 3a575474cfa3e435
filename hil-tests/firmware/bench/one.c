/* SPDX-License-Identifier: MIT
 *
 * One test and nothing else, for measuring what a run costs besides the firmware.
 */
#include "check.h"
#include "chip.h"

TEST(one, test_one)
{
    CHECK_EQUAL(0, 0);
}
