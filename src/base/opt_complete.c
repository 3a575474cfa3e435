/* SPDX-License-Identifier: MIT */
#include "base/opt.h"

#include "base/opt_page.h"
#include "base/str.h"

#include <ctype.h>
#include <string.h>

#define TOKEN_BYTES "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

/* What completes a word of a placeholder; the rest completes nothing. */
static const struct {
    const char *word, *kind;
} kinds[] = {
    {"BOARD", "board"},       {"LABEL", "board"},   {"FORMAT", "format"}, {"DRIVER", "driver"},
    {"FILE", "file"},         {"FIRMWARE", "file"}, {"IMAGE", "file"},    {"LOG", "file"},
    {"KEYFILE", "file"},      {"REPORT", "file"},   {"PATH", "file"},     {"DIR", "dir"},
    {"RUN-DIRECTORY", "dir"},
};

static const char *kind_of(const char *token, size_t length)
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (strlen(kinds[i].word) == length && !memcmp(kinds[i].word, token, length))
            return kinds[i].kind;
    return NULL;
}

/* " board on off" for "BOARD on|off"; what follows a BOARD= is completed after the sign is typed.
 */
static void put_kinds(FILE *out, const char *placeholder)
{
    cleanup_strv struct strv said = {0};
    bool choices = strchr(placeholder, '|');

    while (*(placeholder += strcspn(placeholder, TOKEN_BYTES))) {
        size_t length = strspn(placeholder, TOKEN_BYTES);
        const char *kind = kind_of(placeholder, length);
        if (kind && !strv_has(&said, kind))
            strv_add(&said, kind);
        else if (choices && islower((unsigned char)*placeholder))
            strv_add_owned(&said, xstrndup(placeholder, length));
        placeholder += length;
        if (kind && *placeholder == '=')
            placeholder += strcspn(placeholder, " ");
    }
    for (size_t i = 0; i < said.count; i++)
        fprintf(out, " %s", said.items[i]);
}

static void put_values_of(FILE *out, const struct opt_verb *verb)
{
    const struct opt_row *row;

    if (verb->operands && *verb->operands) {
        fprintf(out, "    %s:) echo", verb->name);
        put_kinds(out, verb->operands);
        fputs(" ;;\n", out);
    }
    for (size_t i = 0; (row = opt_row_at(verb, i)); i++) {
        if (!row->arg)
            continue;
        fprintf(out, "    %s:--%s", verb->name, row->name);
        if (row->letter)
            fprintf(out, " | %s:-%c", verb->name, row->letter);
        fputs(") echo any", out);
        put_kinds(out, row->arg);
        fputs(" ;;\n", out);
    }
}

static void put_tables(FILE *out, const struct opt_verb *const *verbs, const char *program)
{
    const struct opt_row *row;

    fprintf(out, "_%s_options() {\n    case $1 in\n    '') printf '%%s\\n'", program);
    for (const struct opt_verb *const *verb = verbs; *verb; verb++)
        fprintf(out, " %s", (*verb)->name);
    fputs(" help --help --version ;;\n", out);
    for (const struct opt_verb *const *verb = verbs; *verb; verb++) {
        fprintf(out, "    %s) printf '%%s\\n'", (*verb)->name);
        for (size_t i = 0; (row = opt_row_at(*verb, i)); i++)
            fprintf(out, " --%s", row->name);
        fputs(" ;;\n", out);
    }
    fprintf(out,
            "    esac\n}\n\n"
            "# What may stand after an option, or as an operand (the verb and a colon).\n"
            "_%s_values() {\n    case $1 in\n",
            program);
    for (const struct opt_verb *const *verb = verbs; *verb; verb++)
        put_values_of(out, *verb);
    fputs("    esac\n}\n\n", out);
}

/* What does the work; @ stands for the program's name. Names of boards come from outside: compgen
 * -W would expand a $(...) in them, so plain comparison it is. */
static const char script[] =
    "# Adds those of the lines on stdin that begin with $1, or with what stands behind its last "
    "comma.\n"
    "_@_match() {\n"
    "    local word head=''\n"
    "    [[ $1 == *,* ]] && head=${1%,*},\n"
    "    while read -r word; do\n"
    "        [[ $head$word == \"$1\"* ]] && COMPREPLY+=(\"$head$word\")\n"
    "    done\n"
    "}\n"
    "\n"
    "_@_add() {\n"
    "    local line\n"
    "    case $1 in\n"
    "    any) ;;\n"
    "    board | driver | format) _@_match \"$2\" < <(\"$3\" \"$1s\" --names 2>/dev/null) ;;\n"
    "    file | dir)\n"
    "        compopt -o filenames 2>/dev/null\n"
    "        while IFS= read -r line; do COMPREPLY+=(\"$line\"); done \\\n"
    "            < <(compgen -A \"${1/dir/directory}\" -- \"$2\")\n"
    "        ;;\n"
    "    *) _@_match \"$2\" <<<\"$1\" ;;\n"
    "    esac\n"
    "}\n"
    "\n"
    "_@() {\n"
    "    local program=${COMP_WORDS[0]} verb=${COMP_WORDS[1]} values='' assigned='' kind\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
    "    COMPREPLY=()\n"
    "    if [[ $program == *-run ]]; then\n"
    "        verb=run program=${program%-run}\n"
    "    elif ((COMP_CWORD == 1)) || [[ $verb == help && $COMP_CWORD == 2 ]]; then\n"
    "        _@_match \"$cur\" < <(_@_options '')\n"
    "        return\n"
    "    fi\n"
    "    # bash makes a word of the = in --name=value and BOARD=FIRMWARE\n"
    "    if [[ $cur == = ]]; then\n"
    "        cur='' assigned=1\n"
    "    elif [[ $prev == = ]]; then\n"
    "        prev=${COMP_WORDS[COMP_CWORD - 2]} assigned=1\n"
    "    fi\n"
    "    [[ $prev == -* ]] && values=$(_@_values \"$verb:$prev\")\n"
    "    if [[ -z $values && -n $assigned ]]; then\n"
    "        values='file'\n"
    "    elif [[ -z $values && $cur == -* ]]; then\n"
    "        _@_match \"$cur\" < <(_@_options \"$verb\")\n"
    "    elif [[ -z $values ]]; then\n"
    "        values=$(_@_values \"$verb:\")\n"
    "    fi\n"
    "    for kind in $values; do\n"
    "        _@_add \"$kind\" \"$cur\" \"$program\"\n"
    "    done\n"
    "}\n"
    "\n"
    "complete -F _@ @";

void opt_print_completion(const struct opt_verb *const *verbs, const char *program, FILE *out)
{
    bool has_run = false;

    fprintf(out, "# bash completion for %s(1)\n\n", program);
    put_tables(out, verbs, program);
    for (const char *at = script; *at; at++) {
        if (*at == '@')
            fputs(program, out);
        else
            fputc(*at, out);
    }
    for (const struct opt_verb *const *verb = verbs; *verb; verb++)
        has_run = has_run || str_eq((*verb)->name, "run");
    if (has_run)
        fprintf(out, " %s-run", program);
    fputc('\n', out);
}
