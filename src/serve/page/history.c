/* SPDX-License-Identifier: MIT */
#include "serve/page/page_state.h"
#include "store/trends.h"

#include <stdlib.h>
#include <time.h>

#define DAYS_DEFAULT 30
#define DAYS_MAX 366
#define JOBS 60
#define DAY_US (INT64_C(86400) * 1000000)

static void put_counts(struct json_out *out, uint64_t pass, uint64_t fail, uint64_t infra,
                       int64_t took_us)
{
    json_kv_int(out, "pass", (int64_t)pass);
    json_kv_int(out, "fail", (int64_t)fail);
    json_kv_int(out, "infra", (int64_t)infra);
    json_kv_int(out, "took_us", took_us);
}

static int put_days(struct store *store, const struct store_filter *filter, struct json_out *out,
                    struct err *err)
{
    struct store_day *days = NULL;
    size_t count = 0;
    int rc = store_chart_days(store, filter, &days, &count, err);

    json_key(out, "days");
    json_array(out);
    for (size_t i = 0; i < count; i++) {
        json_object(out);
        json_kv_string(out, "day", days[i].day);
        put_counts(out, days[i].pass, days[i].fail, days[i].infra, days[i].took_us);
        json_object_end(out);
    }
    json_array_end(out);
    free(days);
    return rc;
}

static int put_shares(struct store *store, const struct store_filter *filter,
                      enum store_share_by by, struct json_out *out, struct err *err)
{
    struct store_share *shares = NULL;
    size_t count = 0;
    int rc = store_chart_shares(store, filter, by, &shares, &count, err);

    json_key(out, by == STORE_BY_TEST ? "tests" : "boards");
    json_array(out);
    for (size_t i = 0; i < count; i++) {
        const struct store_share *share = &shares[i];
        json_object(out);
        json_kv_string(out, "name", share->name);
        put_counts(out, share->pass, share->fail, share->infra, share->took_us);
        json_kv_int(out, "again", (int64_t)share->again);
        json_kv_int(out, "flaky", (int64_t)share->flaky);
        json_object_end(out);
    }
    json_array_end(out);
    free(shares);
    return rc;
}

static int put_jobs(struct store *store, const struct store_filter *filter, struct json_out *out,
                    struct err *err)
{
    struct store_chart_job *jobs = NULL;
    size_t count = 0;
    int rc = store_chart_jobs(store, filter, JOBS, &jobs, &count, err);

    json_key(out, "jobs");
    json_array(out);
    for (size_t i = 0; i < count; i++) {
        const struct store_chart_job *job = &jobs[i];
        json_object(out);
        json_kv_string(out, "board", job->board);
        json_kv_string(out, "test", job->test);
        json_kv_string(out, "verdict", verdict_name(job->verdict));
        json_kv_string(out, "reason", job->reason);
        json_kv_int(out, "time", job->started_us / 1000000);
        json_kv_int(out, "took_us", job->took_us);
        json_object_end(out);
    }
    json_array_end(out);
    free(jobs);
    return rc;
}

static int put_all(struct store *store, const struct store_filter *filter, struct json_out *out,
                   struct err *err)
{
    int rc = put_days(store, filter, out, err);

    if (rc == 0)
        rc = put_shares(store, filter, STORE_BY_TEST, out, err);
    if (rc == 0)
        rc = put_shares(store, filter, STORE_BY_BOARD, out, err);
    return rc == 0 ? put_jobs(store, filter, out, err) : rc;
}

int page_history(const struct page *page, const char *days, const char *board, const char *test,
                 struct json_out *out, struct err *err)
{
    uint64_t count = DAYS_DEFAULT;
    struct store *store = NULL;
    struct store_filter filter = {.lab = page->inventory.lab->name, .board = board, .test = test};
    int rc = days ? str_to_u64(days, DAYS_MAX, "days", &count, err) : 0;

    if (rc < 0)
        return rc;
    filter.since_us = ((int64_t)time(NULL)) * 1000000 - (int64_t)count * DAY_US;
    rc = store_open(&page->inventory.lab->store, page->state_dir, false, &store, err);
    if (rc < 0 && rc != -ERR_NOT_FOUND)
        return rc;
    json_object(out);
    json_kv_int(out, "schema", 1);
    json_kv_int(out, "span", (int64_t)count);
    rc = store ? put_all(store, &filter, out, err) : 0;
    json_object_end(out);
    store_close(store);
    return rc;
}
