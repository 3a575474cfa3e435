/* SPDX-License-Identifier: MIT
 *
 * flash_log: what a driver that speaks to the chip itself tells of its steps: progress for who
 * looks on, and lines for flash.log.
 */
#ifndef HIL_BOARD_FLASH_FLASH_LOG_H
#define HIL_BOARD_FLASH_FLASH_LOG_H

#include "board/driver.h"

struct flash_log {
    const struct driver_env *env;
    uint64_t done, told; /* bytes of the step */
    int fd;              /* flash.log; -1: none */
};

/* Opens flash.log in env->work_dir, at its end; without one, or where it cannot be had, lines go
 * nowhere. Borrows env. */
void flash_log_open(struct flash_log *log, const struct driver_env *env);
void flash_log_close(struct flash_log *log);

void flash_log_step(struct flash_log *log); /* a step begins */
/* `more` bytes of the step's `total` are done: an event, but no more than fifty a step. */
void flash_log_done(struct flash_log *log, const char *step, uint64_t more, uint64_t total);
void flash_log_line(const struct flash_log *log, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
