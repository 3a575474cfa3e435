/* SPDX-License-Identifier: MIT */
#include "run/detached.h"

#include "base/fs.h"
#include "base/json.h"
#include "remote/server.h"
#include "run/judge.h"
#include "run/remote_job.h"
#include "run/rundir.h"
#include "run/rundir_parts.h"
#include "run/saved.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define ASK_MS 1000

int detached_write(const char *work_dir, const char *server, const char *key, struct err *err)
{
    cleanup_free char *file = fs_join(work_dir, DETACHED_FILE);
    struct json_out out;
    int rc;

    json_begin(&out, -1, 2);
    json_object(&out);
    json_kv_int(&out, "schema", SAVED_SCHEMA);
    json_kv_string(&out, "server", server);
    json_kv_string(&out, "key", key);
    json_object_end(&out);
    rc = json_end(&out, err);
    if (rc == 0)
        rc = fs_write(file, out.pending.data, out.pending.size, err);
    json_done(&out);
    return rc;
}

void detached_remove(const char *work_dir)
{
    cleanup_free char *file = fs_join(work_dir, DETACHED_FILE);

    unlink(file);
}

/* From the draft into the job's directory; job.json last. */
static int move_files(const char *from, const char *to, struct err *err)
{
    for (size_t i = 0; rundir_job_files[i]; i++) {
        cleanup_free char *old = fs_join(from, rundir_job_files[i]);
        cleanup_free char *new = fs_join(to, rundir_job_files[i]);
        if (!str_eq(rundir_job_files[i], "job.json") && rename(old, new) < 0 && errno != ENOENT)
            return err_sys(err, errno, "%s", new);
    }
    cleanup_free char *old = fs_join(from, "job.json");
    cleanup_free char *new = fs_join(to, "job.json");
    return rename(old, new) < 0 ? err_sys(err, errno, "%s", new) : 0;
}

static int take_home(const char *dir, const char *draft, struct err *err)
{
    struct job_result *begun = job_result_new();
    struct job job = {0};
    int rc = rundir_read_job(dir, begun, &job, err);

    if (rc == 0)
        rc = remote_job_adopt(&job, draft, begun, err);
    if (rc == 0)
        rc = move_files(draft, dir, err);
    job_done(&job);
    job_result_free(begun);
    return rc;
}

/* The link went before the test could begin, or it was too long ago. */
static int give_up(const char *dir, struct err *err)
{
    struct job_result *begun = job_result_new();
    struct job job = {0};
    int rc = rundir_read_job(dir, begun, &job, err);

    if (rc == 0) {
        judge_infra(begun, "its server keeps nothing of this test: it never began there, or ended "
                           "too long ago");
        rc = rundir_write_job(dir, begun, &job, err);
    }
    if (rc == 0)
        detached_remove(dir);
    job_done(&job);
    job_result_free(begun);
    return rc;
}

static int fetch(struct server *server, const char *dir, const char *key, const struct ctx *ctx,
                 struct err *err)
{
    cleanup_free char *draft = fs_join(dir, ".collect");
    struct server_call call = {.keep = key, .dir = draft, .files = rundir_job_files};
    int code = 0, rc;

    fs_remove_tree(draft);
    rc = fs_mkdirs(draft, 0777, err);
    if (rc == 0)
        rc = server_collect(server, &call, ctx, &code, err);
    if (rc == 0 && code == KEPT_AT_WORK)
        rc = err_set(err, ERR_BUSY, "%s: the test is still at work there; --wait TIME waits for it",
                     dir);
    else if (rc == 0)
        rc = code ? give_up(dir, err) : take_home(dir, draft, err);
    fs_remove_tree(draft);
    if (rc == 0 && !code) {
        detached_remove(dir);
        server_forget(server, key, ctx, NULL); /* or it goes with age */
    }
    return rc;
}

static int collect_once(const struct detached_request *request, const char *dir,
                        const struct ctx *ctx, struct err *err)
{
    cleanup_free char *file = fs_join(dir, DETACHED_FILE);
    const struct server_conf *conf;
    struct server *server = NULL;
    cJSON *json = NULL;
    const char *key;
    int rc = saved_read(file, &json, err);

    if (rc < 0)
        return rc;
    key = json_get_string(json, "key", "");
    conf = servers_find(&request->lab->servers, json_get_string(json, "server", ""));
    if (!kept_key_valid(key))
        rc = err_set(err, ERR_DATA, "%s: has no key as hil run writes it", file);
    else if (!conf)
        rc = err_set(err, ERR_CONFIG, "%s: its server is not in 'servers' of %s", file,
                     request->lab->file);
    else
        rc = server_open(conf, ctx, &server, err);
    if (rc == 0)
        rc = fetch(server, dir, key, ctx, err);
    server_close(server);
    cJSON_Delete(json);
    return rc;
}

static int collect_job(const struct detached_request *request, const char *dir,
                       const struct ctx *ctx, int64_t until_ns, struct err *err)
{
    int rc = collect_once(request, dir, ctx, err);

    while (rc == -ERR_BUSY && ctx_now_ns() < until_ns) {
        rc = ctx_sleep(ctx, ASK_MS, err);
        if (rc == 0)
            rc = collect_once(request, dir, ctx, err);
    }
    return rc;
}

int detached_collect(const struct detached_request *request, const struct ctx *ctx,
                     struct strv *collected, struct err *err)
{
    cleanup_close int fd = open(request->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int64_t until_ns = ctx_now_ns() + request->wait_ms * 1000000;
    cleanup_strv struct strv jobs = {0};
    int worst = 0;

    if (fd < 0)
        return err_sys(err, errno, "%s", request->path);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
        return err_set(err, ERR_BUSY, "%s: its hil run is still here, and collects by itself",
                       request->path);
    rundir_find_jobs(request->path, &jobs);
    for (size_t i = 0; i < jobs.count; i++) {
        cleanup_free char *dir = fs_join(request->path, jobs.items[i]);
        cleanup_free char *file = fs_join(dir, DETACHED_FILE);
        struct err why = {0};
        int rc = fs_exists(file) ? collect_job(request, dir, ctx, until_ns, &why) : -ERR_NOT_FOUND;
        if (rc == 0)
            strv_add(collected, jobs.items[i]);
        else if (why.code && !worst) {
            *err = why;
            worst = rc;
        }
    }
    return worst;
}
