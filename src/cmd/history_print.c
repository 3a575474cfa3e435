/* SPDX-License-Identifier: MIT */
#include "cmd/history_print.h"

#include "base/hash.h"
#include "base/str.h"
#include "base/term.h"
#include "report/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define DIGEST_SHOWN 8
#define COMMIT_SHOWN 8

static enum rows_format format_of(enum history_form form)
{
    return form == HISTORY_CSV ? ROWS_CSV : ROWS_JSON;
}

/* ---- rows for programs ----------------------------------------------------------------------- */

static void rows_time(struct rows *rows, const char *name, int64_t unix_us)
{
    char text[ISO_TIME_SIZE];

    rows_string(rows, name, words_iso_time(unix_us, text));
}

static void describe_counts(struct rows *rows, const struct test_counts *counts)
{
    rows_int(rows, "tests", (int64_t)counts->total);
    rows_int(rows, "passed", (int64_t)counts->pass);
    rows_int(rows, "failed", (int64_t)counts->fail);
    rows_int(rows, "errors", (int64_t)counts->error);
    rows_int(rows, "skipped", (int64_t)counts->skip);
    rows_int(rows, "flaky", (int64_t)counts->flaky);
}

static void describe_case(struct rows *rows, const struct history_case *found)
{
    rows_string(rows, "suite", found ? found->suite : NULL);
    rows_string(rows, "case", found ? found->name : NULL);
    rows_string(rows, "result", found ? case_result_name(found->result) : NULL);
    rows_seconds(rows, "duration_s", found ? found->duration_us : -1);
}

static void describe_try(struct rows *rows, const struct history_try *row)
{
    cleanup_free char *run = row->run ? xasprintf("%" PRId64, row->run) : NULL;
    cleanup_free char *watch = row->watch ? xasprintf("w%" PRId64, row->watch) : NULL;

    rows_string(rows, "id", watch ? watch : run);
    rows_string(rows, "run", run);
    rows_string(rows, "source", row->watch ? "watch" : "run");
    rows_time(rows, "time", row->started_us);
    rows_string(rows, "lab", row->lab);
    rows_string(rows, "board", row->board);
    rows_string(rows, "test", row->test);
    rows_int(rows, "attempt", row->attempt);
    rows_bool(rows, "last", row->last);
    rows_string(rows, "verdict", row->open ? NULL : verdict_name(row->verdict));
    rows_string(rows, "reason", row->reason);
    rows_string(rows, "blame", row->blame);
    rows_int(rows, "exit_code", row->exit_code);
    rows_seconds(rows, "took_s", row->took_us);
    rows_seconds(rows, "flash_s", row->flash_us > 0 ? row->flash_us : -1);
    rows_seconds(rows, "test_s", row->test_us > 0 ? row->test_us : -1);
    describe_counts(rows, &row->counts);
    rows_string(rows, "image", row->image);
    rows_string(rows, "image_sha256", row->image_sha256);
    rows_string(rows, "build_id", row->build_id);
    rows_string(rows, "tool", row->tool);
    rows_string(rows, "probe", row->probe);
    rows_string(rows, "tag", row->tag);
    rows_string(rows, "asset", row->asset);
    rows_bool(rows, "golden", row->golden);
    rows_string(rows, "commit", row->sha);
    rows_string(rows, "ref", row->ref);
    rows_string(rows, "url", row->url);
    describe_case(rows, row->found);
}

static int add_try(void *arg, const struct history_try *row)
{
    struct rows *rows = arg;

    rows_row(rows);
    describe_try(rows, row);
    rows_row_end(rows);
    return 0;
}

static int list_tries(struct store *store, const struct history_filter *filter, struct rows *rows,
                      struct err *err)
{
    int rc = 0;

    rows_list(rows, "tries");
    describe_try(rows, &(struct history_try){0});
    rows_list_rows(rows);
    if (store)
        rc = history_tries(store, filter, add_try, rows, err);
    rows_list_end(rows);
    return rc;
}

/* The document is ended whatever went wrong, so that what came before is seen. */
static int end_rows(struct rows *rows, int rc, struct err *err)
{
    int end = rows_end(rows, rc < 0 ? NULL : err);

    return rc < 0 ? rc : end;
}

/* ---- tables for people ----------------------------------------------------------------------- */

static enum term_style style_of(enum verdict verdict)
{
    return verdict == VERDICT_PASS ? TERM_PLAIN : verdict == VERDICT_FAIL ? TERM_RED : TERM_YELLOW;
}

static const char *or_dash(const char *text)
{
    return text && *text ? text : "-";
}

static char *cut(const char *text, size_t length)
{
    return text && *text ? xstrndup(text, length) : xstrdup("-");
}

static char *full_name(const struct history_case *found)
{
    return *found->suite ? xasprintf("%s.%s", found->suite, found->name) : xstrdup(found->name);
}

static char *tests_of(const struct test_counts *counts)
{
    size_t ran = counts->total - counts->skip;

    return counts->total ? xasprintf("%zu/%zu%s", counts->pass, ran, counts->flaky ? " flaky" : "")
                         : xstrdup("-");
}

static char *verdict_of(const struct history_try *row)
{
    if (row->found)
        return xstrdup(case_result_name(row->found->result));
    if (row->open)
        return xstrdup("open");
    return row->last ? xstrdup(verdict_name(row->verdict))
                     : xasprintf("%s (try %u)", verdict_name(row->verdict), row->attempt);
}

/* Where it came from: a tag, a commit. */
static char *from_of(const struct history_try *row)
{
    if (row->golden)
        return xstrdup("golden");
    return row->tag ? xstrdup(row->tag) : cut(row->sha, COMMIT_SHOWN);
}

static int add_line(void *arg, const struct history_try *row)
{
    struct term_table *table = arg;
    char when[STR_TIME_SIZE], took[32];
    int64_t took_us = row->found ? row->found->duration_us : row->took_us;
    enum verdict verdict = row->verdict;
    cleanup_free char *id =
        row->watch ? xasprintf("w%" PRId64, row->watch) : xasprintf("%" PRId64, row->run);
    cleanup_free char *test = row->found ? full_name(row->found) : xstrdup(or_dash(row->test));
    cleanup_free char *result = verdict_of(row);
    cleanup_free char *tests = row->found ? xstrdup("-") : tests_of(&row->counts);
    cleanup_free char *image = cut(row->image_sha256, DIGEST_SHOWN);
    cleanup_free char *from = from_of(row);

    if (row->found)
        verdict = row->found->result == CASE_PASS || row->found->result == CASE_SKIP ? VERDICT_PASS
                                                                                     : VERDICT_FAIL;
    term_table_row(table, style_of(verdict),
                   (const char *const[]){id, str_local_time(row->started_us / 1000000, when),
                                         or_dash(row->board), test, result, tests,
                                         took_us > 0 ? str_from_us(took_us, took) : "-", image,
                                         from, row->found || !row->reason ? "" : row->reason});
    return 0;
}

static struct term_table *new_table(void)
{
    struct term_table *table = term_table_new(10);

    term_table_row(table, TERM_DIM,
                   (const char *const[]){"RUN", "WHEN", "BOARD", "TEST", "VERDICT", "TESTS", "TOOK",
                                         "IMAGE", "FROM", "REASON"});
    return table;
}

static void print_table(struct term_table *table)
{
    struct term term = term_open(stdout);

    term_table_print(table, &term);
    term_table_free(table);
}

/* ---- lists ----------------------------------------------------------------------------------- */

struct counted {
    struct term_table *table;
    size_t count;
};

static int count_line(void *arg, const struct history_try *row)
{
    struct counted *counted = arg;

    counted->count++;
    return add_line(counted->table, row);
}

static int tries_table(struct store *store, const struct history_filter *filter, struct err *err)
{
    struct counted counted = {.table = new_table()};
    int rc = store ? history_tries(store, filter, count_line, &counted, err) : 0;

    if (rc == 0 && counted.count) {
        print_table(counted.table);
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
    rows_begin(&rows, format_of(form), STDOUT_FILENO);
    return end_rows(&rows, list_tries(store, filter, &rows, err), err);
}

static void describe_event(struct rows *rows, const struct history_event *event)
{
    rows_time(rows, "time", event->at_us);
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
                                         or_dash(event->board), event->kind, event->text});
    return 0;
}

static int events_table(struct store *store, const struct history_filter *filter, struct err *err)
{
    struct term_table *table = term_table_new(4);
    int rc;

    term_table_row(table, TERM_DIM, (const char *const[]){"WHEN", "BOARD", "EVENT", "WHAT"});
    rc = store ? history_events(store, filter, add_event_line, table, err) : 0;
    if (rc == 0)
        print_table(table);
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
    rows_begin(&rows, format_of(form), STDOUT_FILENO);
    rows_list(&rows, "events");
    describe_event(&rows, &(struct history_event){0});
    rows_list_rows(&rows);
    if (store)
        rc = history_events(store, filter, add_event, &rows, err);
    rows_list_end(&rows);
    return end_rows(&rows, rc, err);
}

/* ---- one run --------------------------------------------------------------------------------- */

static void describe_run(struct rows *rows, const struct history_run *run)
{
    rows_int(rows, "id", run->id);
    rows_time(rows, "time", run->started_us);
    rows_string(rows, "lab", run->lab);
    rows_string(rows, "verdict", verdict_name(run->verdict));
    rows_seconds(rows, "took_s", run->took_us);
    rows_int(rows, "boards", (int64_t)run->boards);
    describe_counts(rows, &run->counts);
    rows_string(rows, "repository", run->repository);
    rows_string(rows, "commit", run->sha);
    rows_string(rows, "describe", run->describe);
    rows_string(rows, "ref", run->ref);
    rows_string(rows, "url", run->url);
}

struct seen {
    struct rows *rows; /* NULL: for people */
    bool found;
};

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
    struct seen *seen = arg;

    seen->found = true;
    if (!seen->rows) {
        print_head(run);
        return 0;
    }
    rows_row(seen->rows);
    describe_run(seen->rows, run);
    rows_row_end(seen->rows);
    return 0;
}

static void describe_of_run(struct rows *rows, const struct history_try *of,
                            const struct history_case *row)
{
    rows_string(rows, "board", of->board);
    rows_string(rows, "test", of->test);
    rows_int(rows, "attempt", of->attempt);
    describe_case(rows, row);
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
    name = full_name(row);
    lines->count++;
    term_table_row(lines->table, good ? TERM_PLAIN : TERM_RED,
                   (const char *const[]){
                       or_dash(of->board), attempt, case_result_name(row->result),
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
        print_table(lines.table);
    } else {
        term_table_free(lines.table);
    }
    return rc;
}

static int run_tables(struct store *store, int64_t id, bool all, struct err *err)
{
    struct term_table *table = new_table();
    int rc = history_tries(store, &(struct history_filter){.run = id}, add_line, table, err);

    if (rc < 0) {
        term_table_free(table);
        return rc;
    }
    print_table(table);
    return cases_table(store, id, all, err);
}

static int run_rows(struct store *store, int64_t id, enum history_form form, struct err *err)
{
    struct history_filter filter = {.run = id};
    struct rows rows;
    int rc = 0;

    rows_begin(&rows, format_of(form), STDOUT_FILENO);
    if (form == HISTORY_JSON) {
        rows_list(&rows, "runs");
        rows_list_rows(&rows);
        rc = history_runs(store, &filter, see_run, &(struct seen){.rows = &rows}, err);
        rows_list_end(&rows);
        if (rc == 0)
            rc = list_tries(store, &filter, &rows, err);
    }
    if (rc == 0)
        rc = list_cases(store, id, &rows, err);
    return end_rows(&rows, rc, err);
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
        rc = err_set(err, ERR_NOT_FOUND,
                     "run %" PRId64 " is not in the history; hil history lists "
                     "the last ones",
                     id);
    if (rc < 0)
        return rc;
    if (form != HISTORY_TABLE)
        return run_rows(store, id, form, err);
    rc = history_runs(store, &filter, see_run, &(struct seen){0}, err);
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
        return add_try(search->rows, row);
    print_attempt(row);
    return 1; /* there is no other */
}

int history_print_watch(struct store *store, int64_t id, enum history_form form, struct err *err)
{
    struct watch_search search = {.id = id};
    struct rows rows;
    int rc = 0;

    if (form != HISTORY_TABLE) {
        rows_begin(&rows, format_of(form), STDOUT_FILENO);
        rows_list(&rows, "tries");
        describe_try(&rows, &(struct history_try){0});
        rows_list_rows(&rows);
        search.rows = &rows;
    }
    if (store)
        rc = history_tries(store, &(struct history_filter){0}, see_watch, &search, err);
    if (rc >= 0 && !search.found)
        rc = err_set(err, ERR_NOT_FOUND,
                     "attempt w%" PRId64 " is not in the history; hil history "
                     "lists the last ones",
                     id);
    if (!search.rows)
        return rc < 0 ? rc : 0;
    rows_list_end(&rows);
    return end_rows(&rows, rc, err);
}
