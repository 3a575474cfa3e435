/* SPDX-License-Identifier: MIT
 *
 * From reset to main().
 */
#include "cortexm.h"
#include "exceptions.h"
#include "layout.h"

#include <stddef.h>

int main(void);
void reset_entry(void);

enum { INTERRUPTS = 82 }; /* of the STM32F405, RM0090 §12.1; the others have fewer */

__attribute__((section(".vectors"), used)) static void (*const vectors[16 + INTERRUPTS])(void) = {
    [0] = (void (*)(void))stack_top,
    [1] = reset_entry,
    [2 ... 15 + INTERRUPTS] = exception_entry,
};

static void copy_data(void)
{
    const uint32_t *from = data_load;
    for (uint32_t *to = data_begin; to < data_end; to++)
        *to = *from++;
}

static void clear_bss(void)
{
    for (uint32_t *word = bss_begin; word < bss_end; word++)
        *word = 0;
}

/* So that a test can tell how deep the stack has been. The frames of this moment stay whole. */
static void paint_stack(void)
{
    uint32_t *here = (uint32_t *)__builtin_frame_address(0) - 32;
    for (uint32_t *word = stack_limit; word < here; word++)
        *word = STACK_PAINT;
}

__attribute__((used)) static _Noreturn void start(void)
{
    /* Wherever the image was started from: these vectors, and frames aligned to 8 bytes, which
     * Cortex-M3 r1 (STM32F100) does not do by itself: ARM §B1.5.7. */
    SCB_VTOR = (uint32_t)vectors;
    SCB_CCR |= SCB_CCR_STKALIGN;
    copy_data();
    clear_bss();
    paint_stack();
    chip_start_usart();
    for (constructor *const *each = constructors_begin; each < constructors_end; each++)
        (*each)();
    main();
    chip_drain();
    cpu_halt();
}

/* A debugger that sets only the program counter may leave another stack behind. The FPU must be on
 * before the first C function: the compiler may use its registers for anything (ARM §B3.2.20). */
__attribute__((naked, noreturn)) void reset_entry(void)
{
    __asm volatile("cpsid i\n\t"
                   "movs r0, #0\n\t"
                   "msr control, r0\n\t"
                   "ldr r0, =stack_top\n\t"
                   "msr msp, r0\n\t"
#ifdef __ARM_FP
                   "ldr r0, =0xE000ED88\n\t" /* CPACR: full access to coprocessors 10 and 11 */
                   "ldr r1, [r0]\n\t"
                   "orr r1, r1, #0xF00000\n\t"
                   "str r1, [r0]\n\t"
                   "dsb\n\t"
#endif
                   "isb\n\t"
                   "cpsie i\n\t"
                   "b start\n\t"
                   ".ltorg");
}
