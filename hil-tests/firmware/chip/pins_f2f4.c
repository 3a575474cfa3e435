/* SPDX-License-Identifier: MIT
 *
 * STM32F2 and STM32F4 have the same clock and port registers where it matters here.
 */
#include "chip.h"

/* RCC registers: RM0090 §7.3 (STM32F405/407), RM0033 §5.3 (STM32F205). */
#define RCC_CFGR (chip.rcc + 0x08)
#define RCC_AHB1ENR (chip.rcc + 0x30)
#define RCC_AHB1ENR_GPIOAEN (1u << 0)
#define RCC_APB2ENR (chip.rcc + 0x44)
#define RCC_APB2ENR_USART1EN (1u << 4)

/* GPIO registers: RM0090 §8.4, RM0033 §6.4. */
#define GPIOA 0x40020000
#define GPIOA_MODER (GPIOA + 0x00)
#define GPIOA_AFRH (GPIOA + 0x24)

void chip_start_pins(void)
{
    REG32(RCC_CFGR) = 0; /* the internal oscillator drives everything, undivided */
    REG32(RCC_AHB1ENR) |= RCC_AHB1ENR_GPIOAEN;
    REG32(RCC_APB2ENR) |= RCC_APB2ENR_USART1EN;
    /* Errata ES0182, "Delay after an RCC peripheral clock enabling": reading back waits for it. */
    (void)REG32(RCC_APB2ENR);

    /* PA9, PA10: alternate function 7, USART1_TX and USART1_RX (data sheets, table "Alternate
     * function mapping"). */
    REG32(GPIOA_AFRH) = (REG32(GPIOA_AFRH) & ~(0xFFu << 4)) | 0x77u << 4;
    REG32(GPIOA_MODER) = (REG32(GPIOA_MODER) & ~(0xFu << 18)) | 0xAu << 18;
}
