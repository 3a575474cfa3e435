/* SPDX-License-Identifier: MIT */
#include "chip.h"

/* RM0090 §2.3 (memory map), §7.2.2 (HSI). */
const struct chip chip = {
    .name = "stm32f405",
    .core = 0xC24,
    .clock_hz = 16000000,
    .rcc = 0x40023800,
    .usart1 = 0x40011000,
};
