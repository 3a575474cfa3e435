/* SPDX-License-Identifier: MIT
 *
 * The processor itself: which one it is, atomic access, both stacks, floating point.
 */
#include "check.h"
#include "cortexm.h"
#include "exceptions.h"

#include <stddef.h>

TEST(core, test_core_is_the_expected_one)
{
    CHECK_EQUAL_HEX(0x41, SCB_CPUID >> 24); /* Arm */
    CHECK_EQUAL_HEX(chip.core, SCB_CPUID >> 4 & 0xFFF);
}

/* Each bit of the first MiB of SRAM has a word of its own in the alias region: PM0214 §2.2.5. */
TEST(core, test_bit_band_alias_reaches_single_bits)
{
    static volatile uint32_t word;
    volatile uint32_t *alias =
        (volatile uint32_t *)(0x22000000 + ((uint32_t)&word - 0x20000000) * 32);
    word = 0;
    alias[0] = 1;
    alias[31] = 1;
    CHECK_EQUAL_HEX(0x80000001, word);
    alias[31] = 0;
    CHECK_EQUAL_HEX(0x00000001, word);
    word = 1u << 7;
    CHECK_EQUAL(1, alias[7]);
    CHECK_EQUAL(0, alias[6]);
}

static uint32_t store_exclusive(volatile uint32_t *word, uint32_t value)
{
    uint32_t refused;
    __asm volatile("strex %0, %2, [%1]" : "=&r"(refused) : "r"(word), "r"(value) : "memory");
    return refused;
}

static uint32_t load_exclusive(volatile uint32_t *word)
{
    uint32_t value;
    __asm volatile("ldrex %0, [%1]" : "=r"(value) : "r"(word) : "memory");
    return value;
}

TEST(core, test_exclusive_store_needs_its_load)
{
    static volatile uint32_t word;
    word = 5;
    CHECK_EQUAL(5, load_exclusive(&word));
    CHECK_EQUAL(0, store_exclusive(&word, 6));
    (void)load_exclusive(&word);
    __asm volatile("clrex");
    CHECK_EQUAL(1, store_exclusive(&word, 7));
    CHECK_EQUAL(6, word);
}

/* The way an RTOS runs its threads: on the process stack, with exceptions on the main stack. */
__attribute__((naked, noipa)) static void call_on_process_stack(uint32_t *top,
                                                                void (*function)(void))
{
    __asm volatile("push {r4, lr}\n\t"
                   "msr psp, r0\n\t"
                   "movs r0, #2\n\t" /* CONTROL.SPSEL, ARM §B1.4.4 */
                   "msr control, r0\n\t"
                   "isb\n\t"
                   "blx r1\n\t"
                   "movs r0, #0\n\t"
                   "msr control, r0\n\t"
                   "isb\n\t"
                   "pop {r4, pc}");
}

static uint32_t svc_frame, svc_exc_return, thread_sp;

static void note_svc(struct frame *frame, uint32_t exc_return)
{
    svc_frame = (uint32_t)frame;
    svc_exc_return = exc_return;
}

static void thread_with_svc(void)
{
    __asm volatile("mov %0, sp\n\tsvc 0" : "=r"(thread_sp)::"memory");
}

TEST(core, test_process_stack_takes_frames)
{
    static uint64_t stack[64];
    exception_attach(EXCEPTION_SVC, note_svc);
    call_on_process_stack((uint32_t *)(stack + 64), thread_with_svc);
    exception_attach(EXCEPTION_SVC, NULL);
    CHECK(thread_sp > (uint32_t)stack && thread_sp <= (uint32_t)(stack + 64));
    CHECK(svc_frame >= (uint32_t)stack && svc_frame < thread_sp);
    CHECK_EQUAL(0, svc_frame % 8);
    CHECK_EQUAL_HEX(0xD, svc_exc_return & 0xF); /* to thread mode, process stack: ARM §B1.5.8 */
}

#ifdef __ARM_FP

TEST(core, test_fpu_computes)
{
    volatile float three = 3.0f, half = 0.5f, big = 1e30f;
    float root;
    __asm volatile("vsqrt.f32 %0, %1" : "=t"(root) : "t"(three * three));
    CHECK(root == 3.0f);
    CHECK(three * half + half == 2.0f);
    CHECK((int32_t)(three / half) == 6);
    CHECK(big * big > big); /* infinity */
    union {
        float number;
        uint32_t bits;
    } third = {1.0f / three};
    CHECK_EQUAL_HEX(0x3EAAAAAB, third.bits);
}

static void spoil_fpu_registers(struct frame *frame, uint32_t exc_return)
{
    svc_exc_return = exc_return;
    __asm volatile("vmov.f32 s0, #31.0\n\tvmov.f32 s7, #31.0\n\tvmov.f32 s15, #31.0" ::
                       : "s0", "s7", "s15");
}

/* The core leaves room for the registers, and fills it when the handler first needs them: lazy
 * stacking, Arm's application note 298. */
TEST(core, test_fpu_registers_survive_an_exception)
{
    float first, middle, last;
    exception_attach(EXCEPTION_SVC, spoil_fpu_registers);
    __asm volatile("vmov.f32 s0, #1.0\n\tvmov.f32 s7, #2.0\n\tvmov.f32 s15, #3.0\n\t"
                   "svc 0\n\t"
                   "vmov.f32 %0, s0\n\tvmov.f32 %1, s7\n\tvmov.f32 %2, s15"
                   : "=&t"(first), "=&t"(middle), "=&t"(last)::"s0", "s7", "s15", "memory");
    exception_attach(EXCEPTION_SVC, NULL);
    CHECK(first == 1.0f && middle == 2.0f && last == 3.0f);
    CHECK_EQUAL(0, svc_exc_return & 1u << 4); /* an extended frame */
}

#else

TEST(core, test_fpu_computes)
{
    SKIP("this core has no FPU");
}

TEST(core, test_fpu_registers_survive_an_exception)
{
    SKIP("this core has no FPU");
}

#endif
