/* SPDX-License-Identifier: MIT
 *
 * screen: where a person, or a pipe, sees what a board's console says.
 *
 * Bytes go out as they are, with the time before each line where that is wanted, and into a log. A
 * text that is looked for is found however the bytes come. Blocks as long as the output does.
 */
#ifndef HIL_RUN_SCREEN_H
#define HIL_RUN_SCREEN_H

#include "base/buf.h"

#include <stdbool.h>

struct screen {
    int out_fd;
    int log_fd;        /* gets every byte, too; -1: none */
    const char *until; /* looked for in each line; NULL: nothing is */
    bool times;        /* the wall clock before each line */
    bool seen;         /* `until` was */
    /* private */
    bool in_line;
    struct buf line; /* the one that comes just now */
};

#define SCREEN_LINE_MAX 4096 /* bytes of a line that `until` is looked for in */
#define SCREEN_INIT(out, log, text, with_times)                                   \
    {                                                                             \
        .out_fd = (out), .log_fd = (log), .until = (text), .times = (with_times), \
        .line = BUF_INIT(SCREEN_LINE_MAX)                                         \
    }

int screen_show(struct screen *screen, const char *bytes, size_t count, struct err *err);
/* "[hil: ...]" on a line of its own. */
int screen_say(struct screen *screen, const char *text, struct err *err);
void screen_done(struct screen *screen);

#endif
