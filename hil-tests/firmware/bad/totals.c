/* SPDX-License-Identifier: MIT
 *
 * Claims two more passed tests at the end than it has shown, as if lines had been lost.
 */
#include "speak.h"

static volatile uint32_t zero;

TEST(totals, test_one)
{
    CHECK_EQUAL(0, zero);
}

TEST(totals, test_two)
{
    CHECK_EQUAL(0, zero);
}

int main(void)
{
    check_begin();
    struct tally tally = check_run();
    tally.total += 2;
    tally.passed += 2;
    speak_end(&tally);
    return 0;
}
