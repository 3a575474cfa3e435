/* SPDX-License-Identifier: MIT
 *
 * text: bytes from outside made fit for a report, a page or a terminal.
 *
 * Boards print bytes, not text. Where one of them must stand in UTF-8 output, text_clean() keeps
 * what is valid UTF-8 (RFC 3629) and allowed by XML 1.0 (section 2.2: TAB, LF, CR, U+0020..U+D7FF,
 * U+E000..U+FFFD, U+10000..U+10FFFF), replaces each other byte with U+FFFD, and counts those.
 */
#ifndef HIL_BASE_TEXT_H
#define HIL_BASE_TEXT_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

enum text_flags {
    TEXT_ONE_LINE = 1, /* TAB, CR and LF become a space, too */
};

/* Appends the clean form to `out` and returns how many bytes were replaced; what would pass out's
 * ceiling is cut off between two characters. */
size_t text_clean(struct buf *out, const char *bytes, size_t count, unsigned flags);
/* The same as a string of its own, at most `max` bytes of input (a character that `max` cuts
 * through is dropped); the caller frees. */
char *text_clean_dup(const char *text, size_t max, unsigned flags);
/* True where nothing would be replaced. */
bool text_is_clean(const char *bytes, size_t count);
/* Length in bytes of the valid UTF-8 sequence at `bytes`, 0 where there is none. */
size_t text_utf8_length(const char *bytes, size_t count);

#endif
