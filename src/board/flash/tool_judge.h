/* SPDX-License-Identifier: MIT
 *
 * tool_judge: what a flashing tool prints, read while it runs: how far it is, and how it ended.
 *
 * Tools lie: some print "Error" and end with 0, others do all they should and end with 74. So a
 * step of a tool has lines that must be seen (`said`), and a table of lines that tell a failure;
 * only both, exit code and output, make a success. A line ends at CR or LF; colours are dropped.
 *
 * A pattern is searched anywhere in a line: '*' is anything, ' ' one or more blanks, %u a decimal
 * and %x a hexadecimal number (with or without 0x), %s the rest of the line, %% a percent sign; '^'
 * at its start ties it to the line's. Of a line 1 KiB is looked at, so flooding costs no memory.
 * Nothing blocks.
 */
#ifndef HIL_BOARD_FLASH_TOOL_JUDGE_H
#define HIL_BOARD_FLASH_TOOL_JUDGE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tool_meaning {
    TOOL_NO_PROBE,
    TOOL_TWO_PROBES,
    TOOL_PROBE_BUSY,
    TOOL_USB_DENIED,
    TOOL_NO_PORT,
    TOOL_PORT_BUSY,
    TOOL_PORT_DENIED,
    TOOL_NO_VOLTAGE,
    TOOL_NO_TARGET,     /* the probe is there, the chip does not answer */
    TOOL_NOT_HALTED,    /* held in reset, asleep */
    TOOL_NO_BOOTLOADER, /* nobody answers on the port */
    TOOL_PROTECTED,
    TOOL_WRITE_PROTECTED,
    TOOL_UNKNOWN_CHIP, /* the tool does not know the name, or the chip it found */
    TOOL_WRONG_CHIP,   /* it found another one than it was told */
    TOOL_OUTSIDE,      /* the firmware lies outside the chip's flash */
    TOOL_ERASE,
    TOOL_WRITE,
    TOOL_VERIFY, /* a %x in the pattern is the address */
    TOOL_LOST,   /* the connection broke on the way */
    TOOL_OPTIONS,
    TOOL_ERROR, /* it says no more than that it failed */
    TOOL_MEANINGS
};

struct tool_failure {
    /* Pattern; NULL ends the table. Of those seen the first row is told. A '!' before it makes it a
     * failure even where the exit code says success. */
    const char *text;
    enum tool_meaning means;
};

struct tool_progress {
    const char *text; /* pattern; NULL ends the table */
    const char *step; /* "flash" or "verify"; NULL: the one under way */
    enum {
        TOOL_STARTS,  /* 0 % */
        TOOL_ENDS,    /* 100 % */
        TOOL_PERCENT, /* its last number */
        TOOL_RATIO,   /* its first number of its second */
        TOOL_HASHES,  /* a bar of 50 '#' from the match on: avrdude's */
        TOOL_EQUALS,  /* a bar of 40 '=': pyOCD's */
    } kind;
};

#define TOOL_SAID_MAX 3

struct tool_rules {
    const struct tool_failure *failures; /* may be NULL, as those below */
    const struct tool_progress *progress;
    const char *said[TOOL_SAID_MAX]; /* patterns that must all be seen; NULL: no more */
    int also_ok;                     /* an exit code that is success where all was said; 0: none */
    const char *chip, *chip_name;    /* patterns whose %x, or last capture, is the chip found */
};

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

struct tool_match {
    uint64_t numbers[2];
    size_t count;           /* of numbers */
    bool has_hex;           /* the first number is a %x */
    size_t start, end;      /* of the whole match */
    size_t text, text_size; /* of the last capture */
};
bool tool_match(const char *pattern, const char *line, size_t size, struct tool_match *ret);

#endif
