/* SPDX-License-Identifier: MIT
 *
 * Faults that are provoked, caught and told apart, as the fault status registers have it
 * (CFSR and HFSR: ARM §B3.2.15, §B3.2.16).
 */
#include "check.h"
#include "cortexm.h"
#include "exceptions.h"

#include <stddef.h>

static volatile uint32_t words[2];

static void enable_fault_handlers(bool on)
{
    SCB_SHCSR = on ? SCB_SHCSR_MEMFAULTENA | SCB_SHCSR_BUSFAULTENA | SCB_SHCSR_USGFAULTENA : 0;
    cpu_barrier();
}

static uint32_t divide(uint32_t number, uint32_t by)
{
    uint32_t quotient;
    __asm volatile("udiv %0, %1, %2" : "=r"(quotient) : "r"(number), "r"(by));
    return quotient;
}

static uint32_t load(uint32_t address)
{
    uint32_t value = 0;
    __asm volatile("ldr %0, [%1]" : "+r"(value) : "r"(address) : "memory");
    return value;
}

static struct fault catch_undefined(void)
{
    fault_catch_begin();
    __asm volatile("udf #0");
    return fault_catch_end();
}

static struct fault catch_load(uint32_t address)
{
    fault_catch_begin();
    (void)load(address);
    return fault_catch_end();
}

TEST(faults, test_undefined_instruction_is_a_usage_fault)
{
    enable_fault_handlers(true);
    struct fault fault = catch_undefined();
    enable_fault_handlers(false);
    CHECK_EQUAL(1, fault.count);
    CHECK_EQUAL(EXCEPTION_USAGE_FAULT, fault.exception);
    CHECK_EQUAL_HEX(SCB_CFSR_UNDEFINSTR, fault.cfsr);
}

TEST(faults, test_disabled_handler_escalates_to_hard_fault)
{
    enable_fault_handlers(false);
    struct fault fault = catch_undefined();
    CHECK_EQUAL(1, fault.count);
    CHECK_EQUAL(EXCEPTION_HARD_FAULT, fault.exception);
    CHECK_EQUAL_HEX(SCB_HFSR_FORCED, fault.hfsr & SCB_HFSR_FORCED);
    CHECK_EQUAL_HEX(SCB_CFSR_UNDEFINSTR, fault.cfsr);
}

TEST(faults, test_division_by_zero_traps_when_asked)
{
    CHECK_EQUAL(0, divide(7, 0)); /* ARM §A7.7, UDIV: zero, where it does not trap */
    SCB_CCR |= SCB_CCR_DIV_0_TRP;
    enable_fault_handlers(true);
    fault_catch_begin();
    (void)divide(7, 0);
    struct fault fault = fault_catch_end();
    enable_fault_handlers(false);
    SCB_CCR &= ~SCB_CCR_DIV_0_TRP;
    CHECK_EQUAL(1, fault.count);
    CHECK_EQUAL(EXCEPTION_USAGE_FAULT, fault.exception);
    CHECK_EQUAL_HEX(SCB_CFSR_DIVBYZERO, fault.cfsr);
}

TEST(faults, test_unaligned_access_traps_when_asked)
{
    words[0] = 0x44332211;
    words[1] = 0x88776655;
    CHECK_EQUAL_HEX(0x55443322, load((uint32_t)words + 1));
    SCB_CCR |= SCB_CCR_UNALIGN_TRP;
    enable_fault_handlers(true);
    struct fault fault = catch_load((uint32_t)words + 1);
    enable_fault_handlers(false);
    SCB_CCR &= ~SCB_CCR_UNALIGN_TRP;
    CHECK_EQUAL(1, fault.count);
    CHECK_EQUAL(EXCEPTION_USAGE_FAULT, fault.exception);
    CHECK_EQUAL_HEX(SCB_CFSR_UNALIGNED, fault.cfsr);
}

/* QEMU 7.2's netduino2 reads zero where it should report a bus error. */
#define SKIP_WITHOUT_BUS_ERRORS(fault)            \
    if ((fault).count == 0 && chip_is_emulated()) \
    SKIP("this emulator reports no bus errors")

/* Nothing answers between the bit-band alias of SRAM and the peripherals, on any of the chips. */
TEST(faults, test_bus_fault_names_the_address)
{
    enum { NOWHERE = 0x3FFFFF00 };
    enable_fault_handlers(true);
    struct fault fault = catch_load(NOWHERE);
    enable_fault_handlers(false);
    SKIP_WITHOUT_BUS_ERRORS(fault);
    CHECK_EQUAL(1, fault.count);
    CHECK_EQUAL(EXCEPTION_BUS_FAULT, fault.exception);
    CHECK_EQUAL_HEX(SCB_CFSR_PRECISERR | SCB_CFSR_BFARVALID, fault.cfsr);
    CHECK_EQUAL_HEX(NOWHERE, fault.bfar);
}

/* 32 bytes are read-only for all, for the rest the default map holds: ARM §B3.5.8, §B3.5.9. */
static void protect(volatile uint32_t *block)
{
    MPU_RNR = 0;
    MPU_RBAR = (uint32_t)block;
    MPU_RASR = 6u << 24 | 4u << 1 | 1u; /* AP: read-only; 2^(4+1) bytes; enabled */
    MPU_CTRL = MPU_CTRL_PRIVDEFENA | MPU_CTRL_ENABLE;
    cpu_barrier();
}

static void unprotect(void)
{
    MPU_CTRL = 0;
    MPU_RASR = 0;
    cpu_barrier();
}

TEST(faults, test_mpu_guards_memory)
{
    static volatile uint32_t block[8] __attribute__((aligned(32)));
    if (MPU_TYPE_REGIONS(MPU_TYPE) == 0)
        SKIP("this chip has no MPU");
    block[3] = 1;
    protect(block);
    enable_fault_handlers(true);
    fault_catch_begin();
    __asm volatile("str %0, [%1]" ::"r"(2), "r"(&block[3]) : "memory");
    struct fault fault = fault_catch_end();
    enable_fault_handlers(false);
    unprotect();
    CHECK_EQUAL(1, fault.count);
    CHECK_EQUAL(EXCEPTION_MEM_MANAGE, fault.exception);
    CHECK_EQUAL_HEX(SCB_CFSR_DACCVIOL | SCB_CFSR_MMARVALID, fault.cfsr);
    CHECK_EQUAL_HEX(&block[3], fault.mmfar);
    CHECK_EQUAL(1, block[3]);
}

static void become_privileged(struct frame *frame, uint32_t exc_return)
{
    __asm volatile("msr control, %0\n\tisb" ::"r"(0) : "memory");
}

/* System registers other than STIR are for privileged code only: ARM §B3.1.1. */
TEST(faults, test_unprivileged_code_cannot_reach_system_registers)
{
    exception_attach(EXCEPTION_SVC, become_privileged);
    enable_fault_handlers(true);
    __asm volatile("msr control, %0\n\tisb" ::"r"(1) : "memory");
    struct fault fault = catch_load(0xE000ED08);
    __asm volatile("svc 0" ::: "memory");
    enable_fault_handlers(false);
    exception_attach(EXCEPTION_SVC, NULL);
    SKIP_WITHOUT_BUS_ERRORS(fault);
    CHECK_EQUAL(1, fault.count);
    CHECK_EQUAL(EXCEPTION_BUS_FAULT, fault.exception);
}
