/* SPDX-License-Identifier: MIT
 *
 * opt_page: what the help, the man page and the completion of a verb have in common.
 *
 * For the opt_*.c files only. Nothing here allocates or blocks.
 */
#ifndef HIL_BASE_OPT_PAGE_H
#define HIL_BASE_OPT_PAGE_H

#include "base/opt.h"

#include <stdbool.h>
#include <stddef.h>

/* The rows of a verb and, after them, -h/--help where the verb has no such row of its own:
 *     const struct opt_row *row;
 *     for (size_t i = 0; (row = opt_row_at(verb, i)); i++) */
const struct opt_row *opt_row_at(const struct opt_verb *verb, size_t index);

/* A code that the program exits with. */
struct opt_exit {
    const char *code, *meaning;
};
/* The codes of a verb, or, where it is NULL, of the program; false behind the last one. */
bool opt_exit_at(const struct opt_verb *verb, size_t index, struct opt_exit *ret);

/* What the program reads from its environment; the last has name NULL. */
struct opt_variable {
    const char *name, *meaning;
};
extern const struct opt_variable opt_variables[];

extern const char opt_program_summary[];

/* A description is a row of pieces: a paragraph to be filled, or lines to be kept as they are. */
struct opt_piece {
    const char *text;
    size_t length; /* without the last line's end */
    bool as_is;
};
/* The piece at *at, which moves behind it; false at the end. */
bool opt_next_piece(const char **at, struct opt_piece *ret);

#endif
