/* SPDX-License-Identifier: MIT
 *
 * The second test faults, and so does the handler of the fault: the core locks up (ARM §B1.5.15). A
 * chip stands still without a word; QEMU ends.
 */
#include "check.h"
#include "exceptions.h"

static volatile uint32_t zero;

static void fault_again(struct frame *frame, uint32_t exc_return)
{
    __asm volatile("udf #1");
}

TEST(lockup, test_nothing_is_wrong_yet)
{
    CHECK_EQUAL(0, zero);
}

TEST(lockup, test_faulty_fault_handler)
{
    exception_attach(EXCEPTION_HARD_FAULT, fault_again);
    __asm volatile("udf #0");
}

TEST(lockup, test_is_never_reached)
{
    CHECK_EQUAL(0, zero);
}
