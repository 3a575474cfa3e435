/* SPDX-License-Identifier: MIT
 *
 * uart_log: a job's uart.log, for reports that quote it.
 *
 *     struct uart_log log = uart_log_open(job);
 *     uart_log_before(&log, test_case->log_end, 20, &lines);
 *     uart_log_close(&log);
 *
 * Bytes come as they are; lines come clean (words_line). A log that is not at hand, or cannot be
 * read, is empty. Blocks as long as the disk does.
 */
#ifndef HIL_REPORT_UART_LOG_H
#define HIL_REPORT_UART_LOG_H

#include "base/buf.h"
#include "result/job.h"

#include <stdint.h>

struct uart_log {
    int fd;         /* -1: none */
    uint64_t begin; /* of what the image under test said; earlier bytes are another's */
    uint64_t size;
};

struct uart_log uart_log_open(const struct job_result *job);
void uart_log_close(struct uart_log *log);
/* Appends the bytes from `begin` to `end`, as far as they are there. */
void uart_log_read(const struct uart_log *log, uint64_t begin, uint64_t end, struct buf *ret);
/* Replaces *ret with the last lines, at most `lines` of them, that end at or before `end`; each
 * ends with LF. Returns how many there are. */
size_t uart_log_before(const struct uart_log *log, uint64_t end, size_t lines, struct buf *ret);

#endif
