/* SPDX-License-Identifier: MIT
 *
 * crash: the lines with which firmware says that it died, or that it began anew.
 *
 * One table of signatures for all systems, searched for anywhere in a line and cheap enough for
 * every line: a shift table (Wu and Manber, "A fast algorithm for multi-pattern searching", 1994)
 * skips most bytes. Never blocks; a struct crash_finder is constant after crash_finder_init().
 */
#ifndef HIL_PARSE_CRASH_H
#define HIL_PARSE_CRASH_H

#include "parse/scan.h"

#include <stdbool.h>
#include <stdint.h>

/* In the order of how bad they are. */
enum crash_kind {
    CRASH_NONE,
    CRASH_BOOT,    /* it began anew */
    CRASH_SUSPECT, /* mostly the end, but a test may have wanted it, or the firmware goes on */
    CRASH_FATAL,   /* it does not come back from this but by a reset; a dump may follow */
    CRASH_LAST,    /* the last line before it stands still */
};

#define CRASH_SIGNATURE_MIN 6 /* bytes of the shortest signature */

#define CRASH_SIGNATURES_MAX 96
#define CRASH_PAIRS 4096 /* of 64 classes of bytes each */

/* Wu and Manber's way to look for many texts at once: most pairs of bytes end none, and are passed
 * over several at a time. */
struct crash_finder {
    uint8_t class[256];         /* of a byte, upper and lower case alike */
    uint8_t shift[CRASH_PAIRS]; /* how far the next signature's end may be */
    uint8_t first[CRASH_PAIRS]; /* where shift is 0: 1 + the first signature with that pair */
    uint8_t next[CRASH_SIGNATURES_MAX];  /* 1 + the next signature with the same pair */
    uint16_t head[CRASH_SIGNATURES_MAX]; /* the pair that the signature begins with */
};

void crash_finder_init(struct crash_finder *finder);
enum crash_kind crash_find(const struct crash_finder *finder, struct text line);
/* Sets nothing where it is false. Where in the source it happened, if the line says so
 * ("main.c:12", "file "main.c", line 12"). */
bool crash_place(struct text line, struct text *ret_file, uint32_t *ret_line);
/* What a line behind the `first` adds to it, where that only announces it. */
bool crash_words(struct text first, struct text line, struct text *ret);
/* Who reset the board, as a CRASH_BOOT line has it; NULL: it does not say, or nobody in special. */
const char *crash_reset(struct text line);

#endif
