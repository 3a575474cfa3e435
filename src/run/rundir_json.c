/* SPDX-License-Identifier: MIT
 *
 * job.json and run.json, written and read. What is read may be anybody's: every number has its
 * bounds, and nothing in it leads out of the run directory.
 */
#include "base/fs.h"
#include "base/json.h"
#include "conf/testplan.h"
#include "run/file_table.h"
#include "run/rundir_parts.h"

#include <inttypes.h>
#include <string.h>

#define JSON_MAX ((size_t)16 * 1024 * 1024)
#define SCHEMA 1

/* What numbers of a job.json may be: sums of them stay far from what overflows. */
#define COUNT_MAX INT64_C(1000000000)
#define BYTES_MAX (INT64_C(1) << 50)
#define SPAN_MAX_US INT64_C(1000000000000000)   /* 31 years */
#define UNIX_MAX_US INT64_C(253402300799000000) /* the end of 9999 */

/* ---- reading JSON of ours ---------------------------------------------------------------- */

/* An object of this version's schema, or an error. */
static int read_json(const char *path, cJSON **ret, struct err *err)
{
    cleanup_buf struct buf text = BUF_INIT(JSON_MAX);
    int rc = fs_read(path, &text, err);

    if (rc == 0)
        rc = json_parse(text.data, text.size, JSON_MAX, path, ret, err);
    if (rc < 0 || json_get_int(*ret, "schema", 0) == SCHEMA)
        return rc;
    cJSON_Delete(*ret);
    *ret = NULL;
    return err_set(err, ERR_DATA, "%s: not written by this version of hil run", path);
}

int rundir_read_marker(const char *path, cJSON **ret, struct err *err)
{
    int rc = read_json(path, ret, err);

    if (rc < 0 || cJSON_IsArray(cJSON_GetObjectItemCaseSensitive(*ret, "jobs")))
        return rc;
    cJSON_Delete(*ret);
    *ret = NULL;
    return err_set(err, ERR_DATA, "%s: lists no jobs", path);
}

/* ---- job.json ---------------------------------------------------------------------------- */

static void write_strings(struct json_out *out, const char *name, const char *const *items)
{
    json_key(out, name);
    json_array(out);
    for (; items && *items; items++)
        json_string(out, *items);
    json_array_end(out);
}

static void write_image(struct json_out *out, const struct image_facts *image)
{
    json_key(out, "image");
    json_object(out);
    json_kv_string(out, "file", image->file);
    json_kv_string(out, "format", image->format);
    json_kv_string(out, "sha256", image->sha256);
    json_kv_string(out, "build_id", image->build_id);
    json_kv_int(out, "size", (int64_t)image->size_bytes);
    json_object_end(out);
}

static void write_parse(struct json_out *out, const struct parse_options *parse)
{
    json_key(out, "parse");
    json_object(out);
    json_kv_string(out, "format", parse->format);
    json_kv_string(out, "pass", parse->pass);
    json_kv_string(out, "fail", parse->fail);
    json_kv_string(out, "skip", parse->skip);
    json_kv_string(out, "end", parse->end);
    json_kv_bool(out, "resets_expected", parse->resets_expected);
    json_kv_string(out, "build_id", parse->identity.build_id);
    json_kv_bool(out, "require_build_id", parse->identity.required);
    json_kv_bool(out, "ask_nonce", parse->identity.ask_nonce);
    json_kv_string(out, "nonce", parse->identity.nonce);
    json_object_end(out);
}

static void write_rules(struct json_out *out, const struct job *job)
{
    const struct timeouts *timeouts = &job->timeouts;

    json_key(out, "expect");
    json_object(out);
    json_kv_int(out, "tests", (int64_t)job->expect.tests);
    write_strings(out, "require", (const char *const *)job->expect.require.items);
    json_object_end(out);
    json_key(out, "timeouts_ms");
    json_object(out);
    json_kv_int(out, "lease", timeouts->lease);
    json_kv_int(out, "flash", timeouts->flash);
    json_kv_int(out, "boot", timeouts->boot);
    json_kv_int(out, "idle", timeouts->idle);
    json_kv_int(out, "total", timeouts->total);
    json_object_end(out);
}

/* Only where there can be several: as it always was, otherwise. */
static void write_attempts(struct json_out *out, const struct job_result *result,
                           const struct job *job)
{
    if (!job->retries && !result->earlier_count)
        return;
    json_kv_int(out, "retries", job->retries);
    json_kv_bool(out, "flaky_fails", job->flaky_fails);
    json_key(out, "earlier");
    json_array(out);
    for (size_t i = 0; i < result->earlier_count; i++)
        json_string(out, result->earlier[i]->dir);
    json_array_end(out);
}

/* Only where the flash had failed. */
static void write_recovery(struct json_out *out, const struct job_result *result)
{
    if (!result->recovery_count)
        return;
    json_key(out, "recovery");
    json_array(out);
    for (size_t i = 0; i < result->recovery_count; i++) {
        json_object(out);
        json_kv_string(out, "step", result->recovery[i].step);
        json_kv_string(out, "why", result->recovery[i].why);
        json_object_end(out);
    }
    json_array_end(out);
    json_kv_bool(out, "gave_up", result->gave_up);
}

static void write_errors(struct json_out *out, const struct line_errors *errors)
{
    json_kv_int(out, "overrun", (int64_t)errors->overrun);
    json_kv_int(out, "buffer", (int64_t)errors->buffer);
    json_kv_int(out, "framing", (int64_t)errors->framing);
    json_kv_int(out, "parity", (int64_t)errors->parity);
    json_kv_int(out, "breaks", (int64_t)errors->breaks);
}

/* Only where the console's tty counts. */
static void write_line(struct json_out *out, const struct capture_stats *capture)
{
    if (!capture->line_known)
        return;
    json_key(out, "line");
    json_object(out);
    write_errors(out, &capture->line);
    json_key(out, "gaps");
    json_array(out);
    for (size_t i = 0; i < capture->gap_count; i++) {
        json_object(out);
        json_kv_int(out, "at", (int64_t)capture->gaps[i].at);
        json_kv_int(out, "us", capture->gaps[i].us);
        write_errors(out, &capture->gaps[i].errors);
        json_object_end(out);
    }
    json_array_end(out);
    json_object_end(out);
}

int rundir_write_job(const char *work_dir, const struct job_result *result, const struct job *job,
                     struct err *err)
{
    cleanup_free char *path = fs_join(work_dir, "job.json");
    struct json_out out;
    int rc;

    json_begin(&out, -1, 2);
    json_object(&out);
    json_kv_int(&out, "schema", SCHEMA);
    json_kv_string(&out, "test", result->name);
    json_kv_string(&out, "board", result->board);
    write_strings(&out, "labels", result->labels);
    json_kv_string(&out, "probe", result->probe);
    write_image(&out, &result->image);
    write_parse(&out, &job->parse);
    write_rules(&out, job);
    write_attempts(&out, result, job);
    write_recovery(&out, result);
    if (result->blame_why) {
        json_kv_string(&out, "blame", blame_name(result->blame));
        json_kv_string(&out, "blame_why", result->blame_why);
    }
    json_kv_string(&out, "verdict", verdict_name(result->verdict));
    json_kv_string(&out, "reason", result->reason);
    json_kv_string(&out, "end", capture_end_name(result->end));
    json_kv_string(&out, "end_detail", result->end_detail);
    json_kv_int(&out, "started_unix_us", result->started_unix_us);
    json_kv_int(&out, "took_us", result->took_us);
    json_kv_int(&out, "flash_us", result->flash_us);
    json_kv_int(&out, "test_us", result->test_us);
    json_kv_int(&out, "log_bytes", (int64_t)result->capture.bytes);
    json_kv_int(&out, "reset_bytes", (int64_t)result->capture.before_reset);
    json_kv_int(&out, "reset_us", result->capture.reset_us);
    write_line(&out, &result->capture);
    json_object_end(&out);
    rc = json_end(&out, err);
    if (rc == 0)
        rc = fs_write(path, out.pending.data, out.pending.size, err);
    json_done(&out);
    return rc;
}

/* ---- job.json, read ---------------------------------------------------------------------- */

static const char **read_strings(struct arena *arena, const cJSON *list)
{
    size_t count = cJSON_IsArray(list) ? (size_t)cJSON_GetArraySize(list) : 0, n = 0;
    const char **items = arena_alloc(arena, (count + 1) * sizeof *items);

    for (const cJSON *item = count ? list->child : NULL; item; item = item->next)
        if (cJSON_IsString(item))
            items[n++] = arena_strdup(arena, item->valuestring);
    return items;
}

static const char *read_string(struct arena *arena, const cJSON *object, const char *name)
{
    return arena_strdup(arena, json_get_string(object, name, NULL));
}

/* Where to say so when a number is none. */
struct reader {
    const char *path;
    struct err *err;
    int rc; /* of the first mistake */
};

static int64_t read_number(struct reader *reader, const cJSON *object, const char *name,
                           int64_t max)
{
    int64_t value = json_get_int(object, name, -1);

    if (value >= 0 && value <= max)
        return value;
    if (reader->rc == 0)
        reader->rc = err_set(reader->err, ERR_DATA, "%s: '%s' is no number from 0 to %" PRId64,
                             reader->path, name, max);
    return 0;
}

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
                (struct recovery_try){.step = read_string(&ret->arena, item, "step"),
                                      .why = read_string(&ret->arena, item, "why")};
    ret->recovery = tries;
}

static struct line_errors read_errors(struct reader *reader, const cJSON *json)
{
    return (struct line_errors){
        .overrun = (uint64_t)read_number(reader, json, "overrun", BYTES_MAX),
        .buffer = (uint64_t)read_number(reader, json, "buffer", BYTES_MAX),
        .framing = (uint64_t)read_number(reader, json, "framing", BYTES_MAX),
        .parity = (uint64_t)read_number(reader, json, "parity", BYTES_MAX),
        .breaks = (uint64_t)read_number(reader, json, "breaks", BYTES_MAX),
    };
}

static void read_line(struct reader *reader, const cJSON *json, struct job_result *ret)
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
            (struct line_gap){.at = (uint64_t)read_number(reader, item, "at", BYTES_MAX),
                              .us = read_number(reader, item, "us", SPAN_MAX_US),
                              .errors = read_errors(reader, item)};
    ret->capture.gaps = gaps;
}

static void read_facts(struct reader *reader, const cJSON *json, struct job_result *ret)
{
    const cJSON *image = cJSON_GetObjectItemCaseSensitive(json, "image");
    struct arena *arena = &ret->arena;

    ret->name = read_string(arena, json, "test");
    ret->board = read_string(arena, json, "board");
    ret->labels = read_strings(arena, cJSON_GetObjectItemCaseSensitive(json, "labels"));
    ret->probe = read_string(arena, json, "probe");
    ret->image = (struct image_facts){
        .file = read_string(arena, image, "file"),
        .format = read_string(arena, image, "format"),
        .sha256 = read_string(arena, image, "sha256"),
        .build_id = read_string(arena, image, "build_id"),
        .size_bytes = (uint64_t)read_number(reader, image, "size", BYTES_MAX),
    };
    ret->reason = read_string(arena, json, "reason");
    ret->end_detail = read_string(arena, json, "end_detail");
    read_recovery(json, ret);
    ret->blame_why = read_string(arena, json, "blame_why");
    for (int b = BLAME_NONE; b <= BLAME_FLAKY; b++)
        if (!strcmp(json_get_string(json, "blame", ""), blame_name((enum blame)b)))
            ret->blame = (enum blame)b;
    ret->started_unix_us = read_number(reader, json, "started_unix_us", UNIX_MAX_US);
    ret->took_us = read_number(reader, json, "took_us", SPAN_MAX_US);
    ret->flash_us = read_number(reader, json, "flash_us", SPAN_MAX_US);
    ret->test_us = read_number(reader, json, "test_us", SPAN_MAX_US);
    ret->capture.bytes = (uint64_t)read_number(reader, json, "log_bytes", BYTES_MAX);
    ret->capture.before_reset = (uint64_t)read_number(reader, json, "reset_bytes", BYTES_MAX);
    ret->capture.reset_us = read_number(reader, json, "reset_us", SPAN_MAX_US);
    read_line(reader, json, ret);
}

static void read_rules(struct reader *reader, const cJSON *json, struct arena *arena,
                       struct job *ret)
{
    const cJSON *parse = cJSON_GetObjectItemCaseSensitive(json, "parse");
    const cJSON *expect = cJSON_GetObjectItemCaseSensitive(json, "expect");
    const cJSON *times = cJSON_GetObjectItemCaseSensitive(json, "timeouts_ms");
    const char **require = read_strings(arena, cJSON_GetObjectItemCaseSensitive(expect, "require"));

    ret->parse = (struct parse_options){
        .format = read_string(arena, parse, "format"),
        .pass = read_string(arena, parse, "pass"),
        .fail = read_string(arena, parse, "fail"),
        .skip = read_string(arena, parse, "skip"),
        .end = read_string(arena, parse, "end"),
        .resets_expected = json_get_bool(parse, "resets_expected", false),
        .identity = {.build_id = read_string(arena, parse, "build_id"),
                     .nonce = read_string(arena, parse, "nonce"),
                     .ask_nonce = json_get_bool(parse, "ask_nonce", false),
                     .required = json_get_bool(parse, "require_build_id", false)},
    };
    ret->expect.tests = (uint64_t)read_number(reader, expect, "tests", COUNT_MAX);
    for (; *require; require++)
        strv_add(&ret->expect.require, *require);
    ret->timeouts = (struct timeouts){
        .lease = read_number(reader, times, "lease", SPAN_MAX_US / 1000),
        .flash = read_number(reader, times, "flash", SPAN_MAX_US / 1000),
        .boot = read_number(reader, times, "boot", SPAN_MAX_US / 1000),
        .idle = read_number(reader, times, "idle", SPAN_MAX_US / 1000),
        .total = read_number(reader, times, "total", SPAN_MAX_US / 1000),
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

/* A job's directory as a file of ours names it must lie below the run directory: no part of it is empty
 * or begins with a dot. */
static bool lies_below(const char *dir)
{
    for (const char *part = dir;; part++) {
        size_t length = strcspn(part, "/");
        if (!length || part[0] == '.')
            return false;
        part += length;
        if (!*part)
            return true;
    }
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
        if (!cJSON_IsString(item) || !lies_below(item->valuestring))
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
    struct reader reader = {path, err, 0};
    cJSON *json = NULL;

    reader.rc = read_json(path, &json, err);
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

/* ---- run.json ---------------------------------------------------------------------------- */

static void write_origin(struct json_out *out, const struct run_origin *origin)
{
    json_key(out, "origin");
    json_object(out);
    json_kv_string(out, "server_url", origin->server_url);
    json_kv_string(out, "repository", origin->repository);
    json_kv_string(out, "commit", origin->sha);
    json_kv_string(out, "run_url", origin->run_url);
    json_kv_string(out, "describe", origin->describe);
    json_kv_bool(out, "dirty_known", origin->dirty_known);
    json_kv_bool(out, "dirty", origin->dirty);
    json_kv_bool(out, "files_known", origin->files_known);
    json_object_end(out);
}

static struct run_origin read_origin(struct arena *arena, const cJSON *run)
{
    const cJSON *origin = cJSON_GetObjectItemCaseSensitive(run, "origin");

    return (struct run_origin){
        .server_url = read_string(arena, origin, "server_url"),
        .repository = read_string(arena, origin, "repository"),
        .sha = read_string(arena, origin, "commit"),
        .run_url = read_string(arena, origin, "run_url"),
        .describe = read_string(arena, origin, "describe"),
        .dirty_known = json_get_bool(origin, "dirty_known", false),
        .dirty = json_get_bool(origin, "dirty", false),
        .files_known = json_get_bool(origin, "files_known", false),
    };
}

int rundir_write_run(const char *path, const struct run_result *run, struct err *err)
{
    cleanup_free char *file = fs_join(path, "run.json");
    struct json_out out;
    int rc;

    json_begin(&out, -1, 2);
    json_object(&out);
    json_kv_int(&out, "schema", SCHEMA);
    json_kv_string(&out, "version", run->version);
    json_kv_string(&out, "lab", run->lab);
    json_kv_int(&out, "started_unix_us", run->started_unix_us);
    json_kv_int(&out, "took_us", run->took_us);
    json_kv_bool(&out, "finished", run->count > 0);
    json_key(&out, "jobs");
    json_array(&out);
    for (size_t i = 0; i < run->count; i++)
        json_string(&out, run->jobs[i]->dir);
    json_array_end(&out);
    write_origin(&out, &run->origin);
    json_key(&out, "files");
    file_table_write(&out, run);
    json_object_end(&out);
    rc = json_end(&out, err);
    if (rc == 0)
        rc = fs_write(file, out.pending.data, out.pending.size, err);
    json_done(&out);
    return rc;
}

/* The jobs' directories: as run.json lists them, or, of a run that was killed, as they lie there.
 */
static int list_jobs(const char *path, const cJSON *json, struct strv *ret, struct err *err)
{
    const cJSON *jobs = cJSON_GetObjectItemCaseSensitive(json, "jobs");

    if (!json_get_bool(json, "finished", false)) {
        rundir_find_jobs(path, ret);
        return 0;
    }
    for (const cJSON *item = jobs->child; item; item = item->next) {
        if (!cJSON_IsString(item) || !lies_below(item->valuestring))
            return err_set(err, ERR_DATA, "%s/run.json: a job's directory must lie below it", path);
        strv_add(ret, item->valuestring);
    }
    return 0;
}

int rundir_read_run(const char *path, struct run_result *ret, struct err *err)
{
    cleanup_free char *file = fs_join(path, "run.json");
    cleanup_strv struct strv jobs = {0};
    struct reader reader = {file, err, 0};
    cJSON *json = NULL;

    reader.rc = rundir_read_marker(file, &json, err);
    if (reader.rc == 0)
        reader.rc = list_jobs(path, json, &jobs, err);
    if (reader.rc == 0) {
        ret->started_unix_us = read_number(&reader, json, "started_unix_us", UNIX_MAX_US);
        ret->took_us = read_number(&reader, json, "took_us", SPAN_MAX_US);
    }
    if (reader.rc == 0)
        ret->jobs = xcalloc(jobs.count, sizeof(struct job_result *));
    for (size_t i = 0; reader.rc == 0 && i < jobs.count; i++) {
        struct job_result *job = ret->jobs[ret->count++] = job_result_new();
        job->dir = arena_strdup(&job->arena, jobs.items[i]);
    }
    ret->lab = read_string(&ret->arena, json, "lab");
    ret->version = read_string(&ret->arena, json, "version");
    ret->origin = read_origin(&ret->arena, json);
    cJSON_Delete(json);
    return reader.rc;
}

int rundir_read_files(const char *path, struct run_result *run, size_t first, struct err *err)
{
    cleanup_free char *file = fs_join(path, "run.json");
    cJSON *json = NULL;
    int rc = rundir_read_marker(file, &json, err);

    if (rc < 0)
        return rc;
    rc = file_table_read(cJSON_GetObjectItemCaseSensitive(json, "files"), run, first, err);
    cJSON_Delete(json);
    return rc < 0 ? err_wrap(err, "%s", file) : 0;
}
