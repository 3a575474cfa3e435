/* SPDX-License-Identifier: MIT
 *
 * stm32_uart_link: frames and their answers on the wire of an STM32's UART bootloader (AN3155).
 *
 * Every frame is answered with one byte: ACK, NACK, or BUSY and later one of them. A NACK is
 * -ERR_REFUSED, any other byte -ERR_DATA, none in time -ERR_TIMEOUT: after these three
 * stm32_link_resync() may bring both sides together again. -ERR_GONE: the port went away.
 * Calls block within their ctx. One thread at a time.
 */
#ifndef HIL_BOARD_FLASH_STM32_UART_LINK_H
#define HIL_BOARD_FLASH_STM32_UART_LINK_H

#include "base/ctx.h"

enum stm32_command {
    STM32_GET = 0x00,
    STM32_GET_ID = 0x02,
    STM32_READ = 0x11,
    STM32_GO = 0x21,
    STM32_WRITE = 0x31,
    STM32_ERASE = 0x43,
    STM32_EXTENDED_ERASE = 0x44,
};

#define STM32_ACK 0x79
#define STM32_NACK 0x1f
#define STM32_BUSY 0x76
#define STM32_SYNC 0x7f
#define STM32_BLOCK 256 /* the most that one command reads or writes */

/* What the bootloader was last asked for: where a frame went astray decides what it waits for. */
enum stm32_stage { STM32_COMMAND, STM32_ADDRESS, STM32_DATA };

struct stm32_link {
    int fd;              /* borrowed; non-blocking */
    uint64_t speed;      /* bits a second */
    int64_t patience_ms; /* for an answer that takes no work; 1000 after stm32_link_init() */
    int64_t settles;     /* bytes that get no answer in that time, where it is to be brought back */
    enum stm32_stage stage;
    uint8_t command; /* the last one */
    uint8_t filler;  /* a byte that completes nothing; see stm32_link_resync() */
};

void stm32_link_init(struct stm32_link *link, int fd, uint64_t speed);

/* Sends, and waits for the ACK: as long as the bytes take, and `ms` for the work, and
 * patience_ms. */
int stm32_link_send(struct stm32_link *link, const uint8_t *frame, size_t size, int64_t ms,
                    const struct ctx *ctx, struct err *err);
/* A command and its complement. Drops what was received before. */
int stm32_link_command(struct stm32_link *link, uint8_t command, const struct ctx *ctx,
                       struct err *err);
int stm32_link_address(struct stm32_link *link, uint32_t at, const struct ctx *ctx,
                       struct err *err);
/* Waits for all of the bytes. */
int stm32_link_receive(struct stm32_link *link, uint8_t *bytes, size_t size, const struct ctx *ctx,
                       struct err *err);
int stm32_link_ack(struct stm32_link *link, const struct ctx *ctx, struct err *err);
/* One 0x7F. 0: ACK or NACK, which a bootloader that was synchronized before says. */
int stm32_link_knock(struct stm32_link *link, const struct ctx *ctx, uint8_t *ret_heard,
                     struct err *err);

/* Sends bytes that the bootloader cannot take for anything good until it says NACK: then it waits
 * for a command. -ERR_TIMEOUT: it does not. */
int stm32_link_resync(struct stm32_link *link, const struct ctx *ctx, struct err *err);
/* Enough such bytes for the longest frame that it may be in the middle of; drops what it says. */
int stm32_link_flood(struct stm32_link *link, const struct ctx *ctx, struct err *err);

uint8_t stm32_xor(const uint8_t *bytes, size_t size);
/* The smallest even number, not 0, that is none of the bytes; 2 where all are. */
uint8_t stm32_filler(const uint8_t *bytes, size_t size);

#endif
