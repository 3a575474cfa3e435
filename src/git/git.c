/* SPDX-License-Identifier: MIT */
#include "git/git.h"

#include "base/ctx.h"
#include "base/fs.h"
#include "base/str.h"
#include "git/git_api.h"

#include <stdlib.h>
#include <string.h>

#define NOT_FOUND "git: %s: in no repository"

struct git {
    struct git_api api;
    git_repository *repository;
};

static int fail(const struct git *git, struct err *err, enum err_code code, const char *what)
{
    const git_error *error = git->api.error_last();

    return err_set(err, code, "git: %s: %s", what,
                   error && error->message ? error->message : "libgit2 does not say why");
}

/* ---- open and close ------------------------------------------------------------------------ */

/* libgit2 1.5 says "not found" of a repository that is another user's where no configuration has a
 * safe.directory at all. */
static int open_failed(const struct git *git, int rc, const char *dir, struct err *err)
{
    git_buf found = {0};

    if (rc != GIT_ENOTFOUND && rc != GIT_EOWNER)
        return fail(git, err, ERR_DATA, dir);
    rc = git->api.repository_discover(&found, dir, 1, NULL);
    if (rc == 0 && found.size > 0 && found.ptr[found.size - 1] == '/')
        found.ptr[found.size - 1] = '\0';
    if (rc == 0 && str_ends(found.ptr, "/.git"))
        found.ptr[strlen(found.ptr) - strlen("/.git")] = '\0';
    rc = rc < 0 ? err_set(err, ERR_NOT_FOUND, NOT_FOUND, dir)
                : err_set(err, ERR_REFUSED,
                          "git: %s belongs to another user, so its commit and paths are not read; "
                          "to allow it: git config --global --add safe.directory '%s'",
                          found.ptr, found.ptr);
    git->api.buf_dispose(&found);
    return rc;
}

/* What libgit2 would go by. To start it takes 10 ms, in which it reads all of the host's
 * certificates: too long where there is nothing to find. */
static bool may_be_repository(const char *dir)
{
    cleanup_free char *at = realpath(dir, NULL);

    while (at) {
        cleanup_free char *inner = fs_join(at, ".git"), *bare = fs_join(at, "HEAD");
        char *slash = strrchr(at, '/');
        if (fs_exists(inner) || fs_exists(bare))
            return true;
        if (!slash[1])
            break;
        slash[slash == at] = '\0';
    }
    return false;
}

int git_open(const char *dir, struct git **ret, struct err *err)
{
    struct git git = {0};
    int rc;

    if (!may_be_repository(dir))
        return err_set(err, ERR_NOT_FOUND, NOT_FOUND, dir);
    rc = git_api_load(&git.api, err);
    if (rc < 0)
        return rc;
    /* Counted by libgit2: the last shutdown frees. */
    if (git.api.libgit2_init() < 0)
        return fail(&git, err, ERR_DATA, "libgit2");
    rc = git.api.repository_open_ext(&git.repository, dir, GIT_REPOSITORY_OPEN_CROSS_FS, NULL);
    if (rc < 0) {
        rc = open_failed(&git, rc, dir, err);
        git.api.libgit2_shutdown();
        return rc;
    }
    *ret = xcalloc(1, sizeof **ret);
    **ret = git;
    return 0;
}

void git_close(struct git *git)
{
    if (!git)
        return;
    git->api.repository_free(git->repository);
    git->api.libgit2_shutdown();
    free(git);
}

/* ---- facts --------------------------------------------------------------------------------- */

static char *read_root(const struct git *git)
{
    const char *dir = git->api.repository_workdir(git->repository);
    size_t size = dir ? strlen(dir) : 0;

    if (size > 1 && dir[size - 1] == '/')
        size--;
    return dir ? xstrndup(dir, size) : NULL;
}

/* *ret is NULL where nothing was committed yet. */
static int read_head(const struct git *git, git_commit **ret, struct err *err)
{
    git_reference *head = NULL;
    int rc = git->api.repository_head(&head, git->repository);

    *ret = NULL;
    if (rc == GIT_EUNBORNBRANCH)
        return 0;
    if (rc == 0)
        rc = git->api.reference_peel((git_object **)ret, head, GIT_OBJECT_COMMIT);
    git->api.reference_free(head);
    return rc < 0 ? fail(git, err, ERR_DATA, "HEAD") : 0;
}

static char *read_commit(const struct git *git, const git_commit *commit)
{
    char text[GIT_OID_HEXSZ + 1];

    return xstrdup(git->api.oid_tostr(text, sizeof text, git->api.commit_id(commit)));
}

static char *shorten(const struct git *git, git_commit *commit)
{
    git_buf text = {0};
    char *name = NULL;

    if (git->api.object_short_id(&text, (git_object *)commit) == 0)
        name = xstrdup(text.ptr);
    git->api.buf_dispose(&text);
    return name;
}

/* A shallow clone lacks the way to its tags: the short commit stands for it then. */
static char *describe(const struct git *git, git_commit *commit)
{
    git_describe_options options;
    git_describe_result *result = NULL;
    git_buf text = {0};
    char *name = NULL;

    git->api.describe_options_init(&options, GIT_DESCRIBE_OPTIONS_VERSION);
    options.describe_strategy = GIT_DESCRIBE_TAGS;
    if (git->api.describe_commit(&result, (git_object *)commit, &options) == 0 &&
        git->api.describe_format(&text, result, NULL) == 0)
        name = xstrdup(text.ptr);
    git->api.buf_dispose(&text);
    git->api.describe_result_free(result);
    return name ? name : shorten(git, commit);
}

struct dirty {
    bool found;
    bool late;
    int64_t deadline_ns;
};

/* The first difference is enough. */
static int stop_at_first(const git_diff *diff, const git_diff_delta *delta, const char *pathspec,
                         void *arg)
{
    struct dirty *dirty = arg;

    (void)diff, (void)delta, (void)pathspec;
    dirty->found = true;
    return GIT_EUSER;
}

/* Before each file. */
static int stop_when_late(const git_diff *diff, const char *old_path, const char *new_path,
                          void *arg)
{
    struct dirty *dirty = arg;

    (void)diff, (void)old_path, (void)new_path;
    dirty->late = ctx_now_ns() >= dirty->deadline_ns;
    return dirty->late ? GIT_EUSER : 0;
}

/* The commit that a submodule stands on; false: it is not checked out. */
static bool submodule_commit(const struct git *git, const char *path, git_oid *ret)
{
    cleanup_free char *full = xasprintf("%s%s", git->api.repository_workdir(git->repository), path);
    git_repository *inner = NULL;
    int rc = git->api.repository_open_ext(&inner, full, GIT_REPOSITORY_OPEN_NO_SEARCH, NULL);

    if (rc == 0)
        rc = git->api.reference_name_to_id(ret, inner, "HEAD");
    git->api.repository_free(inner);
    return rc == 0;
}

static bool submodule_moved(const struct git *git, const git_tree *tree,
                            const git_index_entry *entry)
{
    git_tree_entry *committed = NULL;
    git_oid now = entry->id;

    submodule_commit(git, entry->path, &now);
    bool moved = git->api.tree_entry_bypath(&committed, tree, entry->path) < 0 ||
                 !git->api.oid_equal(git->api.tree_entry_id(committed), &now);
    git->api.tree_entry_free(committed);
    return moved;
}

/* Left out of the diff below, for which libgit2 1.5 would read .gitmodules, and leak. */
static bool any_submodule_moved(const struct git *git, const git_tree *tree)
{
    git_index *index = NULL;
    bool moved = false;

    if (git->api.repository_index(&index, git->repository) < 0)
        return false;
    for (size_t i = 0; i < git->api.index_entrycount(index) && !moved; i++) {
        const git_index_entry *entry = git->api.index_get_byindex(index, i);
        moved = entry->mode == GIT_FILEMODE_COMMIT && submodule_moved(git, tree, entry);
    }
    git->api.index_free(index);
    return moved;
}

static int diff_tree(const struct git *git, const git_tree *tree, struct dirty *dirty,
                     struct err *err)
{
    git_diff_options options;
    git_diff *diff = NULL;
    int rc;

    git->api.diff_options_init(&options, GIT_DIFF_OPTIONS_VERSION);
    options.flags = GIT_DIFF_SKIP_BINARY_CHECK;
    options.ignore_submodules = GIT_SUBMODULE_IGNORE_ALL;
    options.notify_cb = stop_at_first;
    options.progress_cb = stop_when_late;
    options.payload = dirty;
    rc = git->api.diff_tree_to_workdir_with_index(&diff, git->repository, (git_tree *)tree,
                                                  &options);
    git->api.diff_free(diff);
    if (dirty->found)
        return 0;
    if (dirty->late)
        return err_set(err, ERR_TIMEOUT, "git: the working tree is large");
    return rc < 0 ? fail(git, err, ERR_DATA, "the working tree") : 0;
}

int git_dirty(struct git *git, int64_t max_ms, bool *ret, struct err *err)
{
    struct dirty dirty = {.deadline_ns = ctx_now_ns() + max_ms * 1000000};
    git_commit *commit;
    git_tree *tree = NULL;
    int rc = read_head(git, &commit, err);

    *ret = false;
    if (!commit || git->api.repository_is_bare(git->repository)) {
        git->api.commit_free(commit);
        return rc;
    }
    rc =
        git->api.commit_tree(&tree, commit) < 0 ? fail(git, err, ERR_DATA, "the commit's tree") : 0;
    if (rc == 0)
        rc = diff_tree(git, tree, &dirty, err);
    if (rc == 0)
        *ret = dirty.found || any_submodule_moved(git, tree);
    git->api.tree_free(tree);
    git->api.commit_free(commit);
    return rc;
}

static bool is_remote_url(const char *name)
{
    return str_starts(name, "remote.") && str_ends(name, ".url");
}

/* Straight from the configuration: git_remote_list() of libgit2 1.5 leaks for each entry of it, in
 * git_regexp_match(). */
static char *read_owner_name(const struct git *git)
{
    git_config *config = NULL;
    git_config_iterator *entries = NULL;
    git_config_entry *entry;
    cleanup_free char *origin = NULL, *other = NULL;
    size_t others = 0;
    int rc = git->api.repository_config_snapshot(&config, git->repository);

    if (rc == 0)
        rc = git->api.config_iterator_new(&entries, config);
    while (rc == 0 && git->api.config_next(&entry, entries) == 0) {
        bool is_origin = str_eq(entry->name, "remote.origin.url");
        char **url = is_origin ? &origin : &other;
        if (!is_remote_url(entry->name))
            continue;
        others += !is_origin;
        free(*url);
        *url = xstrdup(entry->value);
    }
    git->api.config_iterator_free(entries);
    git->api.config_free(config);
    if (!origin && others == 1)
        return git_owner_name(other);
    return origin ? git_owner_name(origin) : NULL;
}

int git_facts(struct git *git, struct git_facts *ret, struct err *err)
{
    git_commit *commit;
    int rc;

    *ret = (struct git_facts){.root = read_root(git), .owner_name = read_owner_name(git)};
    rc = read_head(git, &commit, err);
    if (!commit)
        return rc;
    ret->commit = read_commit(git, commit);
    ret->describe = describe(git, commit);
    git->api.commit_free(commit);
    return rc;
}

void git_facts_done(struct git_facts *facts)
{
    free(facts->root);
    free(facts->commit);
    free(facts->describe);
    free(facts->owner_name);
    *facts = (struct git_facts){0};
}

/* Two parts of what both sides' servers allow in names, so that they can stand in a URL. */
static bool is_owner_name(const char *text, size_t size)
{
    const char *slash = memchr(text, '/', size);

    if (!slash || slash == text || slash + 1 == text + size)
        return false;
    for (const char *c = text; c < text + size; c++) {
        bool plain = (*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'z') ||
                     (*c >= 'A' && *c <= 'Z') || (*c && strchr("-_.", *c));
        if (!plain && c != slash)
            return false;
    }
    return true;
}

char *git_owner_name(const char *url)
{
    const char *scheme = strstr(url, "://"), *path;

    if (scheme)
        path = strchr(scheme + 3, '/');
    else /* host:path, as scp writes it; a path on this machine has a slash first */
        path = url[strcspn(url, ":/")] == ':' ? strchr(url, ':') : NULL;
    if (!path || str_starts(url, "file:"))
        return NULL;
    path += strspn(path, ":/");
    size_t size = strlen(path);
    while (size > 0 && path[size - 1] == '/')
        size--;
    if (size > 4 && !memcmp(path + size - 4, ".git", 4))
        size -= 4;
    return is_owner_name(path, size) ? xstrndup(path, size) : NULL;
}

/* ---- tracked files ------------------------------------------------------------------------- */

int git_paths_open(struct git *git, struct git_paths **ret, struct err *err)
{
    cleanup_free char *root = read_root(git);
    git_index *index = NULL;

    if (git->api.repository_index(&index, git->repository) < 0)
        return fail(git, err, ERR_DATA, "the index");
    size_t count = git->api.index_entrycount(index), kept = 0;
    cleanup_free const char **tracked = xcalloc(count + !count, sizeof *tracked);
    for (size_t i = 0; i < count; i++) {
        const git_index_entry *entry = git->api.index_get_byindex(index, i);
        if (entry->mode != GIT_FILEMODE_COMMIT && entry->mode != GIT_FILEMODE_LINK)
            tracked[kept++] = entry->path;
    }
    *ret = git_paths_new(root, tracked, kept);
    git->api.index_free(index);
    return 0;
}

struct tracked {
    const struct git *git;
    struct strv paths;
};

static bool is_file(git_filemode_t mode)
{
    return mode == GIT_FILEMODE_BLOB || mode == GIT_FILEMODE_BLOB_EXECUTABLE;
}

/* `root` is "" or ends with a slash. */
static int take_entry(const char *root, const git_tree_entry *entry, void *arg)
{
    struct tracked *tracked = arg;

    if (is_file(tracked->git->api.tree_entry_filemode(entry)))
        strv_addf(&tracked->paths, "%s%s", root, tracked->git->api.tree_entry_name(entry));
    return 0;
}

int git_paths_at(struct git *git, const char *commit, struct git_paths **ret, struct err *err)
{
    struct tracked tracked = {.git = git};
    cleanup_free char *root = read_root(git);
    git_commit *found = NULL;
    git_tree *tree = NULL;
    git_oid id;
    int rc = git->api.oid_fromstr(&id, commit);

    if (rc == 0)
        rc = git->api.commit_lookup(&found, git->repository, &id);
    if (rc < 0)
        return err_set(err, ERR_NOT_FOUND, "git: %s: has no commit %.40s", root ? root : "it",
                       commit);
    rc = git->api.commit_tree(&tree, found);
    if (rc == 0)
        rc = git->api.tree_walk(tree, GIT_TREEWALK_PRE, take_entry, &tracked);
    if (rc == 0)
        *ret = git_paths_new(root, (const char *const *)tracked.paths.items, tracked.paths.count);
    else
        rc = fail(git, err, ERR_DATA, "the commit's files");
    git->api.tree_free(tree);
    git->api.commit_free(found);
    strv_done(&tracked.paths);
    return rc;
}
