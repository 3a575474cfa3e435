/* SPDX-License-Identifier: MIT
 *
 * github_api: GitHub's REST API as such: who asks, what an answer means, pages, changes.
 *
 *     github_open(&github, &options, token_file, err)
 *     url = github_url(github, "/repos/%s/check-runs", repo)
 *     github_send(github, &(struct github_change){HTTP_POST, url, body, true}, asked, ctx, &ret, err)
 *     github_close(github)
 *
 * Answers to questions are kept with their ETag (http_cache), so asking again costs no rate limit.
 * Errors say what is missing and what would mend it: a permission, a token, a wrong URL. One thread
 * at a time for each struct github; blocks as http does. GitHub Enterprise: GITHUB_API_URL.
 */
#ifndef HIL_SOURCE_GITHUB_API_H
#define HIL_SOURCE_GITHUB_API_H

#include "base/buf.h"
#include "source/http.h"

#define GITHUB_ACCEPT "application/vnd.github+json"
#define GITHUB_PAGES_MAX 100

struct github;
/* options->token is filled in here: from `token_file`, else from GITHUB_TOKEN, else there is none.
 * -ERR_USAGE: the file or the API's URL is no good. */
int github_open(struct github **ret, const struct http_options *options, const char *token_file,
                struct err *err);
void github_close(struct github *github); /* NULL is fine */
struct http *github_http(struct github *github);
/* For the environment of a child that needs it; NULL: there is none. */
const char *github_token(const struct github *github);

/* "owner/name" as GitHub allows it. */
bool github_repo_ok(const char *repo);
/* Below the API's own URL; what goes into `format` has been through http_escape(). Caller frees. */
char *github_url(const struct github *github, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

struct github_asked {       /* for messages */
    const char *what;       /* "artifacts of run 7 of acme/fw" */
    const char *permission; /* that it needs: "actions: read" */
};

/* One answer, at most as large as `ret` lets it be. *ret_next is the next page's URL, NULL: none;
 * the caller frees. */
int github_get(struct github *github, const char *url, struct github_asked asked,
               const struct ctx *ctx, struct buf *ret, char **ret_next, struct err *err);
/* Every page from `url` on, each given to `read`. One page only where pages_max is 1; -ERR_LIMIT:
 * there are more than it says. */
int github_pages(struct github *github, const char *url, struct github_asked asked,
                 unsigned pages_max, const struct ctx *ctx,
                 int (*read)(void *arg, const struct buf *page, struct err *err), void *arg,
                 struct err *err);

struct github_change {
    enum http_method method;
    const char *url;
    const char *body; /* JSON; NULL: none */
    bool once;        /* as in struct http_request */
};
/* 0: any answer of 2xx, which is copied to `ret` (NULL: nobody wants it), HTTP_TEXT_MAX at most. */
int github_send(struct github *github, const struct github_change *change,
                struct github_asked asked, const struct ctx *ctx, struct buf *ret, struct err *err);

/* What an answer of another status means. */
int github_explain(struct github *github, const struct http_answer *answer,
                   struct github_asked asked, struct err *err);

#endif
