/* SPDX-License-Identifier: MIT
 *
 * crash: the lines with which firmware says that it died, or that it began anew.
 *
 * One table of signatures for all systems; signs.h finds them in a line. Never blocks.
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

/* The signatures by number, to be looked for in a line (signs.h); NULL: there are no more. */
const char *crash_signature(size_t number, bool *ret_any_case);
/* What signature `number`, which stands in the line at `at`, says there: CRASH_NONE where it counts
 * in another place only. */
enum crash_kind crash_at(size_t number, struct text line, const char *at);

/* Sets nothing where it is false. Where in the source it happened, if the line says so
 * ("main.c:12", "file "main.c", line 12"). */
bool crash_place(struct text line, struct text *ret_file, uint32_t *ret_line);
/* What a line behind the `first` adds to it, where that only announces it. */
bool crash_words(struct text first, struct text line, struct text *ret);
/* Who reset the board, as a CRASH_BOOT line has it; NULL: it does not say, or nobody in special. */
const char *crash_reset(struct text line);

#endif
