/* SPDX-License-Identifier: MIT
 *
 * git: what the repository around a directory says of itself, read only, through libgit2.
 *
 *     git_open(dir, &git, &err)    the repository that contains it
 *     git_facts(git, &facts, &err) commit, describe, owner/name
 *     git_dirty(git, max_ms, ...)  whether files differ from the commit
 *     git_paths_open(git, ...)     its tracked files (git/paths.h)
 *     git_paths_at(git, ...)       those of a commit
 *     git_close(git)
 *
 * Reports are nicer with a repository and right without one: where git_open() fails with
 * -ERR_NOT_FOUND or -ERR_REFUSED, show the message as a note and go on. No program is run, nothing
 * is written, no network is used. One thread at a time for each struct git. Blocks as long as the
 * disk does.
 */
#ifndef HIL_GIT_GIT_H
#define HIL_GIT_GIT_H

#include "base/err.h"
#include "git/paths.h"

#include <stdbool.h>
#include <stdint.h>

struct git;

/* -ERR_NOT_FOUND: no repository there or above; -ERR_REFUSED: it belongs to another user and git's
 * safe.directory does not name it (the message has the command that allows it); -ERR_DATA: it is
 * broken or of a kind that libgit2 cannot read; -ERR_TOOL: there is no libgit2. */
int git_open(const char *dir, struct git **ret, struct err *err);

struct git_facts {  /* strings belong to the caller of git_facts_done() */
    char *root;     /* absolute path of the working tree, without a slash at its end; NULL: bare */
    char *commit;   /* 40 hexadecimal digits; NULL: there is no commit yet */
    char *describe; /* as `git describe --tags --always`; NULL: there is no commit yet */
    char *owner_name; /* "owner/name" of the remote "origin", or of the only one; NULL: not such */
};
/* What cannot be told stays NULL. -ERR_DATA: HEAD cannot be read; what was found until then is in
 * *ret all the same. */
int git_facts(struct git *git, struct git_facts *ret, struct err *err);
void git_facts_done(struct git_facts *facts);

/* *ret: a tracked file differs from the commit; submodules count by their commit. Looks at every
 * tracked file's times, and into those that may have changed. -ERR_TIMEOUT: not told within
 * `max_ms`; -ERR_DATA: the working tree cannot be read. Without a commit or tree nothing differs.
 */
int git_dirty(struct git *git, int64_t max_ms, bool *ret, struct err *err);

/* The files in the index, without submodules' and links. */
int git_paths_open(struct git *git, struct git_paths **ret, struct err *err);
/* The same as a commit has them, 40 hexadecimal digits. -ERR_NOT_FOUND: there is no such commit. */
int git_paths_at(struct git *git, const char *commit, struct git_paths **ret, struct err *err);
void git_close(struct git *git); /* NULL is fine */

/* "owner/name" out of a remote's URL ("git@github.com:o/n.git", "https://host/o/n"), or NULL.
 * Nothing else of it, since URLs hold tokens. Caller frees. */
char *git_owner_name(const char *url);

#endif
