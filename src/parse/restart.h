/* SPDX-License-Identifier: MIT
 *
 * restart: firmware that starts over without a banner that is known.
 *
 * The first line that it printed is its greeting. The greeting again, and then the run's first
 * test again, may be a restart. It need not be: a test that runs many times may print the line each
 * time. So a greeting that comes before another test as well is none, and only a good number of
 * restarts, or the firmware's own totals, are certain. Memory is bounded.
 */
#ifndef HIL_PARSE_RESTART_H
#define HIL_PARSE_RESTART_H

#include "parse/scan.h"

struct restart {
    struct buf greeting;  /* empty: none yet */
    bool greeted_again;   /* since the last test */
    bool ordinary;        /* the greeting is just a line */
    bool several;         /* tests in a round */
    unsigned count;       /* restarts that may have been */
    int64_t tests_before; /* the last of them */
};

struct restart restart_init(void);
/* A line that is no test's; `began`: a test has. */
void restart_line(struct restart *restart, struct text line, bool began);
/* Whether the coming test tells anything. */
bool restart_asks(const struct restart *restart);
/* A test; `first`: it has the name of the run's first, after `seen` results. */
void restart_test(struct restart *restart, bool first, int64_t seen);
/* The result of a test that is open: what came before it was the test's own. */
void restart_result(struct restart *restart);
bool restart_sure(const struct restart *restart);
void restart_new_run(struct restart *restart); /* the greeting stays */
void restart_clear(struct restart *restart);
void restart_done(struct restart *restart);

#endif
