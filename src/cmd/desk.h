/* SPDX-License-Identifier: MIT
 *
 * desk: what the verbs that take one board in hand have in common: `console`, `power`, `reset`.
 */
#ifndef HIL_CMD_DESK_H
#define HIL_CMD_DESK_H

#include "cmd/cmd.h"
#include "run/desk.h"

#define DESK_ROWS                                                                                 \
    CMD_ROW_LAB,                                                                                  \
    {                                                                                             \
        "wait", 'w', "TIME",                                                                      \
            "How long to wait for a board that somebody else holds (0: not at all). Without it: " \
            "the lab's lease timeout.",                                                           \
            NULL                                                                                  \
    }

struct desk_options {
    const char *lab;
    int64_t wait_ms;     /* -1: not given */
    struct screen *view; /* as desk_request's; NULL: none */
};
#define DESK_OPTIONS_INIT \
    {                     \
        .wait_ms = -1     \
    }

/* Takes the option where it is one of the rows above: 1; 0: not ours; negative: an error. */
int desk_options_take(const struct opt_row *row, const char *value, struct desk_options *options,
                      struct err *err);
/* What `options` say, for the hil of a server (there.h). */
void desk_options_args(const struct desk_options *options, struct strv *args);
/* Takes the board, telling on stderr who is waited for. */
int desk_open(const struct app *app, const struct desk_options *options, const char *board,
              struct desk **ret, struct err *err);
/* The exit code: the signal's, the error's (rc < 0) or `code`. Gives the board back; what its tools
 * printed stays after an error. */
int desk_end(const struct app *app, const struct opt_verb *verb, struct desk *desk, int rc,
             struct err *err, int code);

#endif
