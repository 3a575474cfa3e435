/* SPDX-License-Identifier: MIT
 *
 * tail: a file that somebody else writes on, read as it grows.
 *
 *     tail_open(&tail, dir, "BOARD/uart.log", KEEP)     from KEEP bytes before its end on
 *     n = tail_read(&tail, bytes, room)                 0: nothing new
 *     tail_close(&tail)
 *
 * A file that was cut short or replaced is read again from its beginning; `began` says so until the
 * next read. Never blocks for longer than the disk does. One thread.
 */
#ifndef HIL_SERVE_PAGE_TAIL_H
#define HIL_SERVE_PAGE_TAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct tail {
    char *dir, *relative;
    int fd;           /* -1: the file is not there yet */
    uint64_t at;      /* of the file, where the next read begins */
    uint64_t skipped; /* bytes at its beginning that were never read */
    uint64_t keep;
    bool began;
};
void tail_open(struct tail *tail, const char *dir, const char *relative, uint64_t keep);
bool tail_is(const struct tail *tail, const char *dir, const char *relative);
ssize_t tail_read(struct tail *tail, void *bytes, size_t room);
void tail_close(struct tail *tail); /* zeroed with fd -1 is fine */

#endif
