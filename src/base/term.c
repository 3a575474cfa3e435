/* SPDX-License-Identifier: MIT */
#include "base/term.h"

#include "base/str.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#define COLUMNS_UNKNOWN 80
#define CELL_MAX 4096 /* bytes of a cell's text that are looked at */

struct term term_open(FILE *out)
{
    const char *type = getenv("TERM");
    const char *no_color = getenv("NO_COLOR");
    struct term term = {.out = out, .columns = COLUMNS_UNKNOWN};
    struct winsize size;
    int fd = fileno(out); /* -1 for a stream in memory */

    if (fd < 0 || !isatty(fd))
        return term;
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col)
        term.columns = size.ws_col;
    term.live = type && *type && strcmp(type, "dumb") != 0;
    term.colour = term.live && !(no_color && *no_color);
    return term;
}

const char *term_style(const struct term *term, enum term_style style)
{
    static const char *const sequences[] = {
        [TERM_PLAIN] = "\033[0m", [TERM_BOLD] = "\033[1m",   [TERM_DIM] = "\033[2m",
        [TERM_RED] = "\033[31m",  [TERM_GREEN] = "\033[32m", [TERM_YELLOW] = "\033[33m",
        [TERM_CYAN] = "\033[36m",
    };

    return term->colour ? sequences[style] : "";
}

static wchar_t decode(const char *bytes, size_t length)
{
    static const unsigned char lead_bits[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    unsigned value = (unsigned char)bytes[0] & lead_bits[length];

    for (size_t i = 1; i < length; i++)
        value = value << 6 | ((unsigned char)bytes[i] & 0x3F);
    return (wchar_t)value;
}

size_t term_width_of(const char *text)
{
    size_t left = strlen(text), width = 0;

    while (left) {
        size_t length = text_utf8_length(text, left);
        int columns = 1; /* a stray byte is shown as one replacement character */
        if (length == 1)
            columns = *text >= 0x20 && *text != 0x7F;
        else if (length)
            columns = wcwidth(decode(text, length));
        width += columns < 0 ? 1 : (size_t)columns; /* the C locale knows no width beyond ASCII */
        text += length ? length : 1;
        left -= length ? length : 1;
    }
    return width;
}

struct row {
    enum term_style style;
    char **cells;
};

struct term_table {
    size_t columns, count;
    size_t *widths;
    struct row *rows;
};

struct term_table *term_table_new(size_t columns)
{
    struct term_table *table = xcalloc(1, sizeof *table);

    table->columns = columns;
    table->widths = xcalloc(columns, sizeof *table->widths);
    return table;
}

void term_table_row(struct term_table *table, enum term_style style, const char *const *cells)
{
    struct row row = {style, xcalloc(table->columns, sizeof *row.cells)};

    for (size_t i = 0; i < table->columns; i++) {
        row.cells[i] = text_clean_dup(cells[i] ? cells[i] : "", CELL_MAX, TEXT_ONE_LINE);
        size_t width = term_width_of(row.cells[i]);
        if (width > table->widths[i])
            table->widths[i] = width;
    }
    table->rows = xrealloc(table->rows, table->count + 1, sizeof *table->rows);
    table->rows[table->count++] = row;
}

static void print_row(const struct term_table *table, const struct row *row,
                      const struct term *term)
{
    size_t owed = 0; /* blanks that a further cell would need before it: none trail the last */

    fputs(row->style == TERM_PLAIN ? "" : term_style(term, row->style), term->out);
    for (size_t i = 0; i < table->columns; i++) {
        if (*row->cells[i]) {
            fprintf(term->out, "%*s%s", (int)owed, "", row->cells[i]);
            owed = 0;
        }
        owed += table->widths[i] - term_width_of(row->cells[i]) + 2;
    }
    fputs(row->style == TERM_PLAIN ? "" : term_style(term, TERM_PLAIN), term->out);
    fputc('\n', term->out);
}

void term_table_print(const struct term_table *table, const struct term *term)
{
    for (size_t i = 0; i < table->count; i++)
        print_row(table, &table->rows[i], term);
}

void term_table_free(struct term_table *table)
{
    if (!table)
        return;
    for (size_t i = 0; i < table->count; i++) {
        for (size_t column = 0; column < table->columns; column++)
            free(table->rows[i].cells[column]);
        free(table->rows[i].cells);
    }
    free(table->rows);
    free(table->widths);
    free(table);
}
