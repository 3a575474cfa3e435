/* SPDX-License-Identifier: MIT */
#include "run/rundir.h"

#include "base/fs.h"
#include "base/json.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define JSON_MAX (16u * 1024 * 1024)
#define SCHEMA 1

/* ---- the directory ----------------------------------------------------------------------------- */

static const char *const run_files[] = {"run.json",   "junit.xml",   "report.json",
                                        "summary.md", "report.html", "events.jsonl",
                                        "build.log",  NULL};
static const char *const job_files[] = {"job.json",   "uart.log",     "uart.timing", "flash.log",
                                        "power.log",  "reset.log",    "firmware.bin", "firmware.hex",
                                        "firmware.elf", "firmware.srec", "firmware.uf2", NULL};

static void remove_files(const char *dir, const char *const *names)
{
    for (; *names; names++) {
        cleanup_free char *path = fs_join(dir, *names);
        unlink(path);
    }
}

static bool is_job(const char *dir)
{
    cleanup_free char *marker = fs_join(dir, "job.json");

    return fs_exists(marker);
}

/* Adds the directories below `path` that hold a job.json, named relative to it: BOARD, BOARD/TEST. */
static void find_jobs(const char *path, const char *below, struct strv *ret)
{
    cleanup_free char *dir = fs_join(path, below);
    struct dirent **entries;
    int count = scandir(dir, &entries, NULL, alphasort);

    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        cleanup_free char *relative = below[0] ? fs_join(below, name) : xstrdup(name);
        cleanup_free char *full = fs_join(path, relative);
        struct stat info;
        if (name[0] != '.' && lstat(full, &info) == 0 && S_ISDIR(info.st_mode)) {
            if (is_job(full))
                strv_add(ret, relative);
            else if (!below[0])
                find_jobs(path, relative, ret);
        }
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

/* Removes what an earlier run left there, finished or not, and nothing else. */
static void remove_earlier(const char *path)
{
    cleanup_strv struct strv jobs = {0};

    find_jobs(path, "", &jobs);
    for (size_t i = 0; i < jobs.count; i++) {
        cleanup_free char *dir = fs_join(path, jobs.items[i]);
        cleanup_free char *parent = fs_dirname(dir);
        remove_files(dir, job_files);
        rmdir(dir); /* stays where somebody put a file of their own into it */
        if (strchr(jobs.items[i], '/'))
            rmdir(parent);
    }
    remove_files(path, run_files);
}

static bool is_empty(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    bool empty = true;

    while (dir && empty && (entry = readdir(dir)))
        empty = !strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..");
    if (dir)
        closedir(dir);
    return empty;
}

int rundir_prepare(const char *path, struct err *err)
{
    cleanup_free char *marker = fs_join(path, "run.json");
    struct run_result begun = {0};
    int rc;

    if (fs_exists(marker))
        remove_earlier(path);
    else if (!is_empty(path))
        return err_set(err, ERR_USAGE,
                       "%s: is not empty and was not written by hil run; name another with --out",
                       path);
    rc = fs_mkdirs(path, 0777, err);
    return rc < 0 ? rc : rundir_write_run(path, &begun, err);
}

char *rundir_job_dir(const char *board, const char *test, bool several_tests)
{
    cleanup_free char *board_name = fs_safe_name(board);
    cleanup_free char *test_name = fs_safe_name(test);

    return several_tests ? fs_join(board_name, test_name) : xstrdup(board_name);
}

/* ---- job.json ---------------------------------------------------------------------------------- */

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
    write_image(&out, &result->image);
    write_parse(&out, &job->parse);
    write_rules(&out, job);
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
    json_object_end(&out);
    rc = json_end(&out, err);
    if (rc == 0)
        rc = fs_write(path, out.pending.data, out.pending.size, err);
    json_done(&out);
    return rc;
}

static int read_json(const char *path, cJSON **ret, struct err *err)
{
    cleanup_buf struct buf text = BUF_INIT(JSON_MAX);
    int rc = fs_read(path, &text, err);

    return rc < 0 ? rc : json_parse(text.data, text.size, JSON_MAX, path, ret, err);
}

static const char **read_strings(struct arena *arena, const cJSON *list)
{
    int count = cJSON_IsArray(list) ? cJSON_GetArraySize(list) : 0;
    const char **items = arena_alloc(arena, ((size_t)count + 1) * sizeof *items);
    const cJSON *item;
    size_t n = 0;

    if (count)
        cJSON_ArrayForEach(item, list) if (cJSON_IsString(item)) items[n++] =
            arena_strdup(arena, item->valuestring);
    return items;
}

static const char *read_string(struct arena *arena, const cJSON *object, const char *name)
{
    return arena_strdup(arena, json_get_string(object, name, NULL));
}

static void read_facts(const cJSON *json, struct job_result *ret)
{
    const cJSON *image = cJSON_GetObjectItemCaseSensitive(json, "image");
    struct arena *arena = &ret->arena;

    ret->name = read_string(arena, json, "test");
    ret->board = read_string(arena, json, "board");
    ret->labels = read_strings(arena, cJSON_GetObjectItemCaseSensitive(json, "labels"));
    ret->image = (struct image_facts){
        .file = read_string(arena, image, "file"),
        .format = read_string(arena, image, "format"),
        .sha256 = read_string(arena, image, "sha256"),
        .build_id = read_string(arena, image, "build_id"),
        .size_bytes = (uint64_t)json_get_int(image, "size", 0),
    };
    ret->reason = read_string(arena, json, "reason");
    ret->end_detail = read_string(arena, json, "end_detail");
    ret->started_unix_us = json_get_int(json, "started_unix_us", 0);
    ret->took_us = json_get_int(json, "took_us", 0);
    ret->flash_us = json_get_int(json, "flash_us", 0);
    ret->test_us = json_get_int(json, "test_us", 0);
    ret->capture.bytes = (uint64_t)json_get_int(json, "log_bytes", 0);
    ret->capture.before_reset = (uint64_t)json_get_int(json, "reset_bytes", 0);
    ret->capture.reset_us = json_get_int(json, "reset_us", 0);
}

static void read_rules(const cJSON *json, struct arena *arena, struct job *ret)
{
    const cJSON *parse = cJSON_GetObjectItemCaseSensitive(json, "parse");
    const cJSON *expect = cJSON_GetObjectItemCaseSensitive(json, "expect");
    const cJSON *times = cJSON_GetObjectItemCaseSensitive(json, "timeouts_ms");
    const char **require =
        read_strings(arena, cJSON_GetObjectItemCaseSensitive(expect, "require"));

    ret->parse = (struct parse_options){
        .format = read_string(arena, parse, "format"),
        .pass = read_string(arena, parse, "pass"),
        .fail = read_string(arena, parse, "fail"),
        .skip = read_string(arena, parse, "skip"),
        .end = read_string(arena, parse, "end"),
        .resets_expected = json_get_bool(parse, "resets_expected", false),
    };
    ret->expect.tests = (uint64_t)json_get_int(expect, "tests", 0);
    for (; *require; require++)
        strv_add(&ret->expect.require, *require);
    ret->timeouts = (struct timeouts){
        .lease = json_get_int(times, "lease", timeouts_default.lease),
        .flash = json_get_int(times, "flash", timeouts_default.flash),
        .boot = json_get_int(times, "boot", timeouts_default.boot),
        .idle = json_get_int(times, "idle", timeouts_default.idle),
        .total = json_get_int(times, "total", timeouts_default.total),
    };
}

static int read_verdict(const cJSON *json, const char *path, struct job_result *ret, struct err *err)
{
    const char *verdict = json_get_string(json, "verdict", "");

    for (int v = VERDICT_PASS; v <= VERDICT_INFRA; v++)
        if (!strcmp(verdict, verdict_name((enum verdict)v)))
            ret->verdict = (enum verdict)v;
    if (strcmp(verdict, verdict_name(ret->verdict)) ||
        !capture_end_parse(json_get_string(json, "end", ""), &ret->end))
        return err_set(err, ERR_DATA, "%s: no verdict or end that hil knows", path);
    return 0;
}

int rundir_read_job(const char *work_dir, struct job_result *ret, struct job *ret_job,
                    struct err *err)
{
    cleanup_free char *path = fs_join(work_dir, "job.json");
    cJSON *json = NULL;
    int rc = read_json(path, &json, err);

    if (rc < 0)
        return rc;
    if (json_get_int(json, "schema", 0) != SCHEMA || !json_get_string(json, "test", NULL) ||
        !json_get_string(json, "board", NULL) || !json_get_string(json, "reason", NULL)) {
        rc = err_set(err, ERR_DATA, "%s: not written by this version of hil run", path);
    } else {
        read_facts(json, ret);
        read_rules(json, &ret->arena, ret_job);
        rc = read_verdict(json, path, ret, err);
    }
    cJSON_Delete(json);
    return rc;
}

/* ---- run.json ---------------------------------------------------------------------------------- */

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
    json_object_end(&out);
    rc = json_end(&out, err);
    if (rc == 0)
        rc = fs_write(file, out.pending.data, out.pending.size, err);
    json_done(&out);
    return rc;
}

/* A directory's name from run.json must not lead out of the run directory. */
static bool leads_out(const char *dir)
{
    return dir[0] == '/' || !strcmp(dir, "..") || str_starts(dir, "../") || str_ends(dir, "/..") ||
           strstr(dir, "/../");
}

/* The jobs' directories: as run.json lists them, or, of a run that was killed, as they lie there. */
static int list_jobs(const char *path, const cJSON *json, struct strv *ret, struct err *err)
{
    const cJSON *item;

    if (!json_get_bool(json, "finished", false))
        find_jobs(path, "", ret);
    else
        cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(json, "jobs"))
        {
            if (!cJSON_IsString(item) || leads_out(item->valuestring))
                return err_set(err, ERR_DATA, "%s: a job's directory must lie below it", path);
            strv_add(ret, item->valuestring);
        }
    return 0;
}

int rundir_read_run(const char *path, struct run_result *ret, struct err *err)
{
    cleanup_free char *file = fs_join(path, "run.json");
    cleanup_strv struct strv jobs = {0};
    cJSON *json = NULL;
    int rc = read_json(file, &json, err);

    if (rc == 0)
        rc = list_jobs(path, json, &jobs, err);
    ret->jobs = xcalloc(jobs.count, sizeof(struct job_result *));
    for (size_t i = 0; rc == 0 && i < jobs.count; i++) {
        struct job_result *job = ret->jobs[ret->count++] = job_result_new();
        job->dir = arena_strdup(&job->arena, jobs.items[i]);
    }
    if (ret->count) {
        struct arena *arena = &ret->jobs[0]->arena;
        ret->lab = read_string(arena, json, "lab");
        ret->version = read_string(arena, json, "version");
    }
    ret->started_unix_us = json_get_int(json, "started_unix_us", 0);
    ret->took_us = json_get_int(json, "took_us", 0);
    cJSON_Delete(json);
    return rc;
}
