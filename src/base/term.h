/* SPDX-License-Identifier: MIT
 *
 * term: what a stream can show (colour, width), and tables in aligned columns.
 *
 * Colours are used on a terminal unless NO_COLOR is set (https://no-color.org) or TERM is "dumb".
 */
#ifndef HIL_BASE_TERM_H
#define HIL_BASE_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum term_style { TERM_PLAIN, TERM_BOLD, TERM_DIM, TERM_RED, TERM_GREEN, TERM_YELLOW, TERM_CYAN };

struct term {
    FILE *out;
    bool live; /* a terminal that can repaint a line */
    bool colour;
    int columns; /* 80 where unknown */
};

struct term term_open(FILE *out);
/* The sequence that starts `style`, "" without colour; TERM_PLAIN resets. */
const char *term_style(const struct term *term, enum term_style style);
/* Columns that a UTF-8 text takes (wide and combining characters counted as wcwidth does). */
size_t term_width_of(const char *text);

/* Rows of cells, printed with two blanks between columns; the last column is not padded. */
struct term_table;
struct term_table *term_table_new(size_t columns);
void term_table_row(struct term_table *table, enum term_style style, const char *const *cells);
void term_table_print(const struct term_table *table, const struct term *term);
void term_table_free(struct term_table *table);

#endif
