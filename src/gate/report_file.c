/* SPDX-License-Identifier: MIT */
#include "gate/report_file.h"

#include "base/fs.h"
#include "base/hash.h"
#include "base/json.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SCHEMA 1
#define FILE_NAME "report.json"
#define LEVELS_MAX 4
#define ENTRIES_MAX 10000

/* ---- where they are ---------------------------------------------------------------------- */

struct search {
    struct strv *found;
    size_t entries;
};

static int look_into(struct search *search, const char *dir, unsigned level, struct err *err);

/* Links are not followed: an artifact has none, and they could lead in circles. */
static int look_at(struct search *search, const char *path, const char *name, unsigned level,
                   struct err *err)
{
    struct stat info;

    if (lstat(path, &info) < 0)
        return 0;
    if (S_ISDIR(info.st_mode))
        return level < LEVELS_MAX ? look_into(search, path, level + 1, err) : 0;
    if (!S_ISREG(info.st_mode) || strcmp(name, FILE_NAME) != 0)
        return 0;
    if (search->found->count == REPORTS_MAX)
        return err_set(err, ERR_LIMIT, "%s: these are more than %d reports", path, REPORTS_MAX);
    strv_add(search->found, path);
    return 0;
}

/* A run that was killed has said nothing, and must not be passed over. */
static int check_finished(const char *dir, struct err *err)
{
    cleanup_free char *marker = fs_join(dir, "run.json");
    cleanup_free char *report = fs_join(dir, FILE_NAME);

    return fs_exists(marker) && !fs_exists(report)
               ? err_set(err, ERR_NOT_FOUND, "%s: a run that never ended: it has no %s", dir,
                         FILE_NAME)
               : 0;
}

static int look_into(struct search *search, const char *dir, unsigned level, struct err *err)
{
    struct dirent **entries;
    int count = scandir(dir, &entries, NULL, alphasort), rc = 0;

    if (count < 0)
        return err_sys(err, errno, "%s", dir);
    rc = check_finished(dir, err);
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        cleanup_free char *path = fs_join(dir, name);
        if (rc == 0 && ++search->entries > ENTRIES_MAX)
            rc = err_set(err, ERR_LIMIT, "%s: more than %d files: name the reports themselves", dir,
                         ENTRIES_MAX);
        if (rc == 0 && strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
            rc = look_at(search, path, name, level, err);
        free(entries[i]);
    }
    free(entries);
    return rc;
}

int reports_find(const char *path, struct strv *ret, struct err *err)
{
    struct search search = {.found = ret};
    size_t before = ret->count;
    struct stat info;
    int rc;

    if (stat(path, &info) < 0)
        return err_named(err_sys(err, errno, "%s", path), err);
    if (!S_ISDIR(info.st_mode)) {
        strv_add(ret, path);
        return 0;
    }
    rc = look_into(&search, path, 0, err);
    if (rc == 0 && ret->count == before)
        rc = err_set(err, ERR_NOT_FOUND,
                     "%s: there is no %s in it: did the jobs run, and keep their hil-out?", path,
                     FILE_NAME);
    return rc;
}

/* ---- one of them ------------------------------------------------------------------------- */

struct reader {
    struct reports *reports;
    const char *path;
    struct err *err;
};

static int bad(const struct reader *reader, const char *what)
{
    return err_set(reader->err, ERR_DATA, "%s: %s: this is no report of hil's", reader->path, what);
}

/* A copy in `arena`; NULL where it is not there. */
static const char *text(struct arena *arena, const cJSON *object, const char *name)
{
    return arena_strdup(arena, json_get_string(object, name, NULL));
}

static int64_t microseconds(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

    return cJSON_IsNumber(item) && item->valuedouble >= 0 && item->valuedouble < 1e12
               ? (int64_t)(item->valuedouble * 1e6)
               : -1;
}

static bool case_result_parse(const char *name, enum case_result *ret)
{
    for (*ret = CASE_PASS; *ret <= CASE_SKIP; ++*ret)
        if (str_eq(name, case_result_name(*ret)))
            return true;
    return false;
}

static bool verdict_parse(const char *name, enum verdict *ret)
{
    for (*ret = VERDICT_PASS; *ret <= VERDICT_INFRA; ++*ret)
        if (str_eq(name, verdict_name(*ret)))
            return true;
    return false;
}

static void add_flaky(struct reports *reports, const struct job_result *job, const char *suite,
                      const char *name)
{
    reports->flaky = xrealloc(reports->flaky, reports->flaky_count + 1, sizeof *reports->flaky);
    reports->flaky[reports->flaky_count++] = (struct flaky_case){job, suite, name};
}

static int read_case(const struct reader *reader, const cJSON *item, struct job_result *job,
                     struct test_suite *suite)
{
    struct test_case *new = suite_add(suite);
    int64_t line = json_get_int(item, "line", 0);

    new->name = text(&job->arena, item, "name");
    if (!new->name || !case_result_parse(json_get_string(item, "result", NULL), &new->result))
        return bad(reader, "a case without a name and a result");
    new->message = text(&job->arena, item, "message");
    new->detail = text(&job->arena, item, "detail");
    new->file = text(&job->arena, item, "file");
    new->path = text(&job->arena, item, "path");
    new->error_type = text(&job->arena, item, "error_type");
    new->line = line > 0 && line <= INT32_MAX ? (uint32_t)line : 0;
    new->duration_us = microseconds(item, "duration_s");
    if (json_get_bool(item, "flaky", false))
        add_flaky(reader->reports, job, suite->name, new->name);
    return 0;
}

static int read_suites(const struct reader *reader, const cJSON *list, struct job_result *job)
{
    const cJSON *item, *test_case;
    int rc = 0;

    if (!cJSON_IsArray(list))
        return bad(reader, "a board without suites");
    for (item = list->child; item; item = item->next) {
        const cJSON *cases = cJSON_GetObjectItemCaseSensitive(item, "cases");
        const char *name = json_get_string(item, "name", NULL);
        if (!name)
            return bad(reader, "a suite without a name");
        struct test_suite *suite = job_suite(job, name, strlen(name));
        for (test_case = cases ? cases->child : NULL; test_case && rc == 0;
             test_case = test_case->next)
            rc = read_case(reader, test_case, job, suite);
    }
    return rc;
}

static const char *const *read_labels(struct arena *arena, const cJSON *list)
{
    int count = cJSON_IsArray(list) ? cJSON_GetArraySize(list) : 0;
    const char **labels = arena_alloc(arena, ((size_t)count + 1) * sizeof *labels);
    const cJSON *item;
    size_t kept = 0;

    for (item = count ? list->child : NULL; item; item = item->next)
        if (cJSON_IsString(item))
            labels[kept++] = arena_strdup(arena, item->valuestring);
    return labels;
}

static int read_job(const struct reader *reader, const cJSON *item, struct job_result *job)
{
    const cJSON *image = cJSON_GetObjectItemCaseSensitive(item, "image");
    const char *reason = text(&job->arena, item, "reason");

    job->board = text(&job->arena, item, "name");
    job->name = text(&job->arena, item, "test");
    if (!job->board || !job->name ||
        !verdict_parse(json_get_string(item, "verdict", NULL), &job->verdict))
        return bad(reader, "a board without a name, a test and a verdict");
    job->reason = reason ? reason : "";
    job->trouble = text(&job->arena, item, "trouble");
    job->labels = read_labels(&job->arena, cJSON_GetObjectItemCaseSensitive(item, "labels"));
    job->image.file = text(&job->arena, image, "file");
    job->image.sha256 = text(&job->arena, image, "sha256");
    job->complete = json_get_bool(item, "complete", false);
    job->took_us = microseconds(item, "took_s");
    return read_suites(reader, cJSON_GetObjectItemCaseSensitive(item, "suites"), job);
}

static int read_jobs(const struct reader *reader, const cJSON *list, struct report_file *file)
{
    struct run_result *run = &reader->reports->run;
    const cJSON *item;
    int rc = 0;

    if (!cJSON_IsArray(list))
        return bad(reader, "no list of boards");
    file->first = run->count;
    for (item = list->child; item && rc == 0; item = item->next) {
        run->jobs = xrealloc(run->jobs, run->count + 1, sizeof(*run->jobs));
        run->jobs[run->count] = job_result_new();
        rc = read_job(reader, item, run->jobs[run->count++]);
        file->count++;
    }
    return rc;
}

static struct run_origin read_origin(struct arena *arena, const cJSON *item)
{
    const cJSON *dirty = cJSON_GetObjectItemCaseSensitive(item, "dirty");

    return (struct run_origin){.repository = text(arena, item, "repository"),
                               .sha = text(arena, item, "commit"),
                               .describe = text(arena, item, "describe"),
                               .run_url = text(arena, item, "run_url"),
                               .dirty_known = cJSON_IsBool(dirty),
                               .dirty = cJSON_IsTrue(dirty),
                               .files_known = text(arena, item, "commit") != NULL};
}

int reports_add(struct reports *reports, const char *path, const char *bytes, size_t size,
                struct err *err)
{
    struct arena *arena = &reports->run.arena;
    struct reader reader = {reports, path, err};
    struct report_file file = {.path = arena_strdup(arena, path)};
    cJSON *root = NULL;
    int rc = json_parse(bytes, size, REPORT_BYTES_MAX, path, &root, err);

    if (rc < 0)
        return rc;
    if (json_get_int(root, "schema", 0) != SCHEMA)
        rc = bad(&reader, "no \"schema\": 1");
    file.lab = text(arena, root, "lab");
    file.origin = read_origin(arena, cJSON_GetObjectItemCaseSensitive(root, "origin"));
    if (rc == 0)
        rc = read_jobs(&reader, cJSON_GetObjectItemCaseSensitive(root, "boards"), &file);
    cJSON_Delete(root);
    if (rc < 0)
        return rc;
    reports->files = xrealloc(reports->files, reports->count + 1, sizeof *reports->files);
    reports->files[reports->count++] = file;
    return 0;
}

int reports_load(struct reports *reports, const char *path, struct err *err)
{
    cleanup_buf struct buf bytes = BUF_INIT(REPORT_BYTES_MAX);
    char hex[SHA256_HEX_SIZE];
    int rc = fs_read(path, &bytes, err);

    if (rc < 0)
        return rc;
    sha256_hex(bytes.data, bytes.size, hex);
    if (strv_has(&reports->digests, hex)) /* the same in two places counts once */
        return 0;
    strv_add(&reports->digests, hex);
    return reports_add(reports, path, bytes.data, bytes.size, err);
}

void reports_settle(struct reports *reports)
{
    struct run_result *run = &reports->run;

    run->verdict = run->count ? VERDICT_PASS : VERDICT_INFRA;
    for (size_t i = 0; i < run->count; i++)
        run->verdict = verdict_worse(run->verdict, run->jobs[i]->verdict);
    if (reports->count)
        run->origin = reports->files[0].origin;
}

void reports_done(struct reports *reports)
{
    run_result_done(&reports->run);
    free(reports->files);
    free(reports->flaky);
    strv_done(&reports->digests);
    *reports = (struct reports){0};
}
