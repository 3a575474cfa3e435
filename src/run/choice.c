/* SPDX-License-Identifier: MIT */
#include "run/choice.h"

#include "base/str.h"

#include <stdlib.h>
#include <string.h>

void choice_done(struct choice *choice)
{
    free(choice->boards);
}

/* Whether some board has the word for itself. */
static bool is_known(const struct lab *lab, const char *word)
{
    for (size_t i = 0; i < lab->count; i++)
        if (board_matches(&lab->boards[i], word))
            return true;
    return false;
}

/* Several boards' names parted by commas, by somebody who means each of them. */
static int hint_names(const struct lab *lab, const struct strv *words, struct err *err)
{
    size_t names = 0;

    for (size_t i = 0; i < words->count; i++)
        names += lab_board(lab, words->items[i]) != NULL;
    if (names < 2 || names < words->count)
        return -ERR_CONFIG;
    err_hint(err, ": a comma asks for one board that is both; try:");
    for (size_t i = 0; i < words->count; i++)
        err_hint(err, " -b %s", words->items[i]);
    return -ERR_CONFIG;
}

/* The error for a selector that no board answers to: which of its words is unknown, and what it may
 * have been. */
static int no_board(const struct lab *lab, const char *selector, struct err *err)
{
    cleanup_strv struct strv words = {0};
    size_t i = 0;

    strv_split(&words, selector, ',');
    while (i < words.count && is_known(lab, words.items[i]))
        i++;
    if (words.count && i == words.count) {
        err_set(err, ERR_CONFIG, "no board of %s has all of the labels '%s'", lab->file, selector);
        return hint_names(lab, &words, err);
    }
    err_set(err, ERR_CONFIG, "no board of %s has the name or labels '%s'", lab->file, selector);
    return lab_hint_boards(lab, words.count ? words.items[i] : selector, err);
}

int choice_select(const struct lab *lab, const struct strv *selectors, struct choice *ret,
                  struct err *err)
{
    ret->boards = xcalloc(lab->count, sizeof(void *));
    ret->count = 0;
    for (size_t i = 0; i < lab->count; i++) {
        bool chosen = false;
        for (size_t s = 0; s < selectors->count && !chosen; s++)
            chosen = board_matches(&lab->boards[i], selectors->items[s]);
        if (chosen)
            ret->boards[ret->count++] = &lab->boards[i];
    }
    for (size_t s = 0; s < selectors->count; s++) {
        bool met = false;
        for (size_t i = 0; i < ret->count && !met; i++)
            met = board_matches(ret->boards[i], selectors->items[s]);
        if (!met)
            return no_board(lab, selectors->items[s], err);
    }
    return 0;
}

int choice_default(const struct lab *lab, bool all, struct choice *ret, struct err *err)
{
    ret->boards = xcalloc(lab->count, sizeof(void *));
    ret->count = lab->count;
    for (size_t i = 0; i < lab->count; i++)
        ret->boards[i] = &lab->boards[i];
    if (lab->count == 1 || all)
        return 0;
    return err_set(err, ERR_USAGE,
                   "%s has %zu boards: choose with --board NAME or LABEL (hil boards lists them), "
                   "or take every one with --all",
                   lab->file, lab->count);
}

/* Whether a server's boards have one is for the server to say. */
static bool can_be_read(const struct board_conf *board)
{
    return board->console || board->qemu || board->server;
}

int choice_reading(struct choice *choice, struct err *err)
{
    const struct board_conf *first = choice->count ? choice->boards[0] : NULL;
    size_t kept = 0;

    for (size_t i = 0; i < choice->count; i++)
        if (can_be_read(choice->boards[i]))
            choice->boards[kept++] = choice->boards[i];
    choice->count = kept;
    if (kept || !first)
        return 0;
    return err_set(err, ERR_CONFIG,
                   "%s has no console, so nothing can be read of a test: hil flash %s=FILE only "
                   "flashes it; a console that is reached from here is console: {tcp: {host: ..., "
                   "port: ...}}, such as ser2net's",
                   first->name, first->name);
}
