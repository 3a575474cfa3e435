/* SPDX-License-Identifier: MIT
 *
 * tool_words: a tool's options, and the words that its templates become with them (tool.h).
 *
 * Options are found by their field's name, so a template can name each that hil drivers lists.
 * Nothing here blocks.
 */
#ifndef HIL_BOARD_FLASH_TOOL_WORDS_H
#define HIL_BOARD_FLASH_TOOL_WORDS_H

#include "board/flash/tool.h"

#define TOOL_READBACK "readback.bin" /* in the job's directory */

bool tool_option_given(const struct tool_conf *conf, const char *name); /* a flag: and true */
/* The text of that name, borrowed; NULL: not given, or no text. */
const char *tool_option_text(const struct tool_conf *conf, const char *name);
uint64_t tool_option_base(const struct tool_conf *conf); /* the option `base`; 0: none */

/* Appends a template's words. `file` is the one at hand; NULL: there are several, and only "*"
 * words may name them. -ERR_LIMIT. */
int tool_words(const struct tool_conf *conf, const struct driver_env *env,
               const struct firmware *firmware, const struct firmware_file *file,
               const char *const *template, struct strv *ret, struct err *err);

#endif
