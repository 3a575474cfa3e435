/* SPDX-License-Identifier: MIT */
#include "serve/newest.h"

#include "base/fs.h"
#include "base/str.h"
#include "base/text.h"
#include "serve/match.h"
#include "source/parts.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define TAG_MAX 200
#define PLACE_DIGITS 32 /* of a directory's name */

void newest_done(struct newest *newest)
{
    free(newest->tag);
    github_files_done(&newest->files);
    *newest = (struct newest){0};
}

/* ---- asking ---------------------------------------------------------------------------------- */

/* How hil fetch would call it: "pre" is no tag. */
static const char *release_of(const struct watch_conf *conf, bool *ret_pre)
{
    *ret_pre = str_eq(conf->release, "pre");
    return *ret_pre ? "latest" : conf->release;
}

static int ask_release(struct github *github, const struct watch_conf *conf, const struct ctx *ctx,
                       struct newest *ret, struct err *err)
{
    bool pre;
    const char *release = release_of(conf, &pre);

    return github_find_assets(github, conf->repo, release, pre, "*", ctx, &ret->tag, &ret->files,
                              err);
}

static int ask_artifacts(struct github *github, const struct watch_conf *conf,
                         const struct ctx *ctx, struct newest *ret, struct err *err)
{
    struct github_where where = {
        .repo = conf->repo, .branch = conf->branch, .workflow = conf->workflow};
    cleanup_free char *any = match_any(conf->artifact);
    int rc = github_find_artifacts(github, &where, any, ctx, &ret->files, err);

    if (rc == 0) {
        ret->run_id = ret->files.items[0].run_id;
        ret->tag = xasprintf("run %" PRId64, ret->run_id);
    }
    return rc;
}

int newest_ask(struct github *github, const struct watch_conf *conf, const struct ctx *ctx,
               struct newest *ret, struct err *err)
{
    int rc;

    *ret = (struct newest){0};
    rc = conf->release ? ask_release(github, conf, ctx, ret, err)
                       : ask_artifacts(github, conf, ctx, ret, err);
    if (rc < 0)
        newest_done(ret);
    return rc;
}

/* ---- a board's ------------------------------------------------------------------------------- */

/* The bytes, and as what they were found where nothing else is known of them. */
static char *image_of(const struct github_file *file, const char *member)
{
    cleanup_free char *bytes = *file->sha256
                                   ? xasprintf("sha256:%s", file->sha256)
                                   : xasprintf("file:%" PRId64 ":%" PRId64, file->id, file->size);

    return xasprintf("%s%s%s", bytes, member ? "#" : "", member ? member : "");
}

int newest_for_board(const struct newest *newest, const struct watch_conf *conf,
                     const struct board_conf *board, const struct github_file **ret_file,
                     char **ret_image, struct err *err)
{
    cleanup_strv struct strv names = {0};
    size_t index = 0;
    int rc;

    *ret_image = NULL;
    for (size_t i = 0; i < newest->files.count; i++)
        strv_add(&names, newest->files.items[i].name);
    rc = match_asset(conf->release ? conf->asset : conf->artifact, board, &names, &index, err);
    if (rc < 0)
        return err_wrap(err, "%s", newest->tag);
    *ret_file = &newest->files.items[index];
    *ret_image = image_of(*ret_file, conf->member);
    return 0;
}

/* ---- fetching -------------------------------------------------------------------------------- */

char *newest_place(const struct github_file *file, const struct watch_conf *conf, const char *dir)
{
    cleanup_free char *image = image_of(file, NULL);
    cleanup_free char *key = xasprintf("%s %s %u %s", conf->repo, image, conf->proofs,
                                       conf->minisign ? conf->minisign : "");
    char hash[SHA256_HEX_SIZE];

    sha256_hex(key, strlen(key), hash);
    hash[PLACE_DIGITS] = '\0';
    return fs_join(dir, hash);
}

static char *only_file(const char *dir)
{
    DIR *list = opendir(dir);
    struct dirent *entry;
    char *found = NULL;

    while (list && !found && (entry = readdir(list)))
        if (entry->d_name[0] != '.')
            found = fs_join(dir, entry->d_name);
    if (list)
        closedir(list);
    return found;
}

/* Without a digest nobody can tell. */
static bool is_good(const char *path, const struct github_file *file)
{
    cleanup_buf struct buf bytes = BUF_INIT(SOURCE_FILE_MAX);
    char hash[SHA256_HEX_SIZE];

    if (!*file->sha256 || fs_read(path, &bytes, NULL) < 0)
        return false;
    sha256_hex(bytes.data, bytes.size, hash);
    return str_eq(hash, file->sha256);
}

static struct download_request request_of(const struct newest *newest,
                                          const struct github_file *file,
                                          const struct watch_conf *conf,
                                          const struct download_request *options)
{
    struct download_request request = *options;
    bool tags = conf->release && source_has_glob(conf->release);

    request.repo = conf->repo;
    request.whole = request.everything = true;
    request.require = conf->proofs;
    request.minisign = conf->minisign;
    if (conf->artifact) {
        request.artifact = file->name;
        if (newest->run_id > 0) {
            request.run_id = (uint64_t)newest->run_id;
        } else { /* a server of old does not say */
            request.branch = conf->branch;
            request.workflow = conf->workflow;
        }
    } else {
        request.asset = file->name;
        request.release = tags ? newest->tag : release_of(conf, &request.pre);
    }
    return request;
}

/* What came may be newer than what was seen: the next look will see that, too. */
static int check_same(const struct download_report *report, const struct github_file *file,
                      struct err *err)
{
    if (report->count != 1 || report->file_count != 1)
        return err_set(err, ERR_PROTOCOL, "%s: %zu files came for one", file->name,
                       report->file_count);
    if (*file->sha256 && !str_eq(report->items[0].sha256, file->sha256))
        return err_set(err, ERR_PROTOCOL, "%s: it was changed at GitHub meanwhile", file->name);
    return 0;
}

int newest_fetch(const struct newest *newest, const struct github_file *file,
                 const struct watch_conf *conf, const struct download_request *options,
                 const char *dir, const struct ctx *ctx, char **ret_path, struct err *err)
{
    struct download_request request = request_of(newest, file, conf, options);
    cleanup_free char *place = newest_place(file, conf, dir), *there = only_file(place);
    struct download_report report = {0};
    int rc;

    *ret_path = NULL;
    if (there && is_good(there, file)) {
        *ret_path = xstrdup(there);
        return 0;
    }
    fs_remove_tree(place);
    rc = fs_mkdirs(place, 0700, err);
    if (rc == 0)
        rc = download_into(&request, place, ctx, &report, err);
    if (rc == 0)
        rc = check_same(&report, file, err);
    if (rc == 0)
        *ret_path = xstrdup(report.files[0].path);
    else
        fs_remove_tree(place);
    download_report_done(&report);
    return rc;
}
