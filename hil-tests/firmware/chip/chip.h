/* SPDX-License-Identifier: MIT
 *
 * chip: what differs between the microcontrollers, and the one USART that tests talk through.
 *
 * chip_start_usart() runs before main(); then chip_send() writes one byte to USART1 (TX on PA9,
 * 115200 8N1, clocked by the internal oscillator that runs after reset). It waits for room, but
 * never for ever: a broken USART loses bytes and does not hang the firmware.
 */
#ifndef CHIP_H
#define CHIP_H

#include <stdbool.h>
#include <stdint.h>

#define REG32(address) (*(volatile uint32_t *)(address))

struct chip {
    const char *name;
    uint32_t core;        /* CPUID.PARTNO: 0xC23 Cortex-M3, 0xC24 Cortex-M4 */
    uint32_t clock_hz;    /* of core and buses after reset */
    uint32_t rcc, usart1; /* base addresses */
};

extern const struct chip chip;

/* These offsets and bits are the same in all three: RM0090 §7.3.1 and §30.6, RM0033 §5.3.1 and
 * §24.6, RM0041 §6.3.1 and §23.6. */
#define RCC_CR 0x00
#define RCC_CR_HSION (1u << 0)
#define RCC_CR_HSIRDY (1u << 1)
#define USART_SR 0x00
#define USART_SR_RXNE (1u << 5)
#define USART_SR_TC (1u << 6)
#define USART_SR_TXE (1u << 7)
#define USART_DR 0x04
#define USART_BRR 0x08
#define USART_CR1 0x0C
#define USART_CR1_RE (1u << 2)
#define USART_CR1_TE (1u << 3)
#define USART_CR1_UE (1u << 13)

#define CHIP_BAUD 115200u

void chip_start_usart(void);
void chip_send(uint8_t byte);
void chip_start_receiver(void); /* RX on PA10 */
int chip_receive(void);         /* a byte, or -1 where none came for a second or two */
void chip_drain(void);          /* until the last stop bit has left the pin */

/* A real chip runs on an oscillator, and says so; QEMU's has none. For tests of what QEMU leaves
 * out, so that they are skipped there, and only there. */
bool chip_is_emulated(void);

/* The family's part of the start: core and buses run on the internal oscillator, undivided; USART1
 * and port A have clocks; PA9 and PA10 belong to
 * the USART. */
void chip_start_pins(void);

/* True as soon as the condition is; false after some seconds. Each look reads a peripheral, so that
 * an emulator's clock moves on as well. */
#define CHIP_WAIT_UNTIL(condition)                \
    ({                                            \
        uint32_t looks_left = 20000000;           \
        while (!(condition) && --looks_left)      \
            (void)REG32(chip.usart1 + USART_BRR); \
        looks_left != 0;                          \
    })

#endif
