/* SPDX-License-Identifier: MIT
 *
 * github: artifacts and release assets, found and downloaded through GitHub's REST API.
 *
 *     github_find_artifacts(github, &where, "firmware", ctx, &files, err)
 *     github_find_assets(github, repo, "latest", false, "*.zip", ctx, &tag, &files, err)
 *     github_download(github, GITHUB_ASSET, repo, &files.items[0], &sink, ctx, err)
 *
 * The sink sees the bytes as they come. Errors say what is missing: an expired artifact, a name
 * that is nearly right, a permission. Threads and blocking are github_api's.
 */
#ifndef HIL_SOURCE_GITHUB_H
#define HIL_SOURCE_GITHUB_H

#include "source/github_api.h"
#include "source/github_json.h"

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

/* Assets of the release with that tag, of the "latest" (with `pre`, a pre-release may be it), or of
 * the newest whose tag the pattern `tag` matches (a pre-release, too), that match `glob`; at least
 * one. *ret_tag is the release's tag; the caller frees. */
int github_find_assets(struct github *github, const char *repo, const char *tag, bool pre,
                       const char *glob, const struct ctx *ctx, char **ret_tag,
                       struct github_files *ret, struct err *err);

enum github_kind { GITHUB_ARTIFACT, GITHUB_ASSET };
int github_download(struct github *github, enum github_kind kind, const char *repo,
                    const struct github_file *file, const struct http_sink *sink,
                    const struct ctx *ctx, struct err *err);

#endif
