/* SPDX-License-Identifier: MIT
 *
 * view: looking on while a run holds a board: what that reads from the console, read from its
 * uart.log.
 *
 * Nothing is opened but files of the run's directory, which the lease's record names, so nobody is
 * disturbed. One log after the other: a run's tests and attempts on the board each have their own.
 * The record may be anybody's: what is read is a plain file below that directory, and no link.
 */
#ifndef HIL_RUN_VIEW_H
#define HIL_RUN_VIEW_H

#include "base/ctx.h"
#include "run/screen.h"

struct view {
    const char *runtime_dir, *lab, *board; /* borrowed, as is... */
    struct screen *screen;
};

/* Says who holds the board, shows what it says, and returns when that process has let go of it or
 * screen->seen. -ERR_NOT_FOUND: nobody holds the board, or who does runs no test; else the log's,
 * the output's or the ctx's error. */
int view_run(const struct view *view, const struct ctx *ctx, struct err *err);

#endif
