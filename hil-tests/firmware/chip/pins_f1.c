/* SPDX-License-Identifier: MIT */
#include "chip.h"

/* RCC registers: RM0041 §6.3. */
#define RCC_CFGR (chip.rcc + 0x04)
#define RCC_APB2ENR (chip.rcc + 0x18)
#define RCC_APB2ENR_IOPAEN (1u << 2)
#define RCC_APB2ENR_USART1EN (1u << 14)

/* GPIO registers: RM0041 §7.2. */
#define GPIOA_CRH 0x40010804

void chip_start_pins(void)
{
    REG32(RCC_CFGR) = 0; /* the internal oscillator drives everything, undivided */
    REG32(RCC_APB2ENR) |= RCC_APB2ENR_IOPAEN | RCC_APB2ENR_USART1EN;
    (void)REG32(RCC_APB2ENR);

    /* PA10 is a floating input after reset, which is what USART1_RX needs, RM0041 §7.1.11.
     * PA9: alternate function output, push-pull, 2 MHz (MODE 2, CNF 2), RM0041 §7.2.2. */
    REG32(GPIOA_CRH) = (REG32(GPIOA_CRH) & ~(0xFu << 4)) | 0xAu << 4;
}
