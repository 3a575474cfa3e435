/* SPDX-License-Identifier: MIT
 *
 * talk: a person, or a pipe, and a board's console.
 *
 * Bytes go both ways as they are. On a terminal the keys are the board's, but for a prefix (Ctrl-A)
 * that begins an order to hil: x leave, r reset, p power cycle, t times, a the prefix itself, ?
 * help. A console that vanishes, as a board's own USB port does at a reset, is waited for. A reset
 * runs beside the reading, so that the first byte is seen.
 *
 * The terminal is put back however talk ends, short of SIGKILL. Blocks until it is left, cancelled,
 * `until` was seen or the ctx is over. Every write to the board has a deadline: a serial line with
 * flow control can refuse for ever.
 */
#ifndef HIL_RUN_TALK_H
#define HIL_RUN_TALK_H

#include "board/board.h"

#define TALK_PREFIX 0x01 /* Ctrl-A */

struct talk_options {
    int in_fd, out_fd;
    int log_fd;        /* gets every byte of the console; -1: none */
    const char *until; /* ends with the line that holds this; NULL: never */
    bool times;        /* the wall clock before each line */
    bool reset;        /* at the beginning, with the console open */
    bool raw;          /* in_fd is a terminal whose keys go to the board */
    bool keys;         /* the prefix is obeyed: it is one, or stands for one */
};

enum talk_end { TALK_LEFT, TALK_SEEN, TALK_OVER };
/* 0: *ret says how it ended. Else the board's, the log's or the terminal's error. */
int talk(struct board *board, const struct talk_options *options, const struct ctx *ctx,
         enum talk_end *ret, struct err *err);

#endif
