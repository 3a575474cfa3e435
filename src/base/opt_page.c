/* SPDX-License-Identifier: MIT */
#include "base/opt_page.h"

#include "base/str.h"

#include <string.h>

static const struct opt_row help_row = {"help", 'h', NULL, "Show this page.", NULL};

const struct opt_variable opt_variables[] = {
    {"HIL_LAB", "The lab's file, where --lab is not given."},
    {"HIL_RUNTIME_DIR", "Where leases are kept, instead of /run/lock/hil."},
    {"HIL_STATE_DIR", "Where history is kept, instead of $XDG_STATE_HOME/hil or "
                      "~/.local/state/hil."},
    {"NO_COLOR", "Where set to anything, no colours are printed."},
    {NULL, NULL},
};

const char opt_program_summary[] = "test firmware on the boards of a lab";

const struct opt_row *opt_row_at(const struct opt_verb *verb, size_t index)
{
    const struct opt_row *rows = verb->rows;
    size_t count = 0;
    bool own_help = false;

    for (; rows && rows[count].name; count++)
        own_help = own_help || str_eq(rows[count].name, help_row.name);
    if (index < count)
        return &rows[index];
    return index == count && !own_help ? &help_row : NULL;
}

bool opt_exit_at(const struct opt_verb *verb, size_t index, struct opt_exit *ret)
{
    bool judges = !verb || (verb->fails && strstr(verb->fails, "fail:"));
    const struct opt_exit all[] = {
        {"0", judges ? "pass" : "done"},
        {"1", verb ? verb->fails : "fail: the firmware is to blame"},
        {"2", "usage or configuration: what was typed or named is wrong"},
        {"3", "infra: the lab, this host or the network is to blame"},
        {"130", "cancelled (128 + the signal's number)"},
    };

    index += index >= 1 && !all[1].meaning;
    if (index >= ARRAY_SIZE(all))
        return false;
    *ret = all[index];
    return true;
}

static bool is_as_is(const char *line)
{
    return line[0] == ' ' && line[1] == ' ';
}

bool opt_next_piece(const char **at, struct opt_piece *ret)
{
    const char *line = *at;

    if (!line)
        return false;
    line += strspn(line, "\n");
    if (!*line)
        return false;
    *ret = (struct opt_piece){.text = line, .as_is = is_as_is(line)};
    while (*line && *line != '\n' && is_as_is(line) == ret->as_is) {
        line = strchrnul(line, '\n');
        ret->length = (size_t)(line - ret->text);
        line += *line == '\n';
    }
    *at = line;
    return true;
}
