/* SPDX-License-Identifier: MIT
 *
 * The USART that carries these very results.
 */
#include "check.h"
#include "chip.h"

TEST(usart, test_divisor_gives_the_baud_rate)
{
    uint32_t divisor = REG32(chip.usart1 + USART_BRR);
    uint32_t baud = chip.clock_hz / divisor;
    CHECK(baud > CHIP_BAUD - CHIP_BAUD / 50 && baud < CHIP_BAUD + CHIP_BAUD / 50);
}

TEST(usart, test_transmitter_is_on_and_empties)
{
    uint32_t on = USART_CR1_UE | USART_CR1_TE;
    CHECK_EQUAL_HEX(on, REG32(chip.usart1 + USART_CR1) & on);
    chip_drain();
    uint32_t empty = USART_SR_TC | USART_SR_TXE;
    CHECK_EQUAL_HEX(empty, REG32(chip.usart1 + USART_SR) & empty);
}
