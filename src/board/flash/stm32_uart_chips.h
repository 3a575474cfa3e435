/* SPDX-License-Identifier: MIT
 *
 * stm32_uart_chips: which sectors a chip has, by the id that its bootloader tells (GET ID).
 *
 * From AN2606 and the reference manuals. A layout is that of the largest chip with the id: a
 * smaller one has the first of its sectors. Nothing blocks.
 */
#ifndef HIL_BOARD_FLASH_STM32_UART_CHIPS_H
#define HIL_BOARD_FLASH_STM32_UART_CHIPS_H

#include "usb/dfuse_map.h"

#define STM32_FLASH_AT 0x08000000
#define STM32_RUNS_MAX 6

struct stm32_chip {
    uint16_t id;
    const char *name;
    uint8_t blank; /* what an erased byte holds */
    struct {
        uint16_t count;
        uint32_t size;      /* bytes */
    } runs[STM32_RUNS_MAX]; /* none: option bytes decide */
};

const struct stm32_chip *stm32_chip_find(uint16_t id); /* NULL: not known */
/* Its flash as a map. `page_size`, where not 0, wins over what is known; `chip` may then be NULL.
 * -ERR_CONFIG: the sectors are not known. */
int stm32_chip_map(const struct stm32_chip *chip, uint16_t id, uint64_t page_size,
                   struct dfuse_map *ret, struct err *err);
/* The number of the sector that holds `at`, which is in the map, as the bootloader counts them. */
uint64_t stm32_sector_number(const struct dfuse_map *map, uint64_t at);

#endif
