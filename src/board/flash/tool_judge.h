/* SPDX-License-Identifier: MIT
 *
 * tool_judge: what a flashing tool prints, read while it runs: how far it is, and how it ended.
 *
 * Tools lie: some print "Error" and end with 0, others do all they should and end with 74. So a
 * step of a tool has lines that must be seen, and a table of lines that tell a failure; only both,
 * exit code and output, make a success. A line ends at CR or LF; colours are dropped. Of a line
 * 1 KiB is looked at, so flooding costs no memory. Nothing blocks.
 */
#ifndef HIL_BOARD_FLASH_TOOL_JUDGE_H
#define HIL_BOARD_FLASH_TOOL_JUDGE_H

#include "base/err.h"
#include "board/flash/tool_rules.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tool_judge {
    const struct tool_rules *rules;
    /* `percent` never falls within a step, unless a next file begins. May be NULL. */
    void (*tell)(void *arg, const char *step, unsigned percent);
    void *arg;
    /* private */
    char line[1024];
    size_t size;
    enum { TOOL_TEXT, TOOL_ESCAPE, TOOL_CSI } state;
    size_t failure; /* index in rules->failures */
    bool failed, fatal, saw[TOOL_SAID_MAX];
    char why[256];
    bool has_address;
    uint64_t address;
    const char *step;
    unsigned percent;
    char chip[128], chip_name[128];
};

void tool_judge_begin(struct tool_judge *judge, const struct tool_rules *rules);
void tool_judge_feed(struct tool_judge *judge, const char *bytes, size_t count);
void tool_judge_end(struct tool_judge *judge); /* a line may lack its end */

/* After tool_judge_end(): 0, or -ERR_TOOL with what failed, the tool's own line and what to do.
 * `last_line` is for failures that no row knows; `signal` 0: it exited with `exit_code`. */
int tool_judge_verdict(const struct tool_judge *judge, int exit_code, int signal,
                       const char *last_line, struct err *err);
/* -ERR_TOOL with what `means` says, `why` and what to do. */
int tool_judge_tell(enum tool_meaning means, const char *why, struct err *err);
/* Appends what a row knows of why it did not end in time; nothing where none matched. */
void tool_judge_explain(const struct tool_judge *judge, struct err *err);
/* 0 where the chip found is the one wanted: a hexadecimal number (0x413) is compared with as many
 * low digits of `chip` as it has; any other name must stand in `chip_name`, in whatever case.
 * -ERR_REFUSED. */
int tool_judge_chip(const struct tool_judge *judge, const char *wanted, struct err *err);

#endif
