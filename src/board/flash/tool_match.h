/* SPDX-License-Identifier: MIT
 *
 * tool_match: the patterns that say what a line of a tool's output means.
 *
 * A pattern is searched anywhere in a line: '*' is anything, ' ' one or more blanks, %u a decimal
 * and %x a hexadecimal number (with or without 0x), %s the rest of the line, %% a percent sign; '^'
 * at its start ties it to the line's. Of several places the first counts. Nothing blocks.
 */
#ifndef HIL_BOARD_FLASH_TOOL_MATCH_H
#define HIL_BOARD_FLASH_TOOL_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tool_match {
    uint64_t numbers[2];
    size_t count;           /* of numbers */
    bool has_hex;           /* the first number is a %x */
    size_t start, end;      /* of the whole match */
    size_t text, text_size; /* of the last capture */
};
bool tool_match(const char *pattern, const char *line, size_t size, struct tool_match *ret);

#endif
