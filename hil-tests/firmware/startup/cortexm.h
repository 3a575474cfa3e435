/* SPDX-License-Identifier: MIT
 *
 * cortexm: the core's own registers that start-up and tests use.
 *
 * "ARM" stands for the ARMv7-M Architecture Reference Manual, DDI 0403E; ST's words for the same
 * are in PM0214 (Cortex-M4) and PM0056 (Cortex-M3).
 */
#ifndef CORTEXM_H
#define CORTEXM_H

#include "chip.h"

/* System control block, ARM §B3.2.2. */
#define SCB_CPUID REG32(0xE000ED00)
#define SCB_ICSR REG32(0xE000ED04)
#define SCB_ICSR_PENDSTCLR (1u << 25)
#define SCB_ICSR_PENDSVSET (1u << 28)
#define SCB_VTOR REG32(0xE000ED08)
#define SCB_AIRCR REG32(0xE000ED0C)
#define SCB_AIRCR_SYSRESETREQ (0x05FA0000u | 1u << 2)
#define SCB_CCR REG32(0xE000ED14)
#define SCB_CCR_UNALIGN_TRP (1u << 3)
#define SCB_CCR_DIV_0_TRP (1u << 4)
#define SCB_CCR_STKALIGN (1u << 9)
#define SCB_SHPR3 REG32(0xE000ED20)
#define SCB_SHCSR REG32(0xE000ED24)
#define SCB_SHCSR_MEMFAULTENA (1u << 16)
#define SCB_SHCSR_BUSFAULTENA (1u << 17)
#define SCB_SHCSR_USGFAULTENA (1u << 18)
#define SCB_CFSR REG32(0xE000ED28)
#define SCB_CFSR_DACCVIOL (1u << 1)
#define SCB_CFSR_MMARVALID (1u << 7)
#define SCB_CFSR_PRECISERR (1u << 9)
#define SCB_CFSR_BFARVALID (1u << 15)
#define SCB_CFSR_UNDEFINSTR (1u << 16)
#define SCB_CFSR_UNALIGNED (1u << 24)
#define SCB_CFSR_DIVBYZERO (1u << 25)
#define SCB_HFSR REG32(0xE000ED2C)
#define SCB_HFSR_FORCED (1u << 30)
#define SCB_MMFAR REG32(0xE000ED34)
#define SCB_BFAR REG32(0xE000ED38)

/* Interrupt controller, ARM §B3.4. Priorities are bytes. */
#define NVIC_ISER(irq) REG32(0xE000E100 + 4 * ((irq) / 32))
#define NVIC_ICER(irq) REG32(0xE000E180 + 4 * ((irq) / 32))
#define NVIC_ISPR(irq) REG32(0xE000E200 + 4 * ((irq) / 32))
#define NVIC_ICPR(irq) REG32(0xE000E280 + 4 * ((irq) / 32))
#define NVIC_BIT(irq) (1u << (irq) % 32)
#define NVIC_PRIORITY(irq) (*(volatile uint8_t *)(0xE000E400 + (irq)))
#define NVIC_STIR REG32(0xE000EF00)

/* SysTick, ARM §B3.3. */
#define SYST_CSR REG32(0xE000E010)
#define SYST_CSR_ENABLE (1u << 0)
#define SYST_CSR_TICKINT (1u << 1)
#define SYST_CSR_CLKSOURCE (1u << 2) /* the core's own clock */
#define SYST_CSR_COUNTFLAG (1u << 16)
#define SYST_RVR REG32(0xE000E014)
#define SYST_CVR REG32(0xE000E018)

/* Debug and trace, ARM §C1.6.5 and §C1.8. */
#define DEMCR REG32(0xE000EDFC)
#define DEMCR_TRCENA (1u << 24)
#define DWT_CTRL REG32(0xE0001000)
#define DWT_CTRL_CYCCNTENA (1u << 0)
#define DWT_CYCCNT REG32(0xE0001004)

/* Memory protection unit, ARM §B3.5. */
#define MPU_TYPE REG32(0xE000ED90)
#define MPU_TYPE_REGIONS(type) ((type) >> 8 & 0xFF)
#define MPU_CTRL REG32(0xE000ED94)
#define MPU_CTRL_ENABLE (1u << 0)
#define MPU_CTRL_PRIVDEFENA (1u << 2)
#define MPU_RNR REG32(0xE000ED98)
#define MPU_RBAR REG32(0xE000ED9C)
#define MPU_RASR REG32(0xE000EDA0)

static inline void cpu_barrier(void)
{
    __asm volatile("dsb\n\tisb" ::: "memory");
}

static inline void cpu_mask_interrupts(void)
{
    __asm volatile("cpsid i" ::: "memory");
}

static inline void cpu_unmask_interrupts(void)
{
    __asm volatile("cpsie i\n\tisb" ::: "memory");
}

static inline uint32_t cpu_exception(void)
{
    uint32_t ipsr;
    __asm volatile("mrs %0, ipsr" : "=r"(ipsr));
    return ipsr & 0x1FF;
}

/* The end of every image: nothing more happens until a reset. */
static inline _Noreturn void cpu_halt(void)
{
    cpu_mask_interrupts();
    for (;;)
        __asm volatile("wfi");
}

#endif
