/* SPDX-License-Identifier: MIT */
#include "run/rundir.h"

#include "base/fs.h"
#include "conf/testplan.h"
#include "run/saved.h"

#include <string.h>

static void read_recovery(const cJSON *json, struct job_result *ret)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(json, "recovery");
    int count = cJSON_IsArray(list) ? cJSON_GetArraySize(list) : 0;
    struct recovery_try *tries;

    if (count == 0 || count > RECOVERY_MAX)
        return;
    ret->gave_up = json_get_bool(json, "gave_up", false);
    tries = arena_alloc(&ret->arena, (size_t)count * sizeof *tries);
    for (const cJSON *item = list->child; item; item = item->next)
        if (json_get_string(item, "step", NULL))
            tries[ret->recovery_count++] =
                (struct recovery_try){.step = saved_string(&ret->arena, item, "step"),
                                      .why = saved_string(&ret->arena, item, "why")};
    ret->recovery = tries;
}

static struct line_errors read_errors(struct saved_reader *reader, const cJSON *json)
{
    return (struct line_errors){
        .overrun = (uint64_t)saved_number(reader, json, "overrun", SAVED_BYTES_MAX),
        .buffer = (uint64_t)saved_number(reader, json, "buffer", SAVED_BYTES_MAX),
        .framing = (uint64_t)saved_number(reader, json, "framing", SAVED_BYTES_MAX),
        .parity = (uint64_t)saved_number(reader, json, "parity", SAVED_BYTES_MAX),
        .breaks = (uint64_t)saved_number(reader, json, "breaks", SAVED_BYTES_MAX),
    };
}

static void read_line(struct saved_reader *reader, const cJSON *json, struct job_result *ret)
{
    const cJSON *line = cJSON_GetObjectItemCaseSensitive(json, "line");
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(line, "gaps");
    int count = cJSON_IsArray(list) ? cJSON_GetArraySize(list) : 0;
    struct line_gap *gaps;

    if (!cJSON_IsObject(line))
        return;
    ret->capture.line_known = true;
    ret->capture.line = read_errors(reader, line);
    if (count == 0 || count > LINE_GAPS_MAX)
        return;
    gaps = arena_alloc(&ret->arena, (size_t)count * sizeof *gaps);
    for (const cJSON *item = list->child; item; item = item->next)
        gaps[ret->capture.gap_count++] =
            (struct line_gap){.at = (uint64_t)saved_number(reader, item, "at", SAVED_BYTES_MAX),
                              .us = saved_number(reader, item, "us", SAVED_SPAN_MAX_US),
                              .errors = read_errors(reader, item)};
    ret->capture.gaps = gaps;
}

static void read_facts(struct saved_reader *reader, const cJSON *json, struct job_result *ret)
{
    const cJSON *image = cJSON_GetObjectItemCaseSensitive(json, "image");
    struct arena *arena = &ret->arena;

    ret->name = saved_string(arena, json, "test");
    ret->board = saved_string(arena, json, "board");
    ret->labels = saved_strings(arena, cJSON_GetObjectItemCaseSensitive(json, "labels"));
    ret->probe = saved_string(arena, json, "probe");
    ret->image = (struct image_facts){
        .file = saved_string(arena, image, "file"),
        .format = saved_string(arena, image, "format"),
        .sha256 = saved_string(arena, image, "sha256"),
        .build_id = saved_string(arena, image, "build_id"),
        .size_bytes = (uint64_t)saved_number(reader, image, "size", SAVED_BYTES_MAX),
    };
    ret->reason = saved_string(arena, json, "reason");
    ret->end_detail = saved_string(arena, json, "end_detail");
    read_recovery(json, ret);
    ret->blame_why = saved_string(arena, json, "blame_why");
    for (int b = BLAME_NONE; b <= BLAME_FLAKY; b++)
        if (!strcmp(json_get_string(json, "blame", ""), blame_name((enum blame)b)))
            ret->blame = (enum blame)b;
    ret->started_unix_us = saved_number(reader, json, "started_unix_us", SAVED_UNIX_MAX_US);
    ret->took_us = saved_number(reader, json, "took_us", SAVED_SPAN_MAX_US);
    ret->flash_us = saved_number(reader, json, "flash_us", SAVED_SPAN_MAX_US);
    ret->test_us = saved_number(reader, json, "test_us", SAVED_SPAN_MAX_US);
    ret->capture.bytes = (uint64_t)saved_number(reader, json, "log_bytes", SAVED_BYTES_MAX);
    ret->capture.before_reset =
        (uint64_t)saved_number(reader, json, "reset_bytes", SAVED_BYTES_MAX);
    ret->capture.reset_us = saved_number(reader, json, "reset_us", SAVED_SPAN_MAX_US);
    read_line(reader, json, ret);
}

static void read_rules(struct saved_reader *reader, const cJSON *json, struct arena *arena,
                       struct job *ret)
{
    const cJSON *parse = cJSON_GetObjectItemCaseSensitive(json, "parse");
    const cJSON *expect = cJSON_GetObjectItemCaseSensitive(json, "expect");
    const cJSON *times = cJSON_GetObjectItemCaseSensitive(json, "timeouts_ms");
    const char **require =
        saved_strings(arena, cJSON_GetObjectItemCaseSensitive(expect, "require"));

    ret->parse = (struct parse_options){
        .format = saved_string(arena, parse, "format"),
        .pass = saved_string(arena, parse, "pass"),
        .fail = saved_string(arena, parse, "fail"),
        .skip = saved_string(arena, parse, "skip"),
        .end = saved_string(arena, parse, "end"),
        .resets_expected = json_get_bool(parse, "resets_expected", false),
        .identity = {.build_id = saved_string(arena, parse, "build_id"),
                     .nonce = saved_string(arena, parse, "nonce"),
                     .ask_nonce = json_get_bool(parse, "ask_nonce", false),
                     .required = json_get_bool(parse, "require_build_id", false)},
    };
    ret->expect.tests = (uint64_t)saved_number(reader, expect, "tests", SAVED_COUNT_MAX);
    for (; *require; require++)
        strv_add(&ret->expect.require, *require);
    ret->timeouts = (struct timeouts){
        .lease = saved_number(reader, times, "lease", SAVED_SPAN_MAX_US / 1000),
        .flash = saved_number(reader, times, "flash", SAVED_SPAN_MAX_US / 1000),
        .boot = saved_number(reader, times, "boot", SAVED_SPAN_MAX_US / 1000),
        .idle = saved_number(reader, times, "idle", SAVED_SPAN_MAX_US / 1000),
        .total = saved_number(reader, times, "total", SAVED_SPAN_MAX_US / 1000),
    };
}

static int read_verdict(const cJSON *json, const char *path, struct job_result *ret,
                        struct err *err)
{
    const char *verdict = json_get_string(json, "verdict", "");

    for (int v = VERDICT_PASS; v <= VERDICT_INFRA; v++)
        if (!strcmp(verdict, verdict_name((enum verdict)v)))
            ret->verdict = (enum verdict)v;
    if (strcmp(verdict, verdict_name(ret->verdict)) ||
        !capture_end_parse(json_get_string(json, "end", ""), &ret->end))
        return err_set(err, ERR_DATA, "%s: no verdict or end that hil knows", path);
    if (ret->verdict == VERDICT_PASS && ret->end == END_NONE)
        return err_set(err, ERR_DATA, "%s: a test that never began cannot have passed", path);
    return 0;
}

/* Their directories; somebody else reads them. */
static int read_attempts(const cJSON *json, const char *path, struct job_result *ret,
                         struct job *ret_job, struct err *err)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(json, "earlier");
    int count = cJSON_IsArray(list) ? cJSON_GetArraySize(list) : 0;

    ret_job->flaky_fails = json_get_bool(json, "flaky_fails", false);
    if (count > RETRIES_MAX)
        return err_set(err, ERR_DATA, "%s: more than %d earlier attempts", path, RETRIES_MAX);
    ret->earlier = xcalloc((size_t)count + 1, sizeof(struct job_result *));
    for (const cJSON *item = count ? list->child : NULL; item; item = item->next) {
        if (!cJSON_IsString(item) || !saved_lies_below(item->valuestring))
            return err_set(err, ERR_DATA,
                           "%s: an earlier attempt's directory must lie below the run's", path);
        struct job_result *earlier = ret->earlier[ret->earlier_count++] = job_result_new();
        earlier->dir = arena_strdup(&earlier->arena, item->valuestring);
    }
    return 0;
}

int rundir_read_job(const char *work_dir, struct job_result *ret, struct job *ret_job,
                    struct err *err)
{
    cleanup_free char *path = fs_join(work_dir, "job.json");
    struct saved_reader reader = {path, err, 0};
    cJSON *json = NULL;

    reader.rc = saved_read(path, &json, err);
    if (reader.rc < 0)
        return reader.rc;
    if (!json_get_string(json, "test", NULL) || !json_get_string(json, "board", NULL) ||
        !json_get_string(json, "reason", NULL)) {
        reader.rc = err_set(err, ERR_DATA, "%s: has no test, board or reason", path);
    } else {
        read_facts(&reader, json, ret);
        read_rules(&reader, json, &ret->arena, ret_job);
        if (reader.rc == 0)
            reader.rc = read_verdict(json, path, ret, err);
        if (reader.rc == 0)
            reader.rc = read_attempts(json, path, ret, ret_job, err);
    }
    cJSON_Delete(json);
    return reader.rc;
}
