/* SPDX-License-Identifier: MIT */
#include "run/origin.h"

#include "base/fs.h"
#include "base/str.h"
#include "git/git.h"
#include "run/file_table.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define DIRTY_MAX_MS 250

static const char *variable(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

bool origin_in_actions(void)
{
    return str_eq(variable("GITHUB_ACTIONS"), "true");
}

const char *origin_step_summary(void)
{
    return origin_in_actions() ? variable("GITHUB_STEP_SUMMARY") : NULL;
}

const char *origin_step_outputs(void)
{
    return origin_in_actions() ? variable("GITHUB_OUTPUT") : NULL;
}

struct run_origin origin_find(struct arena *arena)
{
    struct run_origin found = {0};
    const char *run = variable("GITHUB_RUN_ID"), *attempt = variable("GITHUB_RUN_ATTEMPT");

    if (!origin_in_actions())
        return found;
    found.server_url = variable("GITHUB_SERVER_URL");
    found.repository = variable("GITHUB_REPOSITORY");
    found.sha = variable("GITHUB_SHA");
    found.ref = variable("GITHUB_HEAD_REF");
    if (!found.ref)
        found.ref = variable("GITHUB_REF_NAME");
    if (found.server_url && found.repository && run)
        found.run_url = arena_printf(arena, "%s/%s/actions/runs/%s/attempts/%s", found.server_url,
                                     found.repository, run, attempt ? attempt : "1");
    return found;
}

/* ---- the repository ---------------------------------------------------------------------- */

enum { DIR_PLAN, DIR_WORKSPACE, DIR_CURRENT, DIR_COUNT };

struct origin_look {
    char *dirs[DIR_COUNT]; /* in order of preference; NULL: there is none */
    pthread_t thread;
    bool has_thread, done;
    struct git_facts facts;
    struct git_paths *paths; /* NULL: no repository that counts */
    bool dirty_known, dirty;
    int rc;
    struct err err;
};

static int open_git(const struct origin_look *look, struct git **ret, struct err *err)
{
    int rc = -ERR_NOT_FOUND;

    for (size_t i = 0; i < DIR_COUNT && rc == -ERR_NOT_FOUND; i++)
        if (look->dirs[i])
            rc = git_open(look->dirs[i], ret, err);
    return rc;
}

/* A runner may stand in somebody's repository that has nothing to do with the firmware. */
static bool is_tested(const struct origin_look *look, const char *root)
{
    const char *workspace = look->dirs[DIR_WORKSPACE];
    cleanup_free char *within = workspace ? realpath(workspace, NULL) : NULL;
    size_t size = within ? strlen(within) : 0;

    if (!workspace || !root)
        return root != NULL;
    return within && str_starts(root, within) && (root[size] == '/' || !root[size]);
}

static int look_at_tree(struct origin_look *look, struct git *git)
{
    int rc = git_dirty(git, DIRTY_MAX_MS, &look->dirty, &look->err);

    look->dirty_known = rc == 0;
    if (rc == 0 || rc == -ERR_TIMEOUT)
        rc = git_paths_open(git, &look->paths, &look->err);
    return rc;
}

static void *look_around(void *arg)
{
    struct origin_look *look = arg;
    struct git *git = NULL;

    look->rc = open_git(look, &git, &look->err);
    if (look->rc == 0)
        look->rc = git_facts(git, &look->facts, &look->err);
    if (look->rc == 0 && is_tested(look, look->facts.root))
        look->rc = look_at_tree(look, git);
    git_close(git);
    return NULL;
}

struct origin_look *origin_look_begin(const char *plan_path)
{
    struct origin_look *look = xcalloc(1, sizeof *look);

    look->dirs[DIR_PLAN] = plan_path ? fs_dirname(plan_path) : NULL;
    look->dirs[DIR_WORKSPACE] = xstrdup(origin_in_actions() ? variable("GITHUB_WORKSPACE") : NULL);
    look->dirs[DIR_CURRENT] = xstrdup(".");
    look->has_thread = pthread_create(&look->thread, NULL, look_around, look) == 0;
    return look;
}

static void tell_commit(const struct origin_look *look, struct run_result *run)
{
    const struct git_facts *facts = &look->facts;
    struct run_origin *origin = &run->origin;

    if (facts->owner_name)
        origin->repository = arena_strdup(&run->arena, facts->owner_name);
    if (facts->commit) {
        origin->sha = arena_strdup(&run->arena, facts->commit);
        origin->describe = arena_strdup(&run->arena, facts->describe);
        origin->dirty_known = look->dirty_known;
        origin->dirty = look->dirty;
    }
    origin->work_tree = arena_strdup(&run->arena, facts->root);
}

static void await(struct origin_look *look)
{
    if (look->done)
        return;
    if (look->has_thread)
        pthread_join(look->thread, NULL);
    else
        look_around(look);
    look->done = true;
}

void origin_look_commit(struct origin_look *look, struct run_result *run)
{
    await(look);
    if (look->paths)
        tell_commit(look, run);
}

int origin_look_end(struct origin_look *look, struct run_result *run, struct err *err)
{
    int rc;

    await(look);
    if (look->paths) {
        tell_commit(look, run);
        file_table_resolve(run, look->paths);
        run->origin.files_known = true;
    }
    rc = look->rc == -ERR_NOT_FOUND ? 0 : look->rc;
    if (rc < 0)
        *err = look->err;
    for (size_t i = 0; i < DIR_COUNT; i++)
        free(look->dirs[i]);
    git_facts_done(&look->facts);
    git_paths_free(look->paths);
    free(look);
    return rc;
}

/* ---- once more --------------------------------------------------------------------------- */

static int open_paths(const struct run_origin *origin, struct git *git, struct git_paths **ret,
                      struct err *err)
{
    struct git_facts facts = {0};
    int rc = git_facts(git, &facts, err);

    if (rc == 0)
        rc = str_eq(facts.commit, origin->sha) || !origin->sha
                 ? git_paths_open(git, ret, err)
                 : git_paths_at(git, origin->sha, ret, err);
    git_facts_done(&facts);
    return rc;
}

int origin_find_files(struct run_result *run, struct err *err)
{
    struct git_paths *paths = NULL;
    struct git *git = NULL;
    int rc = run->origin.work_tree ? git_open(run->origin.work_tree, &git, err) : -ERR_NOT_FOUND;

    if (rc == 0)
        rc = open_paths(&run->origin, git, &paths, err);
    if (rc == 0) {
        file_table_resolve(run, paths);
        run->origin.files_known = true;
    }
    git_paths_free(paths);
    git_close(git);
    return run->origin.work_tree ? rc : 0;
}
