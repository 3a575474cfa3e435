/* SPDX-License-Identifier: MIT */
#include "chip.h"

/* RM0033 §2.3 (memory map), §5.2.2 (HSI). */
const struct chip chip = {
    .name = "stm32f205",
    .core = 0xC23,
    .clock_hz = 16000000,
    .rcc = 0x40023800,
    .usart1 = 0x40011000,
};
