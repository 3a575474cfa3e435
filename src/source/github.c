/* SPDX-License-Identifier: MIT */
#include "source/github.h"

#include "base/fs.h"
#include "base/str.h"
#include "base/text.h"
#include "source/http_cache.h"
#include "source/parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_API "https://api.github.com"
#define TOKEN_MAX 4096
#define PAGES_MAX 100
#define COMMIT_RUNS_MAX 30 /* runs of one commit, or of a branch, that are looked into */
#define ACCEPT_JSON "application/vnd.github+json"

struct github {
    struct http *http;
    char *api; /* without a slash at its end */
    char *token;
};

/* ---- opening -----------------------------------------------------------------------------------
 */

static void wipe(char *secret)
{
    if (secret)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}

/* It goes into a header line: nothing that would end one, and never into the message. */
static int check_token(const char *token, const char *from, struct err *err)
{
    for (const char *at = token; *at; at++)
        if (*at <= ' ' || *at >= 0x7F)
            return err_set(err, ERR_USAGE,
                           "%s: holds no token: a blank or control character is in it", from);
    return *token ? 0 : err_set(err, ERR_USAGE, "%s: is empty", from);
}

static int read_token(const char *file, char **ret, struct err *err)
{
    cleanup_buf struct buf bytes = BUF_INIT(TOKEN_MAX);
    const char *env = getenv("GITHUB_TOKEN");
    int rc = 0;

    if (file) {
        rc = fs_read(file, &bytes, err);
        if (rc < 0) {
            err_wrap(err, "--token-file");
            return rc == -ERR_NOT_FOUND
                       ? err_set(err, ERR_USAGE, "--token-file: %s: no such file", file)
                       : rc;
        }
        *ret = xstrndup(bytes.data, strcspn(bytes.data, "\r\n"));
        explicit_bzero(bytes.data, bytes.size);
    } else if (env && *env) {
        *ret = xstrdup(env);
    } else {
        return 0;
    }
    return check_token(*ret, file ? file : "GITHUB_TOKEN", err);
}

int github_open(struct github **ret, const struct http_options *options, const char *token_file,
                struct err *err)
{
    struct github *github = xcalloc(1, sizeof *github);
    struct http_options with_token = *options;
    const char *api = getenv("GITHUB_API_URL");
    int rc = read_token(token_file, &github->token, err);

    github->api = xstrdup(api && *api ? api : DEFAULT_API);
    while (str_ends(github->api, "/"))
        github->api[strlen(github->api) - 1] = '\0';
    with_token.token = github->token;
    if (rc == 0)
        rc = http_open(&github->http, &with_token, err);
    if (rc < 0) {
        github_close(github);
        github = NULL;
    }
    *ret = github;
    return rc;
}

void github_close(struct github *github)
{
    if (!github)
        return;
    http_close(github->http);
    wipe(github->token);
    free(github->api);
    free(github);
}

struct http *github_http(struct github *github)
{
    return github->http;
}

const char *github_token(const struct github *github)
{
    return github->token;
}

static bool is_name(const char *text, size_t count)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

    return count && count <= 100 && strspn(text, allowed) >= count &&
           !(count <= 2 && strspn(text, ".") >= count);
}

bool github_repo_ok(const char *repo)
{
    const char *slash = strchr(repo, '/');

    return slash && is_name(repo, (size_t)(slash - repo)) &&
           is_name(slash + 1, strlen(slash + 1)) && !strchr(slash + 1, '/');
}

/* ---- errors ------------------------------------------------------------------------------------
 */

/* What an answer other than 200 means; `what` was asked for, which needs `permission`. */
static int explain(struct github *github, const struct http_answer *answer, const char *what,
                   const char *permission, struct err *err)
{
    cleanup_free char *message = github_read_message(answer->text.data, answer->text.size);
    const char *colon = *message ? ": " : "";
    bool token = github->token;

    switch (answer->fields.status) {
    case 401:
        return token ? err_set(
                           err, ERR_REFUSED,
                           "%s: the token is not accepted (HTTP 401%s%s): it is mistyped, revoked "
                           "or has expired",
                           what, colon, message)
                     : err_set(err, ERR_REFUSED,
                               "%s: needs a token (HTTP 401): set GITHUB_TOKEN or --token-file",
                               what);
    case 403:
        return err_set(
            err, ERR_REFUSED, "%s: not allowed (HTTP 403%s%s): %s `%s`", what, colon, message,
            token ? "the token needs the permission" : "set GITHUB_TOKEN to a token with",
            permission);
    case 404:
        return err_set(err, ERR_NOT_FOUND,
                       "%s: not found (HTTP 404): either it is not there, or %s `%s`", what,
                       token ? "the token may not see it and needs"
                             : "it is private and needs a token with",
                       permission);
    case 410:
        return err_set(err, ERR_NOT_FOUND, "%s: is gone (HTTP 410%s%s)", what, colon, message);
    case 429:
        return err_set(err, ERR_REFUSED, "%s: rate limit (HTTP 429%s%s), asked %u times", what,
                       colon, message, answer->tries);
    default:
        return err_set(err, answer->fields.status >= 500 ? ERR_GONE : ERR_PROTOCOL,
                       "%s: HTTP %ld%s%s%s", what, answer->fields.status, colon, message,
                       answer->tries > 1 ? ", more than once" : "");
    }
}

/* ---- the API -----------------------------------------------------------------------------------
 */

static int page_begin(void *arg, const struct http_answer *answer, struct err *err)
{
    struct buf *body = arg;

    buf_clear(body);
    if (answer->fields.type && str_eq(answer->fields.type, "text/html"))
        return err_set(err, ERR_PROTOCOL,
                       "a web page came where JSON was due: a proxy's or a login page, or "
                       "GITHUB_API_URL is not the API's");
    return 0;
}

static int page_bytes(void *arg, const void *bytes, size_t count, const struct ctx *ctx,
                      struct err *err)
{
    (void)ctx;
    return buf_add(arg, bytes, count) < 0
               ? err_set(err, ERR_LIMIT, "the answer is larger than %zu MiB", GITHUB_JSON_MAX >> 20)
               : 0;
}

/* One answer of the API: from the cache where it has not changed. *ret_next is the next page's URL;
 * NULL: none. */
static int api_get(struct github *github, const char *url, const char *what, const char *permission,
                   const struct ctx *ctx, struct buf *ret, char **ret_next, struct err *err)
{
    struct http_cached cached;
    bool known = http_cache_read(url, &cached);
    struct http_answer answer = {0};
    struct http_request request = {.url = url,
                                   .accept = ACCEPT_JSON,
                                   .etag = known ? cached.etag : NULL,
                                   .with_token = true,
                                   .sink = {page_begin, page_bytes, ret}};
    int rc = http_get(github->http, &request, ctx, &answer, err);

    *ret_next = NULL;
    if (rc < 0) {
        err_wrap(err, "%s", what);
    } else if (answer.fields.status == 304 && known) {
        buf_clear(ret);
        buf_add(ret, cached.body.data, cached.body.size);
        *ret_next = http_link_next(cached.link);
    } else if (answer.fields.status == 200) {
        *ret_next = http_link_next(answer.fields.link);
        if (answer.fields.etag && answer.fields.etag[0])
            http_cache_write(url, answer.fields.etag, answer.fields.link, ret);
    } else {
        rc = explain(github, &answer, what, permission, err);
    }
    if (rc == 0 && *ret_next && !http_same_origin(github->http, url, *ret_next))
        rc = err_set(err, ERR_PROTOCOL, "%s: its next page is on another host", what);
    http_answer_done(&answer);
    http_cached_done(&cached);
    return rc;
}

/* Every page from `url` on, each given to `read`. */
static int api_pages(struct github *github, const char *url, const char *what,
                     const char *permission, unsigned pages_max, const struct ctx *ctx,
                     int (*read)(void *arg, const struct buf *page, struct err *err), void *arg,
                     struct err *err)
{
    cleanup_free char *at = xstrdup(url);
    cleanup_buf struct buf page = BUF_INIT(GITHUB_JSON_MAX);

    for (unsigned n = 0; at && n < pages_max; n++) {
        char *next = NULL;
        int rc = api_get(github, at, what, permission, ctx, &page, &next, err);
        if (rc == 0) {
            rc = read(arg, &page, err);
            if (rc < 0)
                err_wrap(err, "%s", what);
        }
        free(at);
        at = next;
        if (rc < 0)
            return rc;
    }
    if (at && pages_max > 1)
        return err_set(err, ERR_LIMIT, "%s: more than %u pages", what, pages_max);
    return 0;
}

/* ---- artifacts ---------------------------------------------------------------------------------
 */

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
        xasprintf("%s/repos/%s/actions/runs/%" PRIu64 "/artifacts?per_page=100%s%s", github->api,
                  repo, run_id, name ? "&name=" : "", name ? escaped : "");

    return api_pages(github, url, what, "actions: read", PAGES_MAX, ctx, read_artifacts, ret, err);
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
    cleanup_free char *url = xasprintf("%s/repos/%s/commits/%s", github->api, where->repo, escaped);
    cleanup_buf struct buf body = BUF_INIT(GITHUB_JSON_MAX);
    int rc;

    if (strlen(where->commit) == 40 && strspn(where->commit, "0123456789abcdef") == 40) {
        *ret = xstrdup(where->commit);
        return 0;
    }
    rc = api_get(github, url, what, "contents: read", ctx, &body, &next, err);
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
    url = xasprintf("%s/repos/%s/actions/%s%s%sruns?%s%s&per_page=100", github->api, where->repo,
                    workflow ? "workflows/" : "", workflow ? workflow : "", workflow ? "/" : "",
                    branch ? "status=success&branch=" : "head_sha=", branch ? branch : commit);
    rc = api_pages(github, url, what, "actions: read", 1, ctx, branch ? read_own_runs : read_runs,
                   ret, err);
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

/* ---- releases ----------------------------------------------------------------------------------
 */

static int get_release(struct github *github, const char *repo, const char *tag, bool pre,
                       const char *what, const struct ctx *ctx, char **ret_tag,
                       struct github_files *ret, struct err *err)
{
    bool latest = str_eq(tag, "latest");
    cleanup_free char *escaped = http_escape(tag), *next = NULL;
    cleanup_free char *url = xasprintf("%s/repos/%s/releases%s%s", github->api, repo,
                                       latest && pre ? "?per_page=30"
                                       : latest      ? "/latest"
                                                     : "/tags/",
                                       latest ? "" : escaped);
    cleanup_buf struct buf body = BUF_INIT(GITHUB_JSON_MAX);
    int rc = api_get(github, url, what, "contents: read", ctx, &body, &next, err);

    if (rc == 0) {
        rc = github_read_release(body.data, body.size, ret_tag, ret, err);
        if (rc < 0)
            err_wrap(err, "%s", what);
    }
    if (rc == 0 && !*ret_tag)
        rc = err_set(err, ERR_NOT_FOUND, "%s: there is no release yet", what);
    return rc;
}

int github_find_assets(struct github *github, const char *repo, const char *tag, bool pre,
                       const char *glob, const struct ctx *ctx, char **ret_tag,
                       struct github_files *ret, struct err *err)
{
    __attribute__((cleanup(github_files_done))) struct github_files all = {0};
    cleanup_free char *clean = text_clean_dup(tag, 100, TEXT_ONE_LINE);
    cleanup_free char *what = xasprintf("release %s of %s", clean, repo);
    int rc = get_release(github, repo, tag, pre, what, ctx, ret_tag, &all, err);

    *ret = (struct github_files){0};
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

/* ---- bytes -------------------------------------------------------------------------------------
 */

int github_download(struct github *github, enum github_kind kind, const char *repo,
                    const struct github_file *file, const struct http_sink *sink,
                    const struct ctx *ctx, struct err *err)
{
    bool artifact = kind == GITHUB_ARTIFACT;
    cleanup_free char *clean = text_clean_dup(file->name, 200, TEXT_ONE_LINE);
    cleanup_free char *what =
        xasprintf("%s '%s' of %s", artifact ? "artifact" : "asset", clean, repo);
    cleanup_free char *url = xasprintf(artifact ? "%s/repos/%s/actions/artifacts/%" PRId64 "/zip"
                                                : "%s/repos/%s/releases/assets/%" PRId64,
                                       github->api, repo, file->id);
    struct http_request request = {.url = url,
                                   .accept = artifact ? ACCEPT_JSON : "application/octet-stream",
                                   .with_token = true,
                                   .sink = *sink};
    struct http_answer answer = {0};
    int rc = http_get(github->http, &request, ctx, &answer, err);

    if (rc < 0)
        err_wrap(err, "%s", what);
    else if (answer.fields.status == 410 && file->expires_at)
        rc = err_set(err, ERR_NOT_FOUND, "%s: expired on %.10s (HTTP 410); run the workflow again",
                     what, file->expires_at);
    else if (answer.redirected && answer.fields.status != 200)
        rc = err_set(err, ERR_PROTOCOL, "%s: the storage behind GitHub answers HTTP %ld", what,
                     answer.fields.status);
    else if (answer.fields.status != 200)
        rc = explain(github, &answer, what, artifact ? "actions: read" : "contents: read", err);
    http_answer_done(&answer);
    return rc;
}
