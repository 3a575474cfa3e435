/* SPDX-License-Identifier: MIT
 *
 * opt: command lines behind one table of rows, from which help, man pages and completion are made.
 *
 * A verb is a `const struct opt_verb`: what it does, its option rows, examples. opt_parse() walks
 * argv with getopt_long and calls `take` once an option; operands are left to the verb. What a row
 * does not say, no help page says: nothing can drift.
 *
 * Nothing here exits; printing goes to the stream given.
 */
#ifndef HIL_BASE_OPT_H
#define HIL_BASE_OPT_H

#include "base/err.h"

#include <stddef.h>
#include <stdio.h>

struct app;

struct opt_row {
    const char *name;  /* long name without dashes; NULL ends the table */
    char letter;       /* 0: none */
    const char *arg;   /* what the value is called, "FILE"; NULL: a flag. "on|off|auto" is all that
                          it may be, "pass|fail[,...]" one or several of them parted by commas */
    const char *help;  /* one or two sentences, no line breaks */
    const char *group; /* a heading in the help, given by the first row of the group; else NULL */
};

struct opt_verb {
    const char *name;        /* "run" */
    const char *operands;    /* "FIRMWARE..." */
    const char *summary;     /* one line without a full stop */
    const char *description; /* paragraphs parted by blank lines; lines that start with two
                                blanks are kept as they are */
    const struct opt_row *rows;
    const char *fails;           /* what exit code 1 says; NULL: it never ends with that */
    const char *const *examples; /* pairs: what it does, the command; NULL-terminated */
    const char *const *see_also; /* other verbs; NULL-terminated; NULL: none */
    /* Runs the verb; argv[0] is its name. Returns the exit code. `app` is what main hands to every
     * verb (cmd/cmd.h). */
    int (*run)(const struct app *app, int argc, char **argv);
};

/* Calls take(arg, row, value) for each option; `value` is NULL for flags. Reorders argv so that the
 * operands stand at argv[*ret_first..argc-1]. -ERR_USAGE names what was wrong and the nearest
 * option or word. argv[0] must be the program's name (getopt's convention). -h/--help stops with
 * *ret_help set. */
int opt_parse(const struct opt_verb *verb, int argc, char **argv,
              int (*take)(void *arg, const struct opt_row *row, const char *value, struct err *err),
              void *arg, int *ret_first, int *ret_help, struct err *err);

/* The place of `value` in `words`, "on|off|cycle"; or -ERR_USAGE, which lists them and names the
 * nearest. `what`: of which option, "--annotations"; NULL: of none. */
int opt_choose(const char *words, const char *value, const char *what, struct err *err);

/* `program` is "hil"; width in columns. */
void opt_print_help(const struct opt_verb *verb, const char *program, FILE *out, int width);
void opt_print_usage(const struct opt_verb *const *verbs, const char *program, const char *version,
                     FILE *out);
/* man(7) source for one verb (section 1, page NAME-VERB), or for the program as a whole. */
void opt_print_man(const struct opt_verb *verb, const char *program, const char *version,
                   FILE *out);
void opt_print_man_main(const struct opt_verb *const *verbs, const char *program,
                        const char *version, FILE *out);
/* A bash completion script for all verbs. */
void opt_print_completion(const struct opt_verb *const *verbs, const char *program, FILE *out);

#endif
