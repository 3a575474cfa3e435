/* SPDX-License-Identifier: MIT */
#include "cmd/history_print.h"

#include "base/str.h"
#include "cmd/history_rows.h"
#include "cmd/history_table.h"

#include <stdio.h>
#include <unistd.h>

struct counted {
    struct term_table *table;
    size_t count;
};

static int count_line(void *arg, const struct history_try *row)
{
    struct counted *counted = arg;

    counted->count++;
    return history_table_add(counted->table, row);
}

static int tries_table(struct store *store, const struct history_filter *filter, struct err *err)
{
    struct counted counted = {.table = history_table()};
    int rc = store ? history_tries(store, filter, count_line, &counted, err) : 0;

    if (rc == 0 && counted.count) {
        history_table_print(counted.table);
        return 0;
    }
    term_table_free(counted.table);
    if (rc == 0)
        puts("nothing of that kind is in the history");
    return rc;
}

int history_print_tries(struct store *store, const struct history_filter *filter,
                        enum history_form form, struct err *err)
{
    struct rows rows;

    if (form == HISTORY_TABLE)
        return tries_table(store, filter, err);
    rows_begin(&rows, history_format(form), STDOUT_FILENO);
    return history_rows_end(&rows, history_rows_tries(store, filter, &rows, err), err);
}

static void describe_event(struct rows *rows, const struct history_event *event)
{
    history_rows_time(rows, "time", event->at_us);
    rows_string(rows, "lab", event->lab);
    rows_string(rows, "board", event->board);
    rows_string(rows, "kind", event->kind);
    rows_string(rows, "text", event->text);
}

static int add_event(void *arg, const struct history_event *event)
{
    struct rows *rows = arg;

    rows_row(rows);
    describe_event(rows, event);
    rows_row_end(rows);
    return 0;
}

static int add_event_line(void *arg, const struct history_event *event)
{
    char when[STR_TIME_SIZE];

    term_table_row(arg, TERM_PLAIN,
                   (const char *const[]){str_local_time(event->at_us / 1000000, when),
                                         history_or_dash(event->board), event->kind, event->text});
    return 0;
}

static int events_table(struct store *store, const struct history_filter *filter, struct err *err)
{
    struct term_table *table = term_table_new(4);
    int rc;

    term_table_row(table, TERM_DIM, (const char *const[]){"WHEN", "BOARD", "EVENT", "WHAT"});
    rc = store ? history_events(store, filter, add_event_line, table, err) : 0;
    if (rc == 0)
        history_table_print(table);
    else
        term_table_free(table);
    return rc;
}

int history_print_events(struct store *store, const struct history_filter *filter,
                         enum history_form form, struct err *err)
{
    struct rows rows;
    int rc = 0;

    if (form == HISTORY_TABLE)
        return events_table(store, filter, err);
    rows_begin(&rows, history_format(form), STDOUT_FILENO);
    rows_list(&rows, "events");
    describe_event(&rows, &(struct history_event){0});
    rows_list_rows(&rows);
    if (store)
        rc = history_events(store, filter, add_event, &rows, err);
    rows_list_end(&rows);
    return history_rows_end(&rows, rc, err);
}
