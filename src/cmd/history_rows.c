/* SPDX-License-Identifier: MIT */
#include "cmd/history_rows.h"

#include "base/str.h"
#include "report/words.h"

#include <inttypes.h>

enum rows_format history_format(enum history_form form)
{
    return form == HISTORY_CSV ? ROWS_CSV : ROWS_JSON;
}

void history_rows_time(struct rows *rows, const char *name, int64_t unix_us)
{
    char text[ISO_TIME_SIZE];

    rows_string(rows, name, words_iso_time(unix_us, text));
}

void history_rows_counts(struct rows *rows, const struct test_counts *counts)
{
    rows_int(rows, "tests", (int64_t)counts->total);
    rows_int(rows, "passed", (int64_t)counts->pass);
    rows_int(rows, "failed", (int64_t)counts->fail);
    rows_int(rows, "errors", (int64_t)counts->error);
    rows_int(rows, "skipped", (int64_t)counts->skip);
    rows_int(rows, "flaky", (int64_t)counts->flaky);
}

void history_rows_case(struct rows *rows, const struct history_case *found)
{
    rows_string(rows, "suite", found ? found->suite : NULL);
    rows_string(rows, "case", found ? found->name : NULL);
    rows_string(rows, "result", found ? case_result_name(found->result) : NULL);
    rows_seconds(rows, "duration_s", found ? found->duration_us : -1);
}

void history_rows_try(struct rows *rows, const struct history_try *row)
{
    cleanup_free char *run = row->run ? xasprintf("%" PRId64, row->run) : NULL;
    cleanup_free char *watch = row->watch ? xasprintf("w%" PRId64, row->watch) : NULL;

    rows_string(rows, "id", watch ? watch : run);
    rows_string(rows, "run", run);
    rows_string(rows, "source", row->watch ? "watch" : "run");
    history_rows_time(rows, "time", row->started_us);
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
    history_rows_counts(rows, &row->counts);
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
    history_rows_case(rows, row->found);
}

int history_rows_add_try(void *arg, const struct history_try *row)
{
    struct rows *rows = arg;

    rows_row(rows);
    history_rows_try(rows, row);
    rows_row_end(rows);
    return 0;
}

int history_rows_tries(struct store *store, const struct history_filter *filter, struct rows *rows,
                       struct err *err)
{
    int rc = 0;

    rows_list(rows, "tries");
    history_rows_try(rows, &(struct history_try){0});
    rows_list_rows(rows);
    if (store)
        rc = history_tries(store, filter, history_rows_add_try, rows, err);
    rows_list_end(rows);
    return rc;
}

/* The document is ended whatever went wrong, so that what came before is seen. */
int history_rows_end(struct rows *rows, int rc, struct err *err)
{
    int end = rows_end(rows, rc < 0 ? NULL : err);

    return rc < 0 ? rc : end;
}
