/* SPDX-License-Identifier: MIT
 *
 * github_json: what GitHub's API says, as plain structs.
 *
 * The readers take any bytes: what is missing or of another type than the API's description says is
 * an error, unknown members are passed over. They append, so that pages add up. Nothing blocks.
 */
#ifndef HIL_SOURCE_GITHUB_JSON_H
#define HIL_SOURCE_GITHUB_JSON_H

#include "base/err.h"
#include "base/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GITHUB_JSON_MAX ((size_t)8 << 20) /* bytes of one answer */

struct github_file { /* an artifact, or an asset of a release */
    int64_t id;
    int64_t size; /* of an asset: exactly; of an artifact: about */
    char *name;
    char sha256[SHA256_HEX_SIZE]; /* of the bytes to download; "" where GitHub has none */
    bool expired;                 /* an artifact whose bytes are gone */
    bool incomplete;              /* an asset whose upload never ended */
    char *expires_at;             /* "2026-11-20T10:00:00Z"; NULL: not said */
    int64_t run_id;               /* of an artifact, 0: not said */
};
struct github_files {
    struct github_file *items;
    size_t count;
};
/* `list` is "artifacts" or "assets", the name of the member that holds them. */
int github_read_files(const char *bytes, size_t count, const char *list, struct github_files *ret,
                      struct err *err);
void github_files_done(struct github_files *files);

struct github_runs {
    int64_t *ids; /* as the API orders them: the newest first */
    size_t count;
    size_t foreign; /* passed over: they ran for a fork's code */
};
int github_read_runs(const char *bytes, size_t count, bool own_only, struct github_runs *ret,
                     struct err *err);
void github_runs_done(struct github_runs *runs);

/* The tag and the assets of a release; of a list of releases, of its first that is no draft and
 * whose tag matches `tags` (NULL: any), where *ret_tag NULL says that there is none. The caller
 * frees the tag. */
int github_read_release(const char *bytes, size_t count, const char *tags, char **ret_tag,
                        struct github_files *ret, struct err *err);
/* A commit's 40 digits. Caller frees. */
int github_read_commit(const char *bytes, size_t count, char **ret, struct err *err);
/* "message" of an error's body, in one line and cut, or "". Caller frees. */
char *github_read_message(const char *bytes, size_t count);

/* 64 hexadecimal digits, in any case, after "sha256:" or alone, to lower case. */
bool github_digest(const char *text, char ret[SHA256_HEX_SIZE]);

#endif
