/* SPDX-License-Identifier: MIT
 *
 * git_api: libgit2, loaded when the first repository is opened.
 *
 * Linked as usual it would bring some 12 libraries along for transports that are never used, and
 * cost every verb 3 ms at its start. Members are called as their functions, less "git_". Only the
 * version that the headers are of is loaded, since its structs differ from others'.
 *
 * May be called from any thread. What was loaded stays until the program ends.
 */
#ifndef HIL_GIT_GIT_API_H
#define HIL_GIT_GIT_API_H

#include "base/err.h"

#include <git2.h>

#define GIT_API_NAMES(X)               \
    X(buf_dispose)                     \
    X(commit_free)                     \
    X(commit_id)                       \
    X(commit_lookup)                   \
    X(commit_tree)                     \
    X(config_free)                     \
    X(config_iterator_free)            \
    X(config_iterator_new)             \
    X(config_next)                     \
    X(describe_commit)                 \
    X(describe_format)                 \
    X(describe_options_init)           \
    X(describe_result_free)            \
    X(diff_free)                       \
    X(diff_options_init)               \
    X(diff_tree_to_workdir_with_index) \
    X(error_last)                      \
    X(index_entrycount)                \
    X(index_free)                      \
    X(index_get_byindex)               \
    X(libgit2_init)                    \
    X(libgit2_shutdown)                \
    X(object_short_id)                 \
    X(oid_equal)                       \
    X(oid_fromstr)                     \
    X(oid_tostr)                       \
    X(reference_free)                  \
    X(reference_name_to_id)            \
    X(reference_peel)                  \
    X(repository_config_snapshot)      \
    X(repository_discover)             \
    X(repository_free)                 \
    X(repository_head)                 \
    X(repository_index)                \
    X(repository_is_bare)              \
    X(repository_open_ext)             \
    X(repository_workdir)              \
    X(tree_entry_bypath)               \
    X(tree_entry_filemode)             \
    X(tree_entry_free)                 \
    X(tree_entry_id)                   \
    X(tree_entry_name)                 \
    X(tree_free)                       \
    X(tree_walk)

struct git_api {
#define X(name) __typeof__(git_##name) *(name);
    GIT_API_NAMES(X)
#undef X
};

/* -ERR_TOOL: libgit2 of that version is not installed. */
int git_api_load(struct git_api *ret, struct err *err);

#endif
