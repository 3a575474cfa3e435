/* SPDX-License-Identifier: MIT
 *
 * stm32_uart_boot: a client of an STM32's UART bootloader, as far as flashing needs it (AN3155).
 *
 *     stm32_boot_open(&boot, fd, 115200, ctx, err);      sync, and what it can
 *     stm32_boot_id(&boot, &id, ctx, err);
 *     stm32_boot_erase(&boot, numbers, count, bytes, ctx, err);
 *     stm32_boot_write(&boot, at, bytes, 256, ctx, err); stm32_boot_read(...)
 *
 * What a noisy line breaks is tried again, three times in all. A block whose answer was lost is
 * looked at before it is written again: flash takes no byte twice. What the bootloader refuses
 * comes in words as -ERR_PROTOCOL; -ERR_GONE: the port went away. Calls block within their ctx, and
 * end within a few seconds (an erase: within what the largest sectors take) where nobody answers.
 * One thread at a time.
 */
#ifndef HIL_BOARD_FLASH_STM32_UART_BOOT_H
#define HIL_BOARD_FLASH_STM32_UART_BOOT_H

#include "board/flash/stm32_uart_link.h"

#include <stdbool.h>

#define STM32_ERASE_MAX 64 /* sectors of one command */

struct stm32_boot {
    struct stm32_link link;
    uint8_t version; /* 0x31: 3.1 */
    bool knows[256]; /* commands */
    uint8_t blank;   /* what an erased byte holds; 0xFF after stm32_boot_open() */
    unsigned mended; /* how often something was tried again */
};

/* The descriptor is borrowed. -ERR_TIMEOUT: there is no bootloader. */
int stm32_boot_open(struct stm32_boot *boot, int fd, uint64_t speed, const struct ctx *ctx,
                    struct err *err);
int stm32_boot_id(struct stm32_boot *boot, uint16_t *ret, const struct ctx *ctx, struct err *err);
/* Up to STM32_BLOCK bytes, not 0; to be written: a multiple of 4 at a multiple of 4. */
int stm32_boot_read(struct stm32_boot *boot, uint32_t at, uint8_t *bytes, size_t size,
                    const struct ctx *ctx, struct err *err);
int stm32_boot_write(struct stm32_boot *boot, uint32_t at, const uint8_t *bytes, size_t size,
                     const struct ctx *ctx, struct err *err);
/* Up to STM32_ERASE_MAX sectors, which have so many bytes together. */
int stm32_boot_erase(struct stm32_boot *boot, const uint16_t *numbers, size_t count, uint64_t bytes,
                     const struct ctx *ctx, struct err *err);
int stm32_boot_go(struct stm32_boot *boot, uint32_t at, const struct ctx *ctx, struct err *err);

/* The frame that follows the erase command; returns its size. Room for 2 * count + 3 bytes. */
size_t stm32_erase_frame(bool extended, const uint16_t *numbers, size_t count, uint8_t *ret);

#endif
