/* SPDX-License-Identifier: MIT */
#include "cmd/history_print.h"

#include "base/str.h"
#include "cmd/history_rows.h"
#include "cmd/history_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

/* ---- one run --------------------------------------------------------------------------------- */

static void describe_run(struct rows *rows, const struct history_run *run)
{
    cleanup_free char *id = xasprintf("%" PRId64, run->id); /* as in the tries */

    rows_string(rows, "id", id);
    history_rows_time(rows, "time", run->started_us);
    rows_string(rows, "lab", run->lab);
    rows_string(rows, "verdict", verdict_name(run->verdict));
    rows_seconds(rows, "took_s", run->took_us);
    rows_int(rows, "boards", (int64_t)run->boards);
    history_rows_counts(rows, &run->counts);
    rows_string(rows, "repository", run->repository);
    rows_string(rows, "commit", run->sha);
    rows_string(rows, "describe", run->describe);
    rows_string(rows, "ref", run->ref);
    rows_string(rows, "url", run->url);
}

static void print_head(const struct history_run *run)
{
    char when[STR_TIME_SIZE], took[32];

    printf("run %" PRId64 ": %s, %s, %zu board%s, %s\n", run->id, verdict_name(run->verdict),
           str_local_time(run->started_us / 1000000, when), run->boards,
           run->boards == 1 ? "" : "s", str_from_us(run->took_us, took));
    if (run->sha)
        printf("  commit %s%s%s%s%s\n", run->sha, run->describe ? ", " : "",
               run->describe ? run->describe : "", run->ref ? ", on " : "",
               run->ref ? run->ref : "");
    if (run->url || run->repository)
        printf("  %s\n", run->url ? run->url : run->repository);
    putchar('\n');
}

static int see_run(void *arg, const struct history_run *run)
{
    struct rows *rows = arg; /* NULL: for people */

    if (!rows) {
        print_head(run);
        return 0;
    }
    rows_row(rows);
    describe_run(rows, run);
    rows_row_end(rows);
    return 0;
}

static void describe_of_run(struct rows *rows, const struct history_try *of,
                            const struct history_case *row)
{
    rows_string(rows, "board", of->board);
    rows_string(rows, "test", of->test);
    rows_int(rows, "attempt", of->attempt);
    history_rows_case(rows, row);
}

static int add_case(void *arg, const struct history_try *of, const struct history_case *row)
{
    struct rows *rows = arg;

    rows_row(rows);
    describe_of_run(rows, of, row);
    rows_row_end(rows);
    return 0;
}

static int list_cases(struct store *store, int64_t id, struct rows *rows, struct err *err)
{
    int rc;

    rows_list(rows, "cases");
    describe_of_run(rows, &(struct history_try){0}, NULL);
    rows_list_rows(rows);
    rc = history_cases(store, id, NULL, add_case, rows, err);
    rows_list_end(rows);
    return rc;
}

struct case_lines {
    struct term_table *table;
    bool all;
    size_t count;
};

static int add_case_line(void *arg, const struct history_try *of, const struct history_case *row)
{
    struct case_lines *lines = arg;
    bool good = row->result == CASE_PASS || row->result == CASE_SKIP;
    cleanup_free char *name = NULL;
    cleanup_free char *attempt = xasprintf("%u", of->attempt);
    char took[32];

    if (good && !lines->all)
        return 0;
    name = history_case_name(row);
    lines->count++;
    term_table_row(lines->table, good ? TERM_PLAIN : TERM_RED,
                   (const char *const[]){
                       history_or_dash(of->board), attempt, case_result_name(row->result),
                       row->duration_us >= 0 ? str_from_us(row->duration_us, took) : "-", name});
    return 0;
}

static int cases_table(struct store *store, int64_t id, bool all, struct err *err)
{
    struct case_lines lines = {.table = term_table_new(5), .all = all};
    int rc;

    term_table_row(lines.table, TERM_DIM,
                   (const char *const[]){"BOARD", "TRY", "RESULT", "TOOK", "CASE"});
    rc = history_cases(store, id, NULL, add_case_line, &lines, err);
    if (rc == 0 && lines.count) {
        putchar('\n');
        history_table_print(lines.table);
    } else {
        term_table_free(lines.table);
    }
    return rc;
}

static int run_tables(struct store *store, int64_t id, bool all, struct err *err)
{
    struct term_table *table = history_table();
    int rc =
        history_tries(store, &(struct history_filter){.run = id}, history_table_add, table, err);

    if (rc < 0) {
        term_table_free(table);
        return rc;
    }
    history_table_print(table);
    return cases_table(store, id, all, err);
}

static int run_rows(struct store *store, int64_t id, enum history_form form, struct err *err)
{
    struct history_filter filter = {.run = id};
    struct rows rows;
    int rc = 0;

    rows_begin(&rows, history_format(form), STDOUT_FILENO);
    if (form == HISTORY_JSON) {
        rows_list(&rows, "runs");
        rows_list_rows(&rows);
        rc = history_runs(store, &filter, see_run, &rows, err);
        rows_list_end(&rows);
        if (rc == 0)
            rc = history_rows_tries(store, &filter, &rows, err);
    }
    if (rc == 0)
        rc = list_cases(store, id, &rows, err);
    return history_rows_end(&rows, rc, err);
}

static int look_for(void *arg, const struct history_run *run)
{
    (void)run;
    *(bool *)arg = true;
    return 0;
}

int history_print_run(struct store *store, int64_t id, bool all, enum history_form form,
                      struct err *err)
{
    struct history_filter filter = {.run = id};
    bool found = false;
    int rc = store ? history_runs(store, &filter, look_for, &found, err) : 0;

    if (rc == 0 && !found)
        rc = err_set(err, ERR_USAGE,
                     "run %" PRId64 " is not in the history; hil history lists "
                     "the last ones",
                     id);
    if (rc < 0)
        return rc;
    if (form != HISTORY_TABLE)
        return run_rows(store, id, form, err);
    rc = history_runs(store, &filter, see_run, NULL, err);
    return rc < 0 ? rc : run_tables(store, id, all, err);
}

/* ---- one attempt of hil watch ---------------------------------------------------------------- */

struct watch_search {
    int64_t id;
    struct rows *rows;
    bool found;
};

static void line(const char *name, const char *text)
{
    if (text && *text)
        printf("  %-8s %s\n", name, text);
}

static void print_attempt(const struct history_try *row)
{
    char when[STR_TIME_SIZE], took[32];
    cleanup_free char *run = row->run ? xasprintf("%" PRId64, row->run) : NULL;
    cleanup_free char *code = row->open ? NULL : xasprintf("%d", row->exit_code);

    printf("w%" PRId64 ": %s, %s, %s\n", row->watch,
           row->open ? "has not ended" : verdict_name(row->verdict), row->board,
           str_local_time(row->started_us / 1000000, when));
    line("reason", row->reason);
    line("took", str_from_us(row->took_us, took));
    line("exit", code);
    line("tool", row->tool);
    line("probe", row->probe);
    line("tag", row->golden ? "golden" : row->tag);
    line("asset", row->asset);
    line("sha256", row->image_sha256);
    line("run", run);
}

static int see_watch(void *arg, const struct history_try *row)
{
    struct watch_search *search = arg;

    if (row->watch != search->id)
        return 0;
    search->found = true;
    if (search->rows)
        return history_rows_add_try(search->rows, row);
    print_attempt(row);
    return 1; /* there is no other */
}

int history_print_watch(struct store *store, int64_t id, enum history_form form, struct err *err)
{
    struct watch_search search = {.id = id};
    struct rows rows;
    int rc = 0;

    if (form != HISTORY_TABLE) {
        rows_begin(&rows, history_format(form), STDOUT_FILENO);
        rows_list(&rows, "tries");
        history_rows_try(&rows, &(struct history_try){0});
        rows_list_rows(&rows);
        search.rows = &rows;
    }
    if (store)
        rc = history_tries(store, &(struct history_filter){0}, see_watch, &search, err);
    if (rc >= 0 && !search.found)
        rc = err_set(err, ERR_USAGE,
                     "attempt w%" PRId64 " is not in the history; hil history "
                     "lists the last ones",
                     id);
    if (!search.rows)
        return rc < 0 ? rc : 0;
    rows_list_end(&rows);
    return history_rows_end(&rows, rc, err);
}
