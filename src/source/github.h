/* SPDX-License-Identifier: MIT
 *
 * github: artifacts and release assets, found and downloaded through GitHub's REST API.
 *
 *     github_open(&github, &options, err)      GITHUB_API_URL, GITHUB_TOKEN or a file with the
 * token github_find_artifacts(...) or github_find_assets(...) github_download(github, ..., sink,
 * ...)  the sink sees the bytes as they come github_close(github)
 *
 * Answers are kept with their ETag (http_cache), so asking again costs no rate limit. Errors say
 * what is missing and what would mend it: an expired artifact, a permission, a token. One thread at
 * a time for each struct github; blocks as http does.
 */
#ifndef HIL_SOURCE_GITHUB_H
#define HIL_SOURCE_GITHUB_H

#include "source/github_json.h"
#include "source/http.h"

struct github;
/* options->token is filled in here: from `token_file`, else from GITHUB_TOKEN, else there is none.
 * -ERR_USAGE: the file or the API's URL is no good. */
int github_open(struct github **ret, const struct http_options *options, const char *token_file,
                struct err *err);
void github_close(struct github *github); /* NULL is fine */
struct http *github_http(struct github *github);
/* For the environment of a child that needs it; NULL: there is none. */
const char *github_token(const struct github *github);

struct github_where { /* whose artifacts; one of run_id, commit and branch is set */
    const char *repo; /* "owner/name" */
    uint64_t run_id;
    const char *commit;   /* 40 digits, or anything that GitHub resolves to a commit */
    const char *branch;   /* its newest run that succeeded, of the repository's own code */
    const char *workflow; /* "build.yml" or a number; NULL: any. Not with run_id */
};
/* The artifacts called `name`, or of each name that the pattern matches, the newest (highest id).
 * At least one. -ERR_NOT_FOUND: there is none (the message lists what there is), or it has expired.
 */
int github_find_artifacts(struct github *github, const struct github_where *where, const char *name,
                          const struct ctx *ctx, struct github_files *ret, struct err *err);

/* Assets of the release with that tag, or of the "latest" (with `pre`, a pre-release may be it),
 * that match `glob`; at least one. *ret_tag is the release's tag; the caller frees. */
int github_find_assets(struct github *github, const char *repo, const char *tag, bool pre,
                       const char *glob, const struct ctx *ctx, char **ret_tag,
                       struct github_files *ret, struct err *err);

enum github_kind { GITHUB_ARTIFACT, GITHUB_ASSET };
int github_download(struct github *github, enum github_kind kind, const char *repo,
                    const struct github_file *file, const struct http_sink *sink,
                    const struct ctx *ctx, struct err *err);
/* "owner/name" as GitHub allows it. */
bool github_repo_ok(const char *repo);

#endif
