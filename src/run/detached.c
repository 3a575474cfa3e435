/* SPDX-License-Identifier: MIT */
#include "run/detached.h"

#include "base/fs.h"
#include "remote/server.h"
#include "run/judge.h"
#include "run/remote_job.h"
#include "run/rundir.h"
#include "run/rundir_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define ASK_MS 1000

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

/* What came from there is that server's to answer for. */
static int blame(const char *server, int rc, struct err *err)
{
    if (rc != -ERR_DATA && rc != -ERR_LIMIT && rc != -ERR_NOT_FOUND)
        return rc;
    err->code = ERR_PROTOCOL;
    return err_wrap(err, "server %s: what it has kept is broken", server);
}

static int take_home(const char *server, const char *dir, const char *draft, struct err *err)
{
    struct job_result *begun = job_result_new();
    struct job job = {0};
    int rc = rundir_read_job(dir, begun, &job, err);

    if (rc == 0)
        rc = blame(server, remote_job_adopt(&job, draft, begun, err), err);
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
    job_done(&job);
    job_result_free(begun);
    return rc;
}

static bool is_broken(int rc)
{
    return rc == -ERR_DATA || rc == -ERR_LIMIT || rc == -ERR_PROTOCOL;
}

static int set_aside(const char *dir, const char *name, struct err *err)
{
    cleanup_free char *path = fs_join(dir, name);
    cleanup_free char *aside = xasprintf("%s.broken", path);

    return rename(path, aside) < 0 ? err_sys(err, errno, "%s", aside) : 0;
}

/* Its result is that it is lost, unless it has one: as it began it is infra. Of a job.json that is
 * broken itself nothing is left but where it lies. */
static int write_lost(const char *dir, const char *relative, const char *why, bool *ret_lost,
                      struct err *err)
{
    struct job_result *result = job_result_new();
    struct job job = {0};
    int rc = rundir_read_job(dir, result, &job, err);

    if (is_broken(rc)) {
        rc = set_aside(dir, "job.json", err);
        job_result_free(result);
        job_done(&job);
        result = job_result_new();
        job = (struct job){.timeouts = timeouts_default};
        result->name = result->board = arena_strdup(&result->arena, relative);
        result->verdict = VERDICT_INFRA;
    }
    *ret_lost = result->verdict == VERDICT_INFRA;
    if (*ret_lost)
        judge_infra(result, why);
    if (rc == 0 && *ret_lost)
        rc = rundir_write_job(dir, result, &job, err);
    job_done(&job);
    job_result_free(result);
    return rc;
}

/* What would be as broken at every further try is told once. `file` NULL: it is what is broken.
 * 0: that is the job's result now. */
static int lay_aside(const char *dir, const char *relative, const struct detached_file *file,
                     struct err *err)
{
    struct err why = *err;
    bool lost;
    int rc;

    err_hint(&why, "; set aside as %s/" DETACHED_BROKEN ", and taken up again under its old name",
             dir);
    rc = write_lost(dir, relative, why.message, &lost, err);
    if (rc == 0)
        rc = set_aside(dir, DETACHED_FILE, err);
    if (rc == 0 && file)
        rc = detached_write(dir, file->server, file->key, true, err);
    if (rc < 0 || lost || file)
        return rc;
    *err = why;
    return -(int)err->code;
}

static int fetch(struct server *server, const char *dir, const char *relative,
                 const struct detached_file *file, const struct ctx *ctx, struct err *err)
{
    cleanup_free char *draft = fs_join(dir, ".collect");
    struct ctx within = ctx_narrow(ctx, DETACHED_FETCH_MS);
    struct server_call call = {.keep = file->key, .dir = draft, .files = rundir_job_files};
    int code = 0, rc;

    fs_remove_tree(draft);
    rc = fs_mkdirs(draft, 0777, err);
    if (rc == 0)
        rc = server_collect(server, &call, &within, &code, err);
    if (rc == 0 && code == KEPT_AT_WORK)
        rc = err_set(err, ERR_BUSY, "%s: the test is still at work there; --wait TIME waits for it",
                     dir);
    else if (rc == 0)
        rc = code ? give_up(dir, err) : take_home(file->server, dir, draft, err);
    fs_remove_tree(draft);
    if (is_broken(rc))
        return lay_aside(dir, relative, file, err);
    return rc < 0 ? rc : detached_write(dir, file->server, file->key, true, err);
}

static int connect_to(const struct detached_request *request, const char *name,
                      const struct ctx *ctx, struct server **ret, struct err *err)
{
    const struct server_conf *conf = servers_find(&request->lab->servers, name);

    return conf ? server_open(conf, ctx, ret, err)
                : err_set(err, ERR_CONFIG, "server %s: is not in 'servers' of %s", name,
                          request->lab->file);
}

static int collect_once(const struct detached_request *request, const char *relative,
                        const struct ctx *ctx, struct err *err)
{
    cleanup_free char *dir = fs_join(request->path, relative);
    struct server *server = NULL;
    struct detached_file file;
    int rc = detached_read(dir, &file, err);

    if (is_broken(rc))
        return lay_aside(dir, relative, NULL, err);
    if (rc < 0 || file.home)
        return rc;
    rc = connect_to(request, file.server, ctx, &server, err);
    if (rc == 0)
        rc = fetch(server, dir, relative, &file, ctx, err);
    server_close(server);
    return rc;
}

static int collect_job(const struct detached_request *request, const char *relative,
                       const struct ctx *ctx, int64_t until_ns, struct err *err)
{
    int rc = collect_once(request, relative, ctx, err);

    while (rc == -ERR_BUSY && ctx_now_ns() < until_ns) {
        rc = ctx_sleep(ctx, ASK_MS, err);
        if (rc == 0)
            rc = collect_once(request, relative, ctx, err);
    }
    return rc;
}

int detached_lock(const char *path, int *ret_fd, struct err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    *ret_fd = -1;
    if (fd < 0)
        return err_named(err_sys(err, errno, "%s", path), err);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK) {
        close(fd);
        return err_set(err, ERR_BUSY, "%s: its hil run is still here, and collects by itself",
                       path);
    }
    *ret_fd = fd;
    return 0;
}

int detached_collect(const struct detached_request *request, const struct ctx *ctx,
                     struct strv *home, struct err *err)
{
    int64_t until_ns = ctx_now_ns() + request->wait_ms * 1000000;
    cleanup_strv struct strv jobs = {0};
    int worst = 0;

    rundir_find_jobs(request->path, &jobs);
    for (size_t i = 0; i < jobs.count; i++) {
        cleanup_free char *file =
            xasprintf("%s/%s/%s", request->path, jobs.items[i], DETACHED_FILE);
        struct err why = {0};
        int rc = fs_exists(file) ? collect_job(request, jobs.items[i], ctx, until_ns, &why)
                                 : -ERR_NOT_FOUND;
        if (rc == 0)
            strv_add(home, jobs.items[i]);
        else if (why.code && !worst) {
            *err = why;
            worst = rc;
        }
    }
    return worst;
}

void detached_remembered(const char *path)
{
    cleanup_strv struct strv jobs = {0};
    struct detached_file file;

    rundir_find_jobs(path, &jobs);
    for (size_t i = 0; i < jobs.count; i++) {
        cleanup_free char *dir = fs_join(path, jobs.items[i]);
        if (detached_read(dir, &file, NULL) == 0 && file.home)
            detached_remove(dir);
    }
}

/* A login a server. */
static void forget_on(const struct detached_request *request, const char *name,
                      const struct detached_file *files, size_t count, const struct ctx *ctx)
{
    struct server *server = NULL;
    int rc = connect_to(request, name, ctx, &server, NULL);

    for (size_t i = 0; i < count && rc == 0; i++)
        if (str_eq(files[i].server, name))
            rc = server_forget(server, files[i].key, ctx, NULL);
    server_close(server);
}

void detached_settle(const struct detached_request *request, const struct strv *home,
                     const struct ctx *ctx)
{
    cleanup_free struct detached_file *files = xcalloc(home->count, sizeof *files);
    cleanup_strv struct strv servers = {0};
    size_t count = 0;

    for (size_t i = 0; i < home->count; i++) {
        cleanup_free char *dir = fs_join(request->path, home->items[i]);
        cleanup_free char *broken = fs_join(dir, DETACHED_BROKEN);
        if (detached_read(dir, &files[count], NULL) == 0 && !fs_exists(broken)) {
            if (!strv_has(&servers, files[count].server))
                strv_add(&servers, files[count].server);
            count++;
        }
        detached_remove(dir);
    }
    for (size_t i = 0; i < servers.count; i++)
        forget_on(request, servers.items[i], files, count, ctx);
}
