/* SPDX-License-Identifier: MIT */
#include "cmd/history_options.h"

#include "base/str.h"
#include "cmd/since.h"
#include "store/charts.h"

#include <string.h>

int history_options_take(const struct opt_row *row, const char *value,
                         struct history_filter *filter, struct err *err)
{
    switch (row->letter) {
    case 'b':
        filter->board = value;
        return 1;
    case 't':
        filter->test = value;
        return 1;
    case 's':
        return since_parse(value, &filter->since_us, err) < 0 ? -1 : 1;
    default:
        return 0;
    }
}

/* ---- which boards there are ------------------------------------------------------------------ */

/* Those of servers are for the servers to know. */
static bool is_of_lab(const struct lab *lab, const char *board)
{
    cleanup_free char *server = xstrndup(board, strcspn(board, "/"));

    return lab_board(lab, board) || (strchr(board, '/') && servers_find(&lab->servers, server));
}

static int stop(void *arg, const struct history_event *event)
{
    (void)arg;
    (void)event;
    return 1;
}

static int add_name(void *arg, const struct history_group *group)
{
    strv_add(arg, group->name);
    return 0;
}

int history_options_check(struct store *store, const struct lab *lab,
                          const struct history_filter *filter, struct err *err)
{
    const struct history_filter all = {.lab = filter->lab},
                                here = {.lab = filter->lab, .board = filter->board, .limit = 1};
    cleanup_strv struct strv names = {0};
    int rc;

    if (!filter->board || (lab && is_of_lab(lab, filter->board)))
        return 0;
    rc = store ? history_groups(store, &all, HISTORY_BY_BOARD, add_name, &names, err) : 0;
    if (rc == 0 && store && !strv_has(&names, filter->board))
        rc = history_events(store, &here, stop, NULL, err);
    if (rc != 0 || strv_has(&names, filter->board))
        return rc < 0 ? rc : 0;
    for (size_t i = 0; lab && i < lab->count; i++)
        strv_add(&names, lab->boards[i].name);
    err_set(err, ERR_USAGE, "--board: '%.80s' is no board of %s, nor is it in the history",
            filter->board, lab ? lab->file : "a lab");
    return str_hint_nearest(filter->board, (const char *const *)names.items, names.count,
                            "; hil boards lists them", err);
}
