/* SPDX-License-Identifier: MIT
 *
 * console: what one board says, for all who look at it: one reader of its uart.log, one ring.
 *
 *     console_aim(&console, out, "BOARD/uart.log")     the log that is written now
 *     more = console_pump(&console, &number, &changed)
 *     console_done(&console)
 *
 * A frame is {"board": ..., "text": ...}; one with "begin" tells of another log. Begins near the
 * end of a log that is long already. Does not block for longer than the disk does. One thread.
 */
#ifndef HIL_SERVE_PAGE_CONSOLE_H
#define HIL_SERVE_PAGE_CONSOLE_H

#include "serve/page/scroll.h"
#include "serve/page/tail.h"
#include "serve/page/uart_text.h"

struct console {
    char *board;
    struct tail tail;
    struct uart_text text;
    struct scroll scroll;
    size_t viewers;
    int64_t left_ns; /* when the last of them went */
    struct console *next;
};
struct console *console_new(const char *board);
void console_free(struct console *console);
void console_aim(struct console *console, const char *dir, const char *relative);
/* True where there is more to be read at once. */
bool console_pump(struct console *console, uint64_t *number, bool *ret_changed);

#endif
