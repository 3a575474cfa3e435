/* SPDX-License-Identifier: MIT
 *
 * tool_rules: what a tool's output means, as tables of patterns (tool_match.h). Plain data: every
 * tool's file has its own, tool_judge.h applies them.
 */
#ifndef HIL_BOARD_FLASH_TOOL_RULES_H
#define HIL_BOARD_FLASH_TOOL_RULES_H

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

#endif
