/* SPDX-License-Identifier: MIT */
#include "source/github.h"

#include "base/str.h"
#include "base/text.h"
#include "source/parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define COMMIT_RUNS_MAX 30 /* runs of one commit, or of a branch, that are looked into */

/* ---- artifacts ------------------------------------------------------------------------------- */

static int read_artifacts(void *arg, const struct buf *page, struct err *err)
{
    return github_read_files(page->data, page->size, "artifacts", arg, err);
}

/* The artifacts of a run; with `name`, GitHub leaves out those called otherwise. */
static int list_run(struct github *github, const char *repo, uint64_t run_id, const char *name,
                    const struct ctx *ctx, struct github_files *ret, struct err *err)
{
    cleanup_free char *what = xasprintf("artifacts of run %" PRIu64 " of %s", run_id, repo);
    cleanup_free char *escaped = name ? http_escape(name) : NULL;
    cleanup_free char *url =
        github_url(github, "/repos/%s/actions/runs/%" PRIu64 "/artifacts?per_page=100%s%s", repo,
                   run_id, name ? "&name=" : "", name ? escaped : "");

    return github_pages(github, url, (struct github_asked){what, "actions: read"}, GITHUB_PAGES_MAX,
                        ctx, read_artifacts, ret, err);
}

static bool matches(const struct github_file *file, const char *name)
{
    return source_has_glob(name) ? str_glob(name, file->name) : str_eq(name, file->name);
}

/* Takes over from `all` what matches, of each name the one with the highest id. */
static void choose_newest(struct github_files *all, const char *name, struct github_files *ret)
{
    for (size_t i = 0; i < all->count; i++) {
        struct github_file *file = &all->items[i], *same = NULL, swap;
        if (!file->id || !matches(file, name)) /* 0: was taken over before */
            continue;
        for (size_t j = 0; j < ret->count && !same; j++)
            same = str_eq(ret->items[j].name, file->name) ? &ret->items[j] : NULL;
        if (!same) {
            ret->items = xrealloc(ret->items, ret->count + 1, sizeof *ret->items);
            ret->items[ret->count++] = *file;
            *file = (struct github_file){.name = xstrdup("")};
        } else if (same->id < file->id) {
            swap = *same;
            *same = *file;
            *file = swap;
        }
    }
}

/* Says what there is instead. */
static int no_match(const struct github_files *all, const char *what, const char *kind,
                    const char *name, struct err *err)
{
    cleanup_listing struct listing listing = {0};
    cleanup_strv struct strv names = {0};
    cleanup_free char *text = NULL;
    const char *near;

    for (size_t i = 0; i < all->count; i++) {
        strv_add(&names, all->items[i].name);
        listing_add(&listing, all->items[i].name);
    }
    near = names.count ? str_nearest(name, (const char *const *)names.items, names.count) : NULL;
    text = listing_text(&listing);
    err_set(err, ERR_NOT_FOUND, "%s: no %s '%s'; there is %s", what, kind, name,
            listing.total ? text : "none at all");
    if (near)
        err_hint(err, " (did you mean '%s'?)", near);
    return -ERR_NOT_FOUND;
}

static int check_alive(const struct github_files *files, const char *what, struct err *err)
{
    for (size_t i = 0; i < files->count; i++)
        if (files->items[i].expired)
            return err_set(err, ERR_NOT_FOUND,
                           "%s: artifact '%s' expired on %.10s: GitHub has deleted it; run the "
                           "workflow again, or keep artifacts longer (retention-days)",
                           what, files->items[i].name,
                           files->items[i].expires_at ? files->items[i].expires_at
                                                      : "a day that is not told");
    return 0;
}

static int read_runs(void *arg, const struct buf *page, struct err *err)
{
    return github_read_runs(page->data, page->size, false, arg, err);
}

static int read_own_runs(void *arg, const struct buf *page, struct err *err)
{
    return github_read_runs(page->data, page->size, true, arg, err);
}

static int resolve_commit(struct github *github, const struct github_where *where,
                          const struct ctx *ctx, char **ret, struct err *err)
{
    cleanup_free char *escaped = http_escape(where->commit), *next = NULL;
    cleanup_free char *what = xasprintf("commit '%s' of %s", where->commit, where->repo);
    cleanup_free char *url = github_url(github, "/repos/%s/commits/%s", where->repo, escaped);
    cleanup_buf struct buf body = BUF_INIT(GITHUB_JSON_MAX);
    int rc;

    if (strlen(where->commit) == 40 && strspn(where->commit, "0123456789abcdef") == 40) {
        *ret = xstrdup(where->commit);
        return 0;
    }
    rc = github_get(github, url, (struct github_asked){what, "contents: read"}, ctx, &body, &next,
                    err);
    return rc < 0 ? rc : github_read_commit(body.data, body.size, ret, err);
}

/* The runs to look into, the newest first. */
static int find_runs(struct github *github, const struct github_where *where, const char *what,
                     const struct ctx *ctx, struct github_runs *ret, struct err *err)
{
    cleanup_free char *commit = NULL, *branch = where->branch ? http_escape(where->branch) : NULL;
    cleanup_free char *workflow = where->workflow ? http_escape(where->workflow) : NULL;
    cleanup_free char *url = NULL;
    int rc = where->branch ? 0 : resolve_commit(github, where, ctx, &commit, err);

    if (rc < 0)
        return rc;
    url = github_url(github, "/repos/%s/actions/%s%s%sruns?%s%s&per_page=100", where->repo,
                     workflow ? "workflows/" : "", workflow ? workflow : "", workflow ? "/" : "",
                     branch ? "status=success&branch=" : "head_sha=", branch ? branch : commit);
    rc = github_pages(github, url, (struct github_asked){what, "actions: read"}, 1, ctx,
                      branch ? read_own_runs : read_runs, ret, err);
    if (rc == 0 && !ret->count)
        rc = err_set(err, ERR_NOT_FOUND, "%s: there %s", what,
                     ret->foreign
                         ? "are only runs of forks' code, which is not taken for the branch's"
                     : branch ? "is no run that succeeded"
                              : "is no run");
    if (ret->count > COMMIT_RUNS_MAX)
        ret->count = COMMIT_RUNS_MAX;
    return rc;
}

static char *describe(const struct github_where *where)
{
    if (where->run_id)
        return xasprintf("run %" PRIu64 " of %s", where->run_id, where->repo);
    return xasprintf("%s%s%s %s of %s", where->workflow ? where->workflow : "",
                     where->workflow ? " on " : "", where->branch ? "branch" : "commit",
                     where->branch ? where->branch : where->commit, where->repo);
}

int github_find_artifacts(struct github *github, const struct github_where *where, const char *name,
                          const struct ctx *ctx, struct github_files *ret, struct err *err)
{
    __attribute__((cleanup(github_files_done))) struct github_files all = {0};
    __attribute__((cleanup(github_runs_done))) struct github_runs runs = {0};
    cleanup_free char *described = describe(where),
                      *what = text_clean_dup(described, 200, TEXT_ONE_LINE);
    const char *filter = source_has_glob(name) || !where->run_id ? NULL : name;
    int rc = 0;

    *ret = (struct github_files){0};
    if (where->run_id) {
        runs.ids = xcalloc(1, sizeof *runs.ids);
        runs.ids[runs.count++] = (int64_t)where->run_id;
    } else {
        rc = find_runs(github, where, what, ctx, &runs, err);
    }
    for (size_t i = 0; rc == 0 && i < runs.count && !(where->branch && ret->count); i++) {
        size_t first = all.count;
        rc = list_run(github, where->repo, (uint64_t)runs.ids[i], filter, ctx, &all, err);
        if (rc == 0 && filter && first == all.count) /* for the message, and servers of old */
            rc = list_run(github, where->repo, (uint64_t)runs.ids[i], NULL, ctx, &all, err);
        if (rc == 0)
            choose_newest(&all, name, ret);
    }
    if (rc == 0 && !ret->count)
        rc = no_match(&all, what, "artifact", name, err);
    return rc < 0 ? rc : check_alive(ret, what, err);
}

/* ---- releases -------------------------------------------------------------------------------- */

#define LISTED "30" /* releases that are looked through */

struct release_search {
    const char *tags; /* NULL: any */
    char **ret_tag;
    struct github_files *ret;
};

static int read_list(void *arg, const struct buf *page, struct err *err)
{
    struct release_search *search = arg;

    if (*search->ret_tag)
        return 0;
    return github_read_release(page->data, page->size, search->tags, search->ret_tag, search->ret,
                               err);
}

static int get_release(struct github *github, const char *repo, const char *tag, bool pre,
                       const char *what, const struct ctx *ctx, char **ret_tag,
                       struct github_files *ret, struct err *err)
{
    bool latest = str_eq(tag, "latest"), pattern = source_has_glob(tag);
    cleanup_free char *escaped = http_escape(tag);
    cleanup_free char *url = github_url(github, "/repos/%s/releases%s%s", repo,
                                        latest && !pre      ? "/latest"
                                        : latest || pattern ? "?per_page=" LISTED
                                                            : "/tags/",
                                        latest || pattern ? "" : escaped);
    struct release_search search = {pattern ? tag : NULL, ret_tag, ret};
    int rc = github_pages(github, url, (struct github_asked){what, "contents: read"}, 1, ctx,
                          read_list, &search, err);

    if (rc == 0 && !*ret_tag)
        rc = err_set(err, ERR_NOT_FOUND,
                     pattern ? "%s: none of the newest " LISTED " releases has a tag like that"
                             : "%s: there is no release yet",
                     what);
    return rc;
}

int github_find_assets(struct github *github, const char *repo, const char *tag, bool pre,
                       const char *glob, const struct ctx *ctx, char **ret_tag,
                       struct github_files *ret, struct err *err)
{
    __attribute__((cleanup(github_files_done))) struct github_files all = {0};
    cleanup_free char *clean = text_clean_dup(tag, 100, TEXT_ONE_LINE);
    cleanup_free char *what = xasprintf("release %s of %s", clean, repo);
    int rc;

    *ret_tag = NULL;
    *ret = (struct github_files){0};
    rc = get_release(github, repo, tag, pre, what, ctx, ret_tag, &all, err);
    if (rc < 0)
        return rc;
    choose_newest(&all, glob, ret);
    if (!ret->count)
        return no_match(&all, what, "asset", glob, err);
    for (size_t i = 0; i < ret->count; i++)
        if (ret->items[i].incomplete)
            return err_set(err, ERR_NOT_FOUND, "%s: the upload of asset '%s' never ended", what,
                           ret->items[i].name);
    return 0;
}

/* ---- bytes ----------------------------------------------------------------------------------- */

int github_download(struct github *github, enum github_kind kind, const char *repo,
                    const struct github_file *file, const struct http_sink *sink,
                    const struct ctx *ctx, struct err *err)
{
    bool artifact = kind == GITHUB_ARTIFACT;
    cleanup_free char *clean = text_clean_dup(file->name, 200, TEXT_ONE_LINE);
    cleanup_free char *what =
        xasprintf("%s '%s' of %s", artifact ? "artifact" : "asset", clean, repo);
    cleanup_free char *url = github_url(github, "/repos/%s/%s/%" PRId64 "%s", repo,
                                        artifact ? "actions/artifacts" : "releases/assets",
                                        file->id, artifact ? "/zip" : "");
    struct http_request request = {.url = url,
                                   .accept = artifact ? GITHUB_ACCEPT : "application/octet-stream",
                                   .with_token = true,
                                   .sink = *sink};
    struct http_answer answer = {0};
    int rc = http_call(github_http(github), &request, ctx, &answer, err);

    if (rc < 0)
        err_wrap(err, "%s", what);
    else if (answer.fields.status == 410 && file->expires_at)
        rc = err_set(err, ERR_NOT_FOUND, "%s: expired on %.10s (HTTP 410); run the workflow again",
                     what, file->expires_at);
    else if (answer.redirected && answer.fields.status != 200)
        rc = err_set(err, ERR_PROTOCOL, "%s: the storage behind GitHub answers HTTP %ld", what,
                     answer.fields.status);
    else if (answer.fields.status != 200)
        rc = github_explain(
            github, &answer,
            (struct github_asked){what, artifact ? "actions: read" : "contents: read"}, err);
    http_answer_done(&answer);
    return rc;
}
