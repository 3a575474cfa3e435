/* SPDX-License-Identifier: MIT */
#include "base/opt.h"

#include "base/str.h"

#include <ctype.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#define LONG_BASE 256 /* what getopt_long returns for row i is LONG_BASE + i, past every letter */

static size_t count_rows(const struct opt_row *rows)
{
    size_t count = 0;

    while (rows && rows[count].name)
        count++;
    return count;
}

/* The rows in getopt's form, and "help" after them: where a row has that name or the letter h, the
 * row comes first and is the one that is found. */
struct table {
    struct option *longs;
    char *letters;
    size_t help; /* index of the added row */
};

static void table_done(struct table *table)
{
    free(table->longs);
    free(table->letters);
}

static struct table make_table(const struct opt_row *rows)
{
    size_t count = count_rows(rows), used = 0;
    struct table table = {.longs = xcalloc(count + 2, sizeof *table.longs),
                          .letters = xcalloc(2 * count + 3, 1),
                          .help = count};

    table.letters[used++] = ':'; /* getopt tells a missing value from an unknown option */
    for (size_t i = 0; i < count; i++) {
        table.longs[i] =
            (struct option){rows[i].name, rows[i].arg ? 1 : 0, NULL, LONG_BASE + (int)i};
        if (rows[i].letter)
            table.letters[used++] = rows[i].letter;
        if (rows[i].letter && rows[i].arg)
            table.letters[used++] = ':';
    }
    table.letters[used++] = 'h';
    table.longs[count] = (struct option){"help", 0, NULL, LONG_BASE + (int)count};
    return table;
}

/* The index of what getopt returned, table->help for -h and --help, or -1. */
static int find_row(const struct opt_row *rows, const struct table *table, int found)
{
    if (found >= LONG_BASE)
        return found - LONG_BASE;
    for (size_t i = 0; i < table->help; i++)
        if (rows[i].letter && rows[i].letter == found)
            return (int)i;
    return found == 'h' ? (int)table->help : -1;
}

static int unknown_long(const struct table *table, const char *argument, struct err *err)
{
    cleanup_free char *name = xstrndup(argument + 2, strcspn(argument + 2, "="));
    const char **names = xcalloc(table->help + 1, sizeof *names);
    const char *nearest, *first = NULL, *second = NULL;

    for (size_t i = 0; i <= table->help; i++) {
        names[i] = table->longs[i].name;
        if (!str_starts(names[i], name))
            continue;
        second = first ? (second ? second : names[i]) : NULL;
        first = first ? first : names[i];
    }
    nearest = str_nearest(name, names, table->help + 1);
    free(names);
    if (second) /* getopt takes a unique beginning for the whole */
        return err_set(err, ERR_USAGE, "option '--%s' may be '--%s' or '--%s'", name, first,
                       second);
    if (nearest)
        return err_set(err, ERR_USAGE, "unknown option '--%s'; did you mean '--%s'?", name,
                       nearest);
    return err_set(err, ERR_USAGE, "unknown option '--%s'; --help lists them", name);
}

/* Somebody who typed -json for --json is told so. */
static int unknown_letter(const struct table *table, char **argv, int letter, struct err *err)
{
    for (char **at = argv + 1; *at && !str_eq(*at, "--"); at++)
        for (size_t i = 0; i <= table->help; i++)
            if ((*at)[0] == '-' && (*at)[1] == letter && str_eq(*at + 1, table->longs[i].name))
                return err_set(err, ERR_USAGE, "unknown option '%s'; did you mean '-%s'?", *at,
                               *at);
    if (letter > 0 && letter < 128 && isprint(letter))
        return err_set(err, ERR_USAGE, "unknown option '-%c'; --help lists them", letter);
    return err_set(err, ERR_USAGE, "unknown option '-\\x%02x'; --help lists them", letter & 0xFF);
}

/* What getopt refused: ':' a value is missing; '?' the option is unknown, cut too short, or a flag
 * that was given a value. */
static int refuse(const struct opt_verb *verb, const struct table *table, int found, char **argv,
                  struct err *err)
{
    int row = optopt ? find_row(verb->rows, table, optopt) : -1;
    const char *name = row >= 0 ? table->longs[row].name : NULL;

    if (found == ':' && optopt < LONG_BASE)
        return err_set(err, ERR_USAGE, "option '-%c' needs a value: %s", optopt,
                       verb->rows[row].arg);
    if (found == ':')
        return err_set(err, ERR_USAGE, "option '--%s' needs a value: %s", name,
                       verb->rows[row].arg);
    if (name)
        return err_set(err, ERR_USAGE, "option '--%s' takes no value", name);
    if (optopt)
        return unknown_letter(table, argv, optopt, err);
    return unknown_long(table, argv[optind - 1], err);
}

/* ---- closed sets ----------------------------------------------------------------------------- */

#define SEVERAL "[,...]"

int opt_choose(const char *words, const char *value, const char *what, struct err *err)
{
    cleanup_strv struct strv known = {0};

    strv_split(&known, words, '|');
    for (size_t i = 0; i < known.count; i++)
        if (str_eq(known.items[i], value))
            return (int)i;
    err_set(err, ERR_USAGE, "%s%s'%.80s' is none of", what ? what : "", what ? ": " : "", value);
    for (size_t i = 0; i < known.count; i++)
        err_hint(err, "%s %s", i ? "," : "", known.items[i]);
    return str_hint_nearest(value, (const char *const *)known.items, known.count, NULL, err);
}

/* Whether "a|b|c" is all that there is: a word in capitals stands for any. */
static bool is_closed(const char *arg)
{
    return strchr(arg, '|') && !arg[strcspn(arg, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")];
}

static int check_value(const struct opt_row *row, const char *value, struct err *err)
{
    cleanup_free char *what = NULL, *words = NULL;
    cleanup_strv struct strv values = {0};
    bool several;

    if (!row->arg || !is_closed(row->arg))
        return 0;
    several = str_ends(row->arg, SEVERAL);
    words = xstrndup(row->arg, strlen(row->arg) - (several ? strlen(SEVERAL) : 0));
    what = xasprintf("--%s", row->name);
    if (!several)
        return opt_choose(words, value, what, err) < 0 ? -ERR_USAGE : 0;
    strv_split(&values, value, ',');
    if (!values.count)
        return opt_choose(words, "", what, err);
    for (size_t i = 0; i < values.count; i++)
        if (opt_choose(words, values.items[i], what, err) < 0)
            return -ERR_USAGE;
    return 0;
}

int opt_parse(const struct opt_verb *verb, int argc, char **argv,
              int (*take)(void *arg, const struct opt_row *row, const char *value, struct err *err),
              void *arg, int *ret_first, int *ret_help, struct err *err)
{
    struct table table __attribute__((cleanup(table_done))) = make_table(verb->rows);
    int found;

    *ret_help = 0;
    *ret_first = argc;
    optind = 0; /* glibc: begin anew, with another table */
    opterr = 0;
    while ((found = getopt_long(argc, argv, table.letters, table.longs, NULL)) != -1) {
        if (found == '?' || found == ':')
            return refuse(verb, &table, found, argv, err);
        size_t row = (size_t)find_row(verb->rows, &table, found);
        if (row == table.help) {
            *ret_help = 1;
            return 0;
        }
        int rc = check_value(&verb->rows[row], optarg, err);
        if (rc == 0)
            rc = take(arg, &verb->rows[row], verb->rows[row].arg ? optarg : NULL, err);
        if (rc < 0)
            return rc;
    }
    *ret_first = optind;
    return 0;
}
