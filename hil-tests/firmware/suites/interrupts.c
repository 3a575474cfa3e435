/* SPDX-License-Identifier: MIT
 *
 * The interrupt controller, with interrupts that software pends. Those of TIM2, TIM3 and TIM4 have
 * the same numbers on all three chips (vector tables: RM0090 §12.1, RM0033 §8.1, RM0041 §8.1), and
 * the timers are off.
 */
#include "check.h"
#include "cortexm.h"
#include "exceptions.h"

#include <stddef.h>

enum { TIM2 = 28, TIM3 = 29, TIM4 = 30 };

static char trace[8];
static volatile unsigned traced;

static void note(char mark)
{
    if (traced < sizeof(trace))
        trace[traced++] = mark;
}

static bool traced_is(const char *marks)
{
    unsigned i = 0;
    for (; marks[i]; i++)
        if (i >= traced || trace[i] != marks[i])
            return false;
    return i == traced;
}

/* TIM2 notes '2', and so on. */
static void note_interrupt(struct frame *frame, uint32_t exc_return)
{
    note((char)('2' + cpu_exception() - EXCEPTION_IRQ0 - TIM2));
}

static void prepare(unsigned irq, uint8_t priority, exception_handler *handler)
{
    exception_attach(EXCEPTION_IRQ0 + irq, handler);
    NVIC_PRIORITY(irq) = priority;
    NVIC_ISER(irq) = NVIC_BIT(irq);
    traced = 0;
}

static void restore(void)
{
    for (unsigned irq = TIM2; irq <= TIM4; irq++) {
        NVIC_ICER(irq) = NVIC_BIT(irq);
        NVIC_ICPR(irq) = NVIC_BIT(irq);
        NVIC_PRIORITY(irq) = 0;
        exception_attach(EXCEPTION_IRQ0 + irq, NULL);
    }
}

static void pend(unsigned irq)
{
    NVIC_ISPR(irq) = NVIC_BIT(irq);
    cpu_barrier();
}

/* The upper bits count, the others read as zero: ARM §B1.5.4. ST has 4 (PM0214 §4.3.7); an emulator
 * may have more. */
TEST(interrupts, test_priorities_have_at_least_four_bits)
{
    NVIC_PRIORITY(TIM2) = 0xFF;
    uint8_t implemented = NVIC_PRIORITY(TIM2);
    NVIC_PRIORITY(TIM2) = 0;
    uint32_t missing = 0xFFu & ~implemented;
    CHECK_EQUAL_HEX(0xF0, implemented & 0xF0);
    CHECK_EQUAL_HEX(0, missing & (missing + 1)); /* no hole between those that are there */
    CHECK_EQUAL_HEX(0, NVIC_PRIORITY(TIM2));
}

TEST(interrupts, test_pending_ones_run_by_priority)
{
    prepare(TIM2, 0xC0, note_interrupt);
    prepare(TIM3, 0x40, note_interrupt);
    prepare(TIM4, 0x80, note_interrupt);
    cpu_mask_interrupts();
    pend(TIM2);
    pend(TIM4);
    NVIC_STIR = TIM3;
    cpu_barrier();
    uint32_t pending = NVIC_ISPR(TIM2) >> TIM2 & 7;
    bool waited = traced == 0;
    cpu_unmask_interrupts();
    restore();
    CHECK_EQUAL(7, pending);
    CHECK(waited);
    CHECK(traced_is("342"));
}

TEST(interrupts, test_equal_priorities_run_by_number)
{
    prepare(TIM4, 0x80, note_interrupt);
    prepare(TIM2, 0x80, note_interrupt);
    prepare(TIM3, 0x80, note_interrupt);
    cpu_mask_interrupts();
    pend(TIM4);
    pend(TIM3);
    pend(TIM2);
    cpu_unmask_interrupts();
    restore();
    CHECK(traced_is("234"));
}

static void pend_both_others(struct frame *frame, uint32_t exc_return)
{
    note('(');
    pend(TIM4);
    pend(TIM3);
    note(')');
}

TEST(interrupts, test_more_urgent_one_preempts)
{
    prepare(TIM2, 0x80, pend_both_others);
    prepare(TIM3, 0x40, note_interrupt);
    prepare(TIM4, 0xC0, note_interrupt);
    pend(TIM2);
    restore();
    CHECK(traced_is("(3)4"));
}

static void set_base_priority(uint32_t priority)
{
    __asm volatile("msr basepri, %0\n\tisb" ::"r"(priority) : "memory");
}

TEST(interrupts, test_base_priority_masks_the_less_urgent)
{
    prepare(TIM2, 0x80, note_interrupt);
    prepare(TIM3, 0x40, note_interrupt);
    set_base_priority(0x80);
    pend(TIM2);
    pend(TIM3);
    bool only_urgent = traced_is("3");
    set_base_priority(0);
    cpu_barrier();
    restore();
    CHECK(only_urgent);
    CHECK(traced_is("32"));
}

static void pend_pendsv(struct frame *frame, uint32_t exc_return)
{
    SCB_ICSR = SCB_ICSR_PENDSVSET;
    cpu_barrier();
    note('2');
}

static void note_pendsv(struct frame *frame, uint32_t exc_return)
{
    note('P');
}

/* What a context switch relies on: at the lowest priority it comes after every other handler. */
TEST(interrupts, test_pendsv_comes_last)
{
    SCB_SHPR3 |= 0xFFu << 16;
    exception_attach(EXCEPTION_PENDSV, note_pendsv);
    prepare(TIM2, 0x80, pend_pendsv);
    prepare(TIM3, 0xC0, note_interrupt);
    cpu_mask_interrupts();
    pend(TIM2);
    pend(TIM3);
    cpu_unmask_interrupts();
    restore();
    exception_attach(EXCEPTION_PENDSV, NULL);
    SCB_SHPR3 &= ~(0xFFu << 16);
    CHECK(traced_is("23P"));
}

static uint32_t svc_number;

static void answer_svc(struct frame *frame, uint32_t exc_return)
{
    svc_number = *(const uint16_t *)(frame->pc - 2) & 0xFF;
    frame->r0 += frame->r1;
}

TEST(interrupts, test_svc_takes_arguments_and_answers)
{
    exception_attach(EXCEPTION_SVC, answer_svc);
    register uint32_t r0 __asm("r0") = 40;
    register uint32_t r1 __asm("r1") = 2;
    __asm volatile("svc 7" : "+r"(r0) : "r"(r1) : "memory");
    uint32_t answer = r0;
    exception_attach(EXCEPTION_SVC, NULL);
    CHECK_EQUAL(7, svc_number);
    CHECK_EQUAL(42, answer);
}
