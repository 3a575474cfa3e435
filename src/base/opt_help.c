/* SPDX-License-Identifier: MIT */
#include "base/opt.h"

#include "base/opt_page.h"
#include "base/str.h"
#include "base/term.h"

#include <string.h>

#define WIDTH_LEAST 40
#define NAMES_MOST 32 /* columns for an option's names; longer ones get a line of their own */

struct page {
    struct term term;
    size_t width;
};

static struct page page_of(FILE *out, int width)
{
    return (struct page){term_open(out), width < WIDTH_LEAST ? WIDTH_LEAST : (size_t)width};
}

static void heading(const struct page *page, const char *text)
{
    fprintf(page->term.out, "\n%s%s:%s\n", term_style(&page->term, TERM_BOLD), text,
            term_style(&page->term, TERM_PLAIN));
}

/* Fills words into lines that begin at column `indent`; the cursor stands at column `at`. */
static void fill(const struct page *page, const char *text, size_t length, size_t at, size_t indent)
{
    const char *end = text + length;
    bool first = true;

    while (text < end) {
        size_t count = strcspn(text, " \n");
        if (count > (size_t)(end - text))
            count = (size_t)(end - text);
        if (!count) {
            text++;
            continue;
        }
        cleanup_free char *word = xstrndup(text, count);
        size_t columns = term_width_of(word);
        if (!first && at + 1 + columns > page->width) {
            fputc('\n', page->term.out);
            at = 0;
        } else if (!first) {
            fputc(' ', page->term.out);
            at++;
        }
        if (at < indent) {
            fprintf(page->term.out, "%*s", (int)(indent - at), "");
            at = indent;
        }
        fputs(word, page->term.out);
        at += columns;
        text += count;
        first = false;
    }
    fputc('\n', page->term.out);
}

static void describe(const struct page *page, const char *description)
{
    struct opt_piece piece;

    while (opt_next_piece(&description, &piece)) {
        fputc('\n', page->term.out);
        if (piece.as_is)
            fprintf(page->term.out, "%.*s\n", (int)piece.length, piece.text);
        else
            fill(page, piece.text, piece.length, 0, 0);
    }
}

/* "  -o, --out DIR"; the caller frees. */
static char *names_of(const struct opt_row *row)
{
    char letter[] = "    ";

    if (row->letter)
        memcpy(letter, (char[]){'-', row->letter, ','}, 3);
    return xasprintf("  %s--%s%s%s", letter, row->name, row->arg ? " " : "",
                     row->arg ? row->arg : "");
}

static void list_options(const struct page *page, const struct opt_verb *verb)
{
    size_t most = page->width / 2 < NAMES_MOST ? page->width / 2 : NAMES_MOST;
    const struct opt_row *row;
    size_t indent = 0;

    for (size_t i = 0; (row = opt_row_at(verb, i)); i++) {
        cleanup_free char *names = names_of(row);
        size_t columns = term_width_of(names);
        if (columns > indent && columns <= most)
            indent = columns;
    }
    indent += 2;
    for (size_t i = 0; (row = opt_row_at(verb, i)); i++) {
        cleanup_free char *names = names_of(row);
        size_t columns = term_width_of(names);
        if (row->group || i == 0)
            heading(page, row->group ? row->group : "Options");
        fputs(names, page->term.out);
        if (columns + 2 > indent) {
            fputc('\n', page->term.out);
            columns = 0;
        }
        fill(page, row->help, strlen(row->help), columns, indent);
    }
}

static void list_examples(const struct page *page, const char *const *examples)
{
    if (!examples || !*examples)
        return;
    heading(page, "Examples");
    for (; examples[0] && examples[1]; examples += 2) {
        fill(page, examples[0], strlen(examples[0]), 0, 2);
        for (const char *line = examples[1], *end; *line; line = end + (*end == '\n')) {
            end = strchrnul(line, '\n');
            fprintf(page->term.out, "      %.*s\n", (int)(end - line), line);
        }
    }
}

static void list_exits(const struct page *page, const struct opt_verb *verb)
{
    struct opt_exit row;

    heading(page, "Exit status");
    for (size_t i = 0; opt_exit_at(verb, i, &row); i++) {
        fprintf(page->term.out, "  %-3s  ", row.code);
        fill(page, row.meaning, strlen(row.meaning), 7, 7);
    }
}

void opt_print_help(const struct opt_verb *verb, const char *program, FILE *out, int width)
{
    struct page page = page_of(out, width);

    cleanup_free char *usage = xasprintf("%s %s [OPTION]... %s", program, verb->name,
                                         verb->operands ? verb->operands : "");

    fputs("Usage: ", out);
    fill(&page, usage, strlen(usage), 7, 7);
    fputc('\n', out);
    fill(&page, verb->summary, strlen(verb->summary), 0, 0);
    describe(&page, verb->description);
    list_options(&page, verb);
    list_examples(&page, verb->examples);
    list_exits(&page, verb);
    if (!verb->see_also || !*verb->see_also)
        return;
    heading(&page, "See also");
    for (const char *const *other = verb->see_also; *other; other++)
        fprintf(out, "  %s %s --help\n", program, *other);
}

void opt_print_usage(const struct opt_verb *const *verbs, const char *program, const char *version,
                     FILE *out)
{
    struct page page = page_of(out, WIDTH_LEAST);
    size_t widest = 0;

    for (const struct opt_verb *const *verb = verbs; *verb; verb++)
        if (strlen((*verb)->name) > widest)
            widest = strlen((*verb)->name);
    fprintf(out, "%s %s: %s\n\nUsage: %s VERB [OPTION]... [OPERAND]...\n", program, version,
            opt_program_summary, program);
    heading(&page, "Verbs");
    for (const struct opt_verb *const *verb = verbs; *verb; verb++)
        fprintf(out, "  %-*s  %s\n", (int)widest, (*verb)->name, (*verb)->summary);
    fprintf(out, "\n'%s VERB --help' explains a verb with its options and examples.\n", program);
}
