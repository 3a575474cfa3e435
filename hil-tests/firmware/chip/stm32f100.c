/* SPDX-License-Identifier: MIT */
#include "chip.h"

/* RM0041 §2.3 (memory map), §6.2.2 (HSI). */
const struct chip chip = {
    .name = "stm32f100",
    .core = 0xC23,
    .clock_hz = 8000000,
    .rcc = 0x40021000,
    .usart1 = 0x40013800,
};
