/* SPDX-License-Identifier: MIT
 *
 * paths: from what firmware printed to the one file of the repository that it can be.
 *
 * __FILE__ and debug information name sources as the build saw them: "../src/foo.c",
 * "C:\build\x\src\foo.c", "/home/ci/x/src/foo.c", "foo.c". The tracked path is the one that ends
 * like it, or that it ends like; the longest where one is the end of another. More than one is
 * nobody's: a link to the wrong file is worse than none.
 *
 *     git_paths_open(git, &paths, &err)           once
 *     git_paths_resolve(paths, printed, &path)    often: two binary searches, mostly
 *
 * Constant once made, so threads may share it. Nothing blocks. Paths are bytes.
 */
#ifndef HIL_GIT_PATHS_H
#define HIL_GIT_PATHS_H

#include <stddef.h>

struct git_paths;

enum git_match {
    GIT_PATH_NONE,      /* no tracked file ends like it */
    GIT_PATH_FOUND,     /* exactly one */
    GIT_PATH_AMBIGUOUS, /* several, and nothing to tell them apart */
};

/* `root` is the absolute path of the working tree, NULL or "" where it is not known; `tracked` are
 * paths relative to it. Copies both. */
struct git_paths *git_paths_new(const char *root, const char *const *tracked, size_t count);
/* *ret_path is relative to the root, lives as long as `paths`, and is NULL unless found. A path
 * below the root is that file or none. A bare name matches in any directory; a longer path matches
 * a file of the root directory only where the directory before it has the root's name
 * ("/home/ci/proj/main.c" in a repository at ".../proj"). NULL `paths` knows no file. */
enum git_match git_paths_resolve(const struct git_paths *paths, const char *printed,
                                 const char **ret_path);
size_t git_paths_count(const struct git_paths *paths);
void git_paths_free(struct git_paths *paths); /* NULL is fine */

#endif
