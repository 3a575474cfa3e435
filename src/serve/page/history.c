/* SPDX-License-Identifier: MIT */
#include "base/ctx.h"
#include "serve/page/page_state.h"
#include "store/charts.h"
#include "store/flaky.h"

#include <stdlib.h>

#define DAYS_DEFAULT 30
#define DAYS_MAX 366
#define JOBS 60
#define FLAKY 50
#define RESULTS 20000 /* that flips are looked for in: somebody waits for the answer */
#define DAY_US (INT64_C(86400) * 1000000)

/* took_us: of one that passed, on the average; null: none did. */
static void put_runs(struct json_out *out, const uint64_t *runs, int64_t passed_us)
{
    for (int verdict = VERDICT_PASS; verdict <= VERDICT_INFRA; verdict++)
        json_kv_int(out, verdict_name((enum verdict)verdict), (int64_t)runs[verdict]);
    json_key(out, "took_us");
    if (runs[VERDICT_PASS])
        json_int(out, passed_us / (int64_t)runs[VERDICT_PASS]);
    else
        json_null(out);
}

/* As hil flaky --json has it. */
static void put_flips(struct json_out *out, const struct flaky_count *count)
{
    json_kv_int(out, "pairs", (int64_t)count->pairs);
    json_kv_int(out, "flips", (int64_t)count->flips);
    json_key(out, "low");
    json_double(out, count->low, 6);
    json_key(out, "high");
    json_double(out, count->high, 6);
}

static int put_day(void *arg, const struct history_day *day)
{
    struct json_out *out = arg;

    json_object(out);
    json_kv_string(out, "day", day->day);
    put_runs(out, day->runs, day->passed_us);
    json_object_end(out);
    return 0;
}

struct group_out {
    struct json_out *out;
    const struct flaky *flaky; /* NULL: these are no boards */
};

static int put_group(void *arg, const struct history_group *group)
{
    const struct group_out *to = arg;

    json_object(to->out);
    json_kv_string(to->out, "name", group->name);
    put_runs(to->out, group->runs, group->passed_us);
    for (size_t i = 0; to->flaky && i < to->flaky->board_count; i++)
        if (str_eq(to->flaky->boards[i].board, group->name)) {
            put_flips(to->out, &to->flaky->boards[i].count);
            json_kv_bool(to->out, "stands_out", to->flaky->boards[i].stands_out);
        }
    json_object_end(to->out);
    return 0;
}

static void put_flaky(struct json_out *out, const struct flaky *flaky)
{
    json_key(out, "flaky");
    json_array(out);
    for (size_t i = 0; i < flaky->test_count && i < FLAKY; i++) {
        const struct flaky_test *test = &flaky->tests[i];
        json_object(out);
        json_kv_string(out, "suite", test->suite);
        json_kv_string(out, "name", test->name);
        json_kv_string(out, "blame", flaky_blame_name(test->blame));
        /* The first is the one that stands out, if any does. */
        json_kv_string(out, "board", test->blame == FLAKY_BOARD ? test->boards[0].board : NULL);
        put_flips(out, &test->count);
        json_object_end(out);
    }
    json_array_end(out);
}

static int put_job(void *arg, const struct history_try *job)
{
    struct json_out *out = arg;

    json_object(out);
    json_kv_string(out, "board", job->board);
    json_kv_string(out, "test", job->test);
    json_kv_string(out, "verdict", job->open ? NULL : verdict_name(job->verdict));
    json_kv_string(out, "reason", job->reason);
    json_kv_int(out, "time", job->started_us / 1000000);
    json_kv_int(out, "took_us", job->took_us);
    json_object_end(out);
    return 0;
}

static int put_groups(struct store *store, const struct history_filter *filter,
                      struct json_out *out, struct err *err)
{
    struct history_filter newest = *filter;
    struct flaky flaky = {0};
    int rc = flaky_since(store, filter, RESULTS, &newest.since_us, err);

    if (rc == 0)
        rc = flaky_find(store, &newest, &flaky, err);
    if (rc < 0)
        return rc;
    put_flaky(out, &flaky);
    json_key(out, "flaky_since"); /* null: all of the span */
    if (newest.since_us > filter->since_us)
        json_int(out, newest.since_us / 1000000);
    else
        json_null(out);
    json_key(out, "boards");
    json_array(out);
    rc = history_groups(store, filter, HISTORY_BY_BOARD, put_group,
                        &(struct group_out){out, &flaky}, err);
    json_array_end(out);
    flaky_done(&flaky);
    if (rc < 0)
        return rc;
    json_key(out, "tests");
    json_array(out);
    rc = history_groups(store, filter, HISTORY_BY_TEST, put_group, &(struct group_out){out, NULL},
                        err);
    json_array_end(out);
    return rc;
}

static int put_all(struct store *store, const struct history_filter *filter, struct json_out *out,
                   struct err *err)
{
    int rc;

    json_key(out, "days");
    json_array(out);
    rc = history_days(store, filter, put_day, out, err);
    json_array_end(out);
    if (rc == 0)
        rc = put_groups(store, filter, out, err);
    if (rc < 0)
        return rc;
    json_key(out, "jobs");
    json_array(out);
    rc = history_tries(store, filter, put_job, out, err);
    json_array_end(out);
    return rc;
}

/* ---- asked for ------------------------------------------------------------------------------- */

struct page_history {
    struct question question;
    char *lab, *board, *test;
    int64_t days;
    struct buf text;
    bool here, dropped; /* it is answered; nobody wants it any more */
};

static int ask(struct question *question, struct store *store, struct err *err)
{
    struct page_history *history = (struct page_history *)question;
    const struct history_filter filter = {.lab = history->lab,
                                          .board = history->board,
                                          .job = history->test,
                                          .since_us = ctx_unix_us() - history->days * DAY_US,
                                          .limit = JOBS};
    struct json_out out;
    int rc;

    json_begin(&out, -1, 0);
    json_object(&out);
    json_kv_int(&out, "schema", 1);
    json_kv_int(&out, "span", history->days);
    rc = store ? put_all(store, &filter, &out, err) : 0;
    json_object_end(&out);
    json_end(&out, NULL);
    history->text = out.pending;
    return rc;
}

static void forget(struct question *question)
{
    struct page_history *history = (struct page_history *)question;

    free(history->lab);
    free(history->board);
    free(history->test);
    buf_done(&history->text);
    free(history);
}

int page_history_ask(struct page *page, const char *days, const char *board, const char *test,
                     struct page_history **ret, struct err *err)
{
    const struct lab *lab = page->inventory.lab;
    uint64_t count = DAYS_DEFAULT;
    struct page_history *history;
    int rc = days ? str_to_u64(days, DAYS_MAX, "days", &count, err) : 0;

    if (rc < 0)
        return rc;
    history = xcalloc(1, sizeof *history);
    *history = (struct page_history){.lab = xstrdup(lab->name),
                                     .board = xstrdup(board),
                                     .test = xstrdup(test),
                                     .days = (int64_t)count,
                                     .text = BUF_INIT(0)};
    history->question =
        (struct question){.ask = ask, .free = forget, .url = xstrdup(lab->store.url)};
    asker_put(page->asker, &history->question);
    *ret = history;
    return 0;
}

void page_history_take(struct question *question)
{
    struct page_history *history = (struct page_history *)question;

    history->here = true;
    if (history->dropped)
        question_free(question);
}

bool page_history_is_here(const struct page_history *history)
{
    return history->here;
}

int page_history_text(const struct page_history *history, const struct buf **ret, struct err *err)
{
    *ret = &history->text;
    if (history->question.rc < 0)
        *err = history->question.err;
    return history->question.rc;
}

void page_history_drop(struct page_history *history)
{
    if (!history)
        return;
    history->dropped = true;
    if (history->here)
        question_free(&history->question);
}
