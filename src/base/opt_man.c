/* SPDX-License-Identifier: MIT */
#include "base/opt.h"

#include "base/opt_page.h"
#include "base/str.h"

#include <ctype.h>
#include <string.h>

/* Text in roff (groff_char(7)): what roff would read as markup or print as typography, escaped. */
static void put_text(FILE *out, const char *text, size_t length)
{
    static const struct {
        char byte;
        const char *roff;
    } escapes[] = {{'\\', "\\(rs"}, {'-', "\\-"},   {'`', "\\(ga"}, {'^', "\\(ha"},
                   {'~', "\\(ti"},  {'"', "\\(dq"}, {'\'', "\\(aq"}};
    bool line_start = true;

    for (size_t i = 0; i < length; i++) {
        const char *roff = NULL;
        for (size_t j = 0; j < ARRAY_SIZE(escapes); j++)
            if (escapes[j].byte == text[i])
                roff = escapes[j].roff;
        if (line_start && text[i] == '.')
            fputs("\\&", out);
        line_start = text[i] == '\n';
        if (roff)
            fputs(roff, out);
        else
            fputc(text[i], out);
    }
}

static void put_string(FILE *out, const char *text)
{
    put_text(out, text, strlen(text));
}

static void put_upper(FILE *out, const char *text)
{
    for (; *text; text++)
        fputc(toupper((unsigned char)*text), out);
}

static void put_title(FILE *out, const char *program, const char *verb, const char *version)
{
    fputs(".TH ", out);
    put_upper(out, program);
    if (verb) {
        fputs("\\-", out);
        put_upper(out, verb);
    }
    fprintf(out, " 1 \"\" \"%s %s\" \"%s manual\"\n.nh\n.ad l\n", program, version, program);
}

static void put_section(FILE *out, const char *name)
{
    fprintf(out, ".SH %s\n", name);
}

static void put_as_is(FILE *out, const char *text, size_t length)
{
    fputs(".nf\n", out);
    put_text(out, text, length);
    fputs("\n.fi\n", out);
}

/* Lines of a filled paragraph lose blanks at their start, which would break the line in roff. */
static void put_paragraph(FILE *out, const char *text, size_t length)
{
    const char *end = text + length;

    while (text < end) {
        const char *line_end = memchr(text, '\n', (size_t)(end - text));
        if (!line_end)
            line_end = end;
        while (text < line_end && *text == ' ')
            text++;
        put_text(out, text, (size_t)(line_end - text));
        if (text < line_end)
            fputc('\n', out);
        text = line_end + (line_end < end);
    }
}

static void put_description(FILE *out, const char *summary, const char *description)
{
    struct opt_piece piece;
    bool first = true;

    put_section(out, "DESCRIPTION");
    if (!description || !*description) {
        put_string(out, summary);
        fputs(".\n", out);
    }
    for (; opt_next_piece(&description, &piece); first = false) {
        if (!first)
            fputs(".PP\n", out);
        if (piece.as_is)
            put_as_is(out, piece.text, piece.length);
        else
            put_paragraph(out, piece.text, piece.length);
    }
}

static void put_options(FILE *out, const struct opt_verb *verb)
{
    const struct opt_row *row;

    put_section(out, "OPTIONS");
    for (size_t i = 0; (row = opt_row_at(verb, i)); i++) {
        if (row->group) {
            fputs(".SS ", out);
            put_string(out, row->group);
            fputc('\n', out);
        }
        fputs(".TP\n\\fB", out);
        if (row->letter) {
            put_text(out, (char[]){'-', row->letter}, 2);
            fputs("\\fR, \\fB", out);
        }
        fputs("\\-\\-", out);
        put_string(out, row->name);
        fputs("\\fR", out);
        if (row->arg) {
            fputs(" \\fI", out);
            put_string(out, row->arg);
            fputs("\\fR", out);
        }
        fputc('\n', out);
        put_paragraph(out, row->help, strlen(row->help));
    }
}

static void put_examples(FILE *out, const char *const *examples)
{
    if (!examples || !*examples)
        return;
    put_section(out, "EXAMPLES");
    for (const char *const *first = examples; examples[0] && examples[1]; examples += 2) {
        fputs(examples == first ? "" : ".PP\n", out);
        put_paragraph(out, examples[0], strlen(examples[0]));
        fputs(".PP\n.RS 4\n", out);
        put_as_is(out, examples[1], strlen(examples[1]));
        fputs(".RE\n", out);
    }
}

static void put_exit_status(FILE *out, const struct opt_verb *verb)
{
    struct opt_exit row;

    put_section(out, "EXIT STATUS");
    for (size_t i = 0; opt_exit_at(verb, i, &row); i++) {
        fprintf(out, ".TP 6\n\\fB%s\\fR\n", row.code);
        put_paragraph(out, row.meaning, strlen(row.meaning));
    }
}

static void put_page_name(FILE *out, const char *program, const char *verb)
{
    put_string(out, program);
    if (verb) {
        fputs("\\-", out);
        put_string(out, verb);
    }
}

static void put_see_also(FILE *out, const char *program, const char *const *verbs)
{
    put_section(out, "SEE ALSO");
    fputs("\\fB", out);
    put_page_name(out, program, NULL);
    fputs("\\fR(1)", out);
    for (; verbs && *verbs; verbs++) {
        fputs(",\n\\fB", out);
        put_page_name(out, program, *verbs);
        fputs("\\fR(1)", out);
    }
    fputc('\n', out);
}

void opt_print_man(const struct opt_verb *verb, const char *program, const char *version, FILE *out)
{
    put_title(out, program, verb->name, version);
    put_section(out, "NAME");
    put_page_name(out, program, verb->name);
    fputs(" \\- ", out);
    put_string(out, verb->summary);
    fputc('\n', out);
    put_section(out, "SYNOPSIS");
    fprintf(out, "\\fB%s ", program);
    put_string(out, verb->name);
    fputs("\\fR [\\fIOPTION\\fR].\\|.\\|.", out);
    if (verb->operands && *verb->operands) {
        fputs(" \\fI", out);
        put_string(out, verb->operands);
        fputs("\\fR", out);
    }
    fputc('\n', out);
    put_description(out, verb->summary, verb->description);
    put_options(out, verb);
    put_examples(out, verb->examples);
    put_exit_status(out, verb);
    put_see_also(out, program, verb->see_also);
}

void opt_print_man_main(const struct opt_verb *const *verbs, const char *program,
                        const char *version, FILE *out)
{
    put_title(out, program, NULL, version);
    put_section(out, "NAME");
    fprintf(out, "%s \\- %s\n", program, opt_program_summary);
    put_section(out, "SYNOPSIS");
    fprintf(out, "\\fB%s\\fR \\fIVERB\\fR [\\fIOPTION\\fR].\\|.\\|. [\\fIOPERAND\\fR].\\|.\\|.\n",
            program);
    put_section(out, "DESCRIPTION");
    fprintf(out, "Each verb has a page of its own and prints its help with \\fB\\-\\-help\\fR.\n");
    for (const struct opt_verb *const *verb = verbs; *verb; verb++) {
        fprintf(out, ".TP\n\\fB%s ", program);
        put_string(out, (*verb)->name);
        fputs("\\fR\n", out);
        put_paragraph(out, (*verb)->summary, strlen((*verb)->summary));
    }
    put_exit_status(out, NULL);
    put_section(out, "ENVIRONMENT");
    for (const struct opt_variable *row = opt_variables; row->name; row++) {
        fprintf(out, ".TP\n\\fB%s\\fR\n", row->name);
        put_paragraph(out, row->meaning, strlen(row->meaning));
    }
    put_section(out, "SEE ALSO");
    for (const struct opt_verb *const *verb = verbs; *verb; verb++) {
        fputs(verb == verbs ? "\\fB" : ",\n\\fB", out);
        put_page_name(out, program, (*verb)->name);
        fputs("\\fR(1)", out);
    }
    fputc('\n', out);
}
