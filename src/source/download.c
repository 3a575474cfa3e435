/* SPDX-License-Identifier: MIT */
#include "source/download_parts.h"

#include "base/fs.h"
#include "base/str.h"
#include "git/git.h"

#include <stdlib.h>
#include <string.h>

/* ---- before ---------------------------------------------------------------------------------- */

static int find_repo(struct download *download, struct err *err)
{
    const char *env = getenv("GITHUB_REPOSITORY"), *given = download->request->repo;
    struct git_facts facts = {0};
    struct git *git = NULL;

    if (given || (env && *env)) {
        download->repo = xstrdup(given ? given : env);
    } else if (git_open(".", &git, NULL) == 0) {
        git_facts(git, &facts, NULL);
        download->repo = xstrdup(facts.owner_name);
        git_facts_done(&facts);
        git_close(git);
    }
    if (!download->repo)
        return err_set(
            err, ERR_USAGE,
            "which repository? --repo OWNER/NAME, or GITHUB_REPOSITORY, or run it in a clone");
    if (!github_repo_ok(download->repo))
        return err_set(err, ERR_USAGE, "GITHUB_REPOSITORY: OWNER/NAME is needed");
    return 0;
}

/* Without a choice: the run that we are a part of. */
static int find_where(const struct download *download, struct github_where *ret, struct err *err)
{
    const struct download_request *request = download->request;
    const char *run = getenv("GITHUB_RUN_ID"), *own = getenv("GITHUB_REPOSITORY");

    *ret = (struct github_where){download->repo, request->run_id, request->commit, request->branch,
                                 request->workflow};
    if (ret->run_id || ret->commit || ret->branch)
        return 0;
    if (!run || !*run || !own || strcasecmp(own, download->repo) != 0)
        return err_set(err, ERR_USAGE,
                       "which run of %s? --run-id N, --commit SHA, or --branch B [--workflow W]",
                       download->repo);
    return str_to_u64(run, INT64_MAX, "GITHUB_RUN_ID", &ret->run_id, err);
}

static int read_key(struct download *download, struct err *err)
{
    const char *path = download->request->minisign;
    cleanup_buf struct buf text = BUF_INIT(MINISIGN_FILE_MAX);
    int rc = path ? err_named(fs_read(path, &text, err), err) : 0;

    if (rc == 0 && path)
        rc = minisign_read_key(text.data, text.size, &download->key, err);
    if (rc == 0)
        return 0;
    return err_wrap(err, rc == -ERR_DATA ? "--minisign: %s" : "--minisign", path);
}

/* ---- which downloads ------------------------------------------------------------------------- */

/* Several downloads into one directory: each gets one of its own. */
static void open_folder(struct download *download, const char *name, bool several)
{
    struct into_dir *dir = download->place.dir;

    if (!dir)
        return;
    free(dir->below);
    if (several) {
        cleanup_free char *safe = fs_safe_name(name);
        dir->below = xasprintf("%s/", safe);
    } else {
        dir->below = xstrdup("");
    }
}

static int download_artifacts(struct download *download, struct err *err)
{
    __attribute__((cleanup(github_files_done))) struct github_files files = {0};
    struct github_where where;
    int rc = find_where(download, &where, err);

    if (rc == 0)
        rc = github_find_artifacts(download->github, &where, download->request->artifact,
                                   &download->ctx, &files, err);
    for (size_t i = 0; rc == 0 && i < files.count; i++) {
        const struct github_file *file = &files.items[i];
        struct item item = {"artifact", file->name, file->sha256, -1, file, NULL};
        open_folder(download, file->name, files.count > 1);
        rc = download_one(download, &item, err);
    }
    return rc;
}

static bool is_proof(const char *name)
{
    static const char *const endings[] = {".minisig", ".sha256", ".sha256sum", ".sig",
                                          ".asc",     ".pem",    ".json",      ".txt"};

    for (size_t i = 0; i < ARRAY_SIZE(endings); i++)
        if (str_ends(name, endings[i]))
            return true;
    return false;
}

/* Without --asset: what may be firmware, which must be one thing. */
static int choose_asset(struct github_files *files, const char *tag, struct err *err)
{
    cleanup_listing struct listing listing = {0};
    cleanup_free char *text = NULL;
    size_t kept = 0;

    for (size_t i = 0; i < files->count; i++) {
        struct github_file swap = files->items[i];
        if (is_proof(swap.name))
            continue;
        listing_add(&listing, swap.name);
        files->items[i] = files->items[kept];
        files->items[kept++] = swap;
    }
    text = listing_text(&listing);
    if (kept == 1)
        return 1;
    return err_set(err, ERR_USAGE, "release %s: which asset? There is %s; choose with --asset", tag,
                   kept ? text : "none that may be firmware");
}

static const struct github_file *signature_of(const struct github_files *files, const char *name)
{
    cleanup_free char *wanted = xasprintf("%s" SIGNATURE_ENDING, name);

    for (size_t i = 0; i < files->count; i++)
        if (str_eq(files->items[i].name, wanted))
            return &files->items[i];
    return NULL;
}

static bool is_asset_wanted(const struct download_request *request, const char *name)
{
    const char *glob = request->asset;

    if (!glob)
        return !request->minisign || !str_ends(name, SIGNATURE_ENDING);
    if (request->minisign && str_ends(name, SIGNATURE_ENDING) && !str_ends(glob, SIGNATURE_ENDING))
        return false;
    return source_has_glob(glob) ? str_glob(glob, name) : str_eq(glob, name);
}

static int download_assets(struct download *download, struct err *err)
{
    __attribute__((cleanup(github_files_done))) struct github_files files = {0};
    const struct download_request *request = download->request;
    const char *glob = request->minisign || !request->asset ? "*" : request->asset;
    cleanup_free char *tag = NULL;
    int rc = github_find_assets(download->github, download->repo, request->release, request->pre,
                                glob, &download->ctx, &tag, &files, err);
    size_t taken = 0, count = files.count;

    if (rc == 0 && !request->asset && !request->everything) {
        rc = choose_asset(&files, tag, err);
        count = 1;
    }
    for (size_t i = 0; rc >= 0 && i < count; i++) {
        const struct github_file *file = &files.items[i];
        struct item item = {"asset",    file->name, file->sha256,
                            file->size, file,       signature_of(&files, file->name)};
        if (!is_asset_wanted(request, file->name))
            continue;
        open_folder(download, file->name, false);
        rc = download_one(download, &item, err);
        taken++;
    }
    if (rc >= 0 && !taken)
        return err_set(err, ERR_NOT_FOUND, "release %s: no asset '%s'", tag,
                       request->asset ? request->asset : "*");
    return rc < 0 ? rc : 0;
}

static int download_url(struct download *download, struct err *err)
{
    const char *url = download->request->url, *given = download->request->sha256;
    cleanup_free char *shown = http_url_shown(url);
    char digest[SHA256_HEX_SIZE] = "";
    struct item item = {"url", shown, digest, -1, NULL, NULL};

    if (given)
        github_digest(given, digest);
    open_folder(download, "", false);
    return download_one(download, &item, err);
}

/* ---- the whole ------------------------------------------------------------------------------- */

/* Wrong bytes from GitHub are the lab's trouble, where wrong bytes from a path are their owner's.
 */
static int blame(int rc, struct err *err)
{
    if (rc != -ERR_DATA && rc != -ERR_CONFIG)
        return rc;
    if (err)
        err->code = ERR_PROTOCOL;
    return -ERR_PROTOCOL;
}

static int run(struct download *download, const struct ctx *ctx, struct err *err)
{
    const struct download_request *request = download->request;
    struct http_options options = {.version = request->version,
                                   .connect_ms = request->connect_ms,
                                   .stall_ms = request->stall_ms,
                                   .retries = request->retries,
                                   .note = request->note,
                                   .arg = request->arg};
    int rc = download_check(request, err);

    download->ctx = ctx_narrow(ctx, request->total_ms);
    if (rc == 0 && (!request->url || download_wants_attestation(request)))
        rc = find_repo(download, err);
    if (rc == 0)
        rc = read_key(download, err);
    if (rc == 0)
        rc = github_open(&download->github, &options, request->token_file, err);
    if (rc == 0)
        rc = request->artifact  ? download_artifacts(download, err)
             : request->release ? download_assets(download, err)
                                : download_url(download, err);
    if (rc == -ERR_TIMEOUT && ctx_left_ms(&download->ctx) == 0) {
        char time[32];
        err_hint(err, "; the whole download had %s (--fetch-timeout)",
                 str_from_us(request->total_ms * 1000, time));
    }
    if (download->github && err)
        http_mask(github_http(download->github), err->message);
    github_close(download->github);
    free(download->repo);
    return blame(rc, err);
}

int download_load(const struct download_request *request, const struct ctx *ctx,
                  struct source_files *ret, struct err *err)
{
    struct download_report report = {0};
    struct download download = {.request = request, .place.files = ret, .report = &report};
    int rc;

    *ret = (struct source_files){0};
    rc = run(&download, ctx, err);
    download_report_done(&report);
    if (rc < 0)
        source_files_done(ret);
    return rc;
}

static void list_files(const struct into_dir *into, struct download_report *report)
{
    report->files = xcalloc(into->count + 1, sizeof *report->files);
    for (size_t i = 0; i < into->count; i++) {
        struct download_file *file = &report->files[report->file_count++];
        file->path = fs_join(into->dir, into->files[i].name);
        file->size = into->files[i].size;
        memcpy(file->sha256, into->files[i].sha256, sizeof file->sha256);
    }
}

int download_into(const struct download_request *request, const char *dir, const struct ctx *ctx,
                  struct download_report *ret, struct err *err)
{
    struct into_dir into = {0};
    struct download download = {.request = request, .place.dir = &into, .report = ret};
    int rc = download_check(request, err);

    *ret = (struct download_report){0};
    if (rc == 0)
        rc = into_dir_open(&into, dir, err);
    if (rc < 0)
        return rc;
    into.hashing = request->hash_files;
    rc = run(&download, ctx, err);
    if (rc == 0)
        rc = into_dir_commit(&into, err);
    if (rc == 0)
        list_files(&into, ret);
    into_dir_done(&into);
    return rc;
}

void download_report_done(struct download_report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        free(report->items[i].name);
        free(report->items[i].comment);
    }
    for (size_t i = 0; i < report->file_count; i++)
        free(report->files[i].path);
    free(report->items);
    free(report->files);
    *report = (struct download_report){0};
}
