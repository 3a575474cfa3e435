/* SPDX-License-Identifier: MIT
 *
 * crash: the lines with which firmware says that it died, or that it began anew.
 *
 * One table of signatures for all systems, searched for anywhere in a line and cheap enough for
 * every line: groups of bytes at regular places are looked up by their hash, as Karp and Rabin did
 * ("Efficient randomized pattern-matching algorithms", 1987), and no look-up waits for the one
 * before. Never blocks; a struct crash_finder is constant after crash_finder_init().
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

/* Four bytes are looked up at every third place of a line: one such group lies at the first, second
 * or third byte of each signature that is there, whatever its place. */
#define CRASH_GROUP 4
#define CRASH_STRIDE (CRASH_SIGNATURE_MIN - CRASH_GROUP + 1)
#define CRASH_HASH_BITS 15
#define CRASH_CHAINS 256

struct crash_finder {
    uint8_t
        seen[(1 << CRASH_HASH_BITS) / 8]; /* a bit for each group's hash; case does not matter */
    uint16_t first[CRASH_CHAINS];         /* 1 + the first group of a hash's chain */
    uint16_t next[CRASH_SIGNATURES_MAX * CRASH_STRIDE]; /* by signature and place: 1 + the next */
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
