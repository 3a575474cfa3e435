/* SPDX-License-Identifier: MIT
 *
 * fake_stm32: an STM32's UART bootloader (AN3155) with 64 pages of 1 KiB, in a thread of the test.
 *
 * It reads and answers on a pseudo-terminal with code of its own, and can spoil one byte of what it
 * hears or says. Set the knobs, start, use the client, stop, then look.
 */
#ifndef HIL_TEST_FAKE_STM32_H
#define HIL_TEST_FAKE_STM32_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define FAKE_STM32_PAGE 1024u
#define FAKE_STM32_PAGES 64u

enum fake_spoil { FAKE_SPOIL_NOTHING, FAKE_LOSE, FAKE_GARBLE };

struct fake_stm32 {
    /* knobs */
    bool narrow; /* erases by numbers of one byte */
    bool protect;
    unsigned nack_late_ms; /* as an adapter that keeps a byte makes it */
    enum fake_spoil heard_how, said_how;
    unsigned heard_number,
        said_number; /* which byte, from 0; only answers of one byte are spoiled */

    /* to look at afterwards */
    uint8_t flash[FAKE_STM32_PAGE * FAKE_STM32_PAGES];
    bool erased[FAKE_STM32_PAGES];
    unsigned bad_writes; /* of bytes that were not blank */
    unsigned written, heard, said;
    unsigned most_pages; /* that one erase asked for */
    uint32_t went;       /* 0: it did not */

    /* its own */
    int fd;
    pthread_t thread;
};

struct fake_stm32 *fake_stm32_new(void);       /* flash all 0x5a */
int fake_stm32_start(struct fake_stm32 *fake); /* the client's descriptor */
void fake_stm32_stop(struct fake_stm32 *fake); /* the client has closed it */
void fake_stm32_free(struct fake_stm32 *fake);

#endif
