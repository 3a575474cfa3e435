/* SPDX-License-Identifier: MIT */
#include "chip.h"

/* A character at 115200 baud takes 1400 cycles at 16 MHz; this many looks are ten times that. */
enum { LOOKS_A_CHARACTER = 2000 };

/* A second or two; less than the silence that hil takes for a hang. */
enum { LOOKS_FOR_AN_ANSWER = 1000000 };

static void wait_for(uint32_t flag)
{
    for (int looks = 0; looks < LOOKS_A_CHARACTER; looks++)
        if (REG32(chip.usart1 + USART_SR) & flag)
            return;
}

/* After reset it runs already. A debugger or a boot loader may have left it otherwise. */
static void start_internal_oscillator(void)
{
    REG32(chip.rcc + RCC_CR) |= RCC_CR_HSION;
    for (int looks = 0; looks < 1000 && chip_is_emulated(); looks++)
        ;
}

bool chip_is_emulated(void)
{
    return !(REG32(chip.rcc + RCC_CR) & RCC_CR_HSIRDY);
}

void chip_start_usart(void)
{
    start_internal_oscillator();
    chip_start_pins();
    /* With 16 samples a bit the register holds the divisor in sixteenths, which is just
     * clock/baud: RM0090 §30.3.4, RM0033 §24.3.4, RM0041 §23.3.4. */
    REG32(chip.usart1 + USART_BRR) = (chip.clock_hz + CHIP_BAUD / 2) / CHIP_BAUD;
    REG32(chip.usart1 + USART_CR1) = USART_CR1_UE | USART_CR1_TE;
}

void chip_send(uint8_t byte)
{
    wait_for(USART_SR_TXE);
    REG32(chip.usart1 + USART_DR) = byte;
}

void chip_start_receiver(void)
{
    REG32(chip.usart1 + USART_CR1) |= USART_CR1_RE;
}

int chip_receive(void)
{
    for (int looks = 0; looks < LOOKS_FOR_AN_ANSWER; looks++)
        if (REG32(chip.usart1 + USART_SR) & USART_SR_RXNE)
            return (int)(REG32(chip.usart1 + USART_DR) & 0xFF);
    return -1;
}

void chip_drain(void)
{
    wait_for(USART_SR_TC);
}
