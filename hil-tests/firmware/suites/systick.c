/* SPDX-License-Identifier: MIT
 *
 * The core's timer (ARM §B3.3). Nothing here depends on how fast it is, nor on how long the program
 * stands still in between: an emulator's clock goes on while the emulator waits for a processor.
 */
#include "check.h"
#include "cortexm.h"
#include "exceptions.h"

#include <stddef.h>

static void start_timer(uint32_t reload, uint32_t interrupt)
{
    SYST_CSR = 0;
    SYST_RVR = reload;
    SYST_CVR = 0;
    SYST_CSR = SYST_CSR_ENABLE | SYST_CSR_CLKSOURCE | interrupt;
}

static void stop_timer(void)
{
    SYST_CSR = 0;
    SCB_ICSR = SCB_ICSR_PENDSTCLR;
    cpu_barrier();
}

TEST(systick, test_counts_down)
{
    unsigned falls = 0, rises = 0;
    start_timer(0xFFFFFF, 0);
    bool started = CHIP_WAIT_UNTIL(SYST_CVR != 0);
    for (unsigned i = 0; i < 1000; i++) {
        uint32_t before = SYST_CVR, after = SYST_CVR;
        falls += after < before;
        rises += after > before; /* it wrapped in between */
    }
    stop_timer();
    CHECK(started);
    CHECK(falls > rises);
}

TEST(systick, test_wraps_at_its_reload_value)
{
    enum { RELOAD = 999 };
    uint32_t highest = 0;
    start_timer(RELOAD, 0);
    bool wrapped = CHIP_WAIT_UNTIL(SYST_CSR & SYST_CSR_COUNTFLAG);
    for (unsigned i = 0; i < 1000; i++) {
        uint32_t now = SYST_CVR;
        highest = now > highest ? now : highest;
    }
    stop_timer();
    CHECK(wrapped);
    CHECK(highest > 0 && highest <= RELOAD);
}

TEST(systick, test_writing_the_value_clears_it)
{
    start_timer(999, 0);
    bool wrapped = CHIP_WAIT_UNTIL(SYST_CSR & SYST_CSR_COUNTFLAG);
    bool again = CHIP_WAIT_UNTIL(SYST_CVR != 0);
    SYST_CSR = 0;
    SYST_CVR = 123;
    CHECK(wrapped && again);
    CHECK_EQUAL(0, SYST_CVR);
    CHECK_EQUAL_HEX(0, SYST_CSR & SYST_CSR_COUNTFLAG);
}

static volatile unsigned ticks;

static void count_tick(struct frame *frame, uint32_t exc_return)
{
    ticks++;
}

TEST(systick, test_interrupts_at_each_wrap)
{
    ticks = 0;
    exception_attach(EXCEPTION_SYSTICK, count_tick);
    start_timer(9999, SYST_CSR_TICKINT);
    bool came = CHIP_WAIT_UNTIL(ticks >= 5);
    stop_timer();
    unsigned then = ticks;
    for (unsigned i = 0; i < 20000; i++)
        (void)SYST_CVR;
    unsigned later = ticks;
    exception_attach(EXCEPTION_SYSTICK, NULL);
    CHECK(came);
    CHECK_EQUAL(then, later);
}

/* Two counters of the same clock; between two readings both pass the same time. ARM §C1.8.8 */
TEST(systick, test_agrees_with_cycle_counter)
{
    uint32_t demcr = DEMCR;
    DEMCR = demcr | DEMCR_TRCENA;
    DWT_CTRL |= DWT_CTRL_CYCCNTENA;
    start_timer(0xFFFFFF, 0);
    bool started = CHIP_WAIT_UNTIL(SYST_CVR != 0);
    uint32_t timer = SYST_CVR, cycles = DWT_CYCCNT;
    for (volatile unsigned i = 0; i < 10000; i++)
        ;
    timer -= SYST_CVR;
    cycles = DWT_CYCCNT - cycles;
    stop_timer();
    DEMCR = demcr;
    if (cycles == 0)
        SKIP("no cycle counter");
    CHECK(started);
    CHECK(cycles > 10000 && cycles - timer + 16 <= 32);
}
