/* SPDX-License-Identifier: MIT */
#include "run/rundir_parts.h"

#include "base/fs.h"
#include "run/file_table.h"
#include "run/saved.h"

int rundir_read_marker(const char *path, cJSON **ret, struct err *err)
{
    int rc = saved_read(path, ret, err);

    if (rc < 0 || cJSON_IsArray(cJSON_GetObjectItemCaseSensitive(*ret, "jobs")))
        return rc;
    cJSON_Delete(*ret);
    *ret = NULL;
    return err_set(err, ERR_DATA, "%s: lists no jobs", path);
}

static void write_origin(struct json_out *out, const struct run_origin *origin, bool unsettled)
{
    json_key(out, "origin");
    json_object(out);
    json_kv_string(out, "server_url", origin->server_url);
    json_kv_string(out, "repository", origin->repository);
    json_kv_string(out, "commit", origin->sha);
    json_kv_string(out, "ref", origin->ref);
    json_kv_string(out, "run_url", origin->run_url);
    json_kv_string(out, "describe", origin->describe);
    json_kv_bool(out, "dirty_known", origin->dirty_known);
    json_kv_bool(out, "dirty", origin->dirty);
    json_kv_bool(out, "files_known", origin->files_known);
    if (unsettled && origin->work_tree) /* nobody else has any use for it */
        json_kv_string(out, "work_tree", origin->work_tree);
    json_object_end(out);
}

static struct run_origin read_origin(struct arena *arena, const cJSON *run)
{
    const cJSON *origin = cJSON_GetObjectItemCaseSensitive(run, "origin");

    return (struct run_origin){
        .server_url = saved_string(arena, origin, "server_url"),
        .repository = saved_string(arena, origin, "repository"),
        .sha = saved_string(arena, origin, "commit"),
        .ref = saved_string(arena, origin, "ref"),
        .work_tree = saved_string(arena, origin, "work_tree"),
        .run_url = saved_string(arena, origin, "run_url"),
        .describe = saved_string(arena, origin, "describe"),
        .dirty_known = json_get_bool(origin, "dirty_known", false),
        .dirty = json_get_bool(origin, "dirty", false),
        .files_known = json_get_bool(origin, "files_known", false),
    };
}

/* Some of its results are yet to come (detached.h). */
static bool is_unsettled(const struct run_result *run)
{
    for (size_t i = 0; i < run->count; i++)
        if (run->jobs[i]->detached)
            return true;
    return false;
}

static void write_planned(struct json_out *out, const struct job *jobs, size_t count)
{
    json_key(out, "planned");
    json_array(out);
    for (size_t i = 0; i < count; i++) {
        json_object(out);
        json_kv_string(out, "test", jobs[i].name);
        json_kv_string(out, "board", jobs[i].boards[0]->name);
        json_object_end(out);
    }
    json_array_end(out);
}

/* `planned`: of one that has only begun; NULL: not said. */
static int write_run(const char *path, const struct run_result *run, const struct job *planned,
                     size_t planned_count, struct err *err)
{
    cleanup_free char *file = fs_join(path, "run.json");
    struct json_out out;
    int rc;

    json_begin(&out, -1, 2);
    json_object(&out);
    json_kv_int(&out, "schema", SAVED_SCHEMA);
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
    if (planned)
        write_planned(&out, planned, planned_count);
    write_origin(&out, &run->origin, planned || is_unsettled(run));
    json_key(&out, "files");
    file_table_write(&out, run);
    json_object_end(&out);
    rc = json_end(&out, err);
    if (rc == 0)
        rc = fs_write(file, out.pending.data, out.pending.size, err);
    json_done(&out);
    return rc;
}

int rundir_write_run(const char *path, const struct run_result *run, struct err *err)
{
    return write_run(path, run, NULL, 0, err);
}

int rundir_write_begun(const char *path, const struct run_result *run, const struct job *jobs,
                       size_t count, struct err *err)
{
    return write_run(path, run, jobs, count, err);
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
        if (!cJSON_IsString(item) || !saved_lies_below(item->valuestring))
            return err_set(err, ERR_DATA, "%s/run.json: a job's directory must lie below it", path);
        strv_add(ret, item->valuestring);
    }
    return 0;
}

int rundir_read_run(const char *path, struct run_result *ret, struct err *err)
{
    cleanup_free char *file = fs_join(path, "run.json");
    cleanup_strv struct strv jobs = {0};
    struct saved_reader reader = {file, err, 0};
    cJSON *json = NULL;

    reader.rc = rundir_read_marker(file, &json, err);
    if (reader.rc == 0)
        reader.rc = list_jobs(path, json, &jobs, err);
    if (reader.rc == 0) {
        ret->started_unix_us = saved_number(&reader, json, "started_unix_us", SAVED_UNIX_MAX_US);
        ret->took_us = saved_number(&reader, json, "took_us", SAVED_SPAN_MAX_US);
    }
    if (reader.rc == 0)
        ret->jobs = xcalloc(jobs.count, sizeof(struct job_result *));
    for (size_t i = 0; reader.rc == 0 && i < jobs.count; i++) {
        struct job_result *job = ret->jobs[ret->count++] = job_result_new();
        job->dir = arena_strdup(&job->arena, jobs.items[i]);
    }
    ret->lab = saved_string(&ret->arena, json, "lab");
    ret->version = saved_string(&ret->arena, json, "version");
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

int rundir_read_planned(const char *path, struct strv *ret_tests, struct strv *ret_boards,
                        struct err *err)
{
    cleanup_free char *file = fs_join(path, "run.json");
    const cJSON *item;
    cJSON *json = NULL;
    int rc = rundir_read_marker(file, &json, err);

    if (rc < 0)
        return rc;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(json, "planned"))
    {
        const char *test = json_get_string(item, "test", NULL);
        const char *board = json_get_string(item, "board", NULL);
        if (!test || !board) {
            rc = err_set(err, ERR_DATA, "%s: 'planned' has one without a test or a board", file);
            break;
        }
        strv_add(ret_tests, test);
        strv_add(ret_boards, board);
    }
    cJSON_Delete(json);
    return rc;
}
