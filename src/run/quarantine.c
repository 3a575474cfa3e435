/* SPDX-License-Identifier: MIT */
#include "run/quarantine.h"

#include "base/str.h"

#include <stdlib.h>
#include <time.h>

static void warn(struct events *events, const char *board, const char *text)
{
    event_emit(events, (struct event){.kind = EVENT_WARNING, .board = board, .text = text});
}

char *quarantine_words(struct store *store, const char *lab, const char *board)
{
    struct store_quarantine found;
    char since[STR_TIME_SIZE];

    if (!store || !store_quarantined(store, lab, board, &found))
        return NULL;
    return xasprintf("in quarantine since %s: %s; once it is mended: hil boards --release %s",
                     str_local_time(found.unix_s, since), found.reason, board);
}

static bool has_board(const struct job *job, const struct board_conf *board)
{
    for (size_t i = 0; i < job->board_count; i++)
        if (job->boards[i] == board)
            return true;
    return false;
}

/* True: the job goes on without the board. It keeps its last candidate, for its result to name;
 * then it is barred, and its end says why. */
static bool leave_out(struct job *job, const struct board_conf *board, const char *words)
{
    size_t kept = 0;

    if (!has_board(job, board) || job->barred)
        return false;
    if (job->board_count == 1) {
        job->barred = xasprintf("%s is %s", board->name, words);
        return false;
    }
    for (size_t i = 0; i < job->board_count; i++)
        if (job->boards[i] != board)
            job->boards[kept++] = job->boards[i];
    job->board_count = kept;
    return true;
}

void quarantine_leave_out(struct store *store, const struct lab *lab, struct job *jobs,
                          size_t count, struct events *events)
{
    for (size_t b = 0; b < lab->count; b++) {
        const struct board_conf *board = &lab->boards[b];
        cleanup_free char *words = board->barred ? xstrdup(board->barred)
                                                 : quarantine_words(store, lab->name, board->name);
        bool wanted = false;
        for (size_t i = 0; words && i < count; i++)
            wanted |= leave_out(&jobs[i], board, words);
        if (wanted)
            warn(events, board->name, words);
    }
    if (store && store_trouble(store)) {
        cleanup_free char *words =
            xasprintf("not every quarantine is known: %s", store_trouble(store)->message);
        warn(events, NULL, words);
    }
}

void quarantine_add(struct store *store, const char *lab, const char *board, const char *reason,
                    struct events *events, struct notifier *notifier)
{
    cleanup_free char *words = NULL;
    struct store_quarantine before;
    struct err err = {0};

    if (!store)
        return;
    if (!store_quarantined(store, lab, board, &before))
        notifier_board(notifier, NOTICE_QUARANTINE, board, "goes into quarantine: %s", reason);
    if (store_quarantine(store, lab, board, reason, (int64_t)time(NULL), &err) < 0)
        words = xasprintf("it could not be put into quarantine: %s", err.message);
    else
        words = xasprintf("goes into quarantine: nothing is run on it before hil boards --release "
                          "%s",
                          board);
    warn(events, board, words);
}
