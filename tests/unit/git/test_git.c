/* SPDX-License-Identifier: MIT */
#include "../scratch.h"
#include "base/ctx.h"
#include "base/proc.h"
#include "git/git.h"

#include <stdarg.h>
#include <sys/stat.h>

#define PATIENCE_MS 10000
#define cleanup_git __attribute__((cleanup(close_git)))
#define cleanup_facts __attribute__((cleanup(git_facts_done)))
#define cleanup_paths __attribute__((cleanup(free_paths)))

static void close_git(struct git **git)
{
    git_close(*git);
}

static void free_paths(struct git_paths **paths)
{
    git_paths_free(*paths);
}

/* Nothing of the user's configuration takes part, and commits are the same every time. */
static void set_up(void)
{
    static const char *const settings[][2] = {
        {"GIT_CONFIG_NOSYSTEM", "1"},    {"GIT_CONFIG_GLOBAL", "/dev/null"},
        {"HOME", "/nonexistent"},        {"GIT_AUTHOR_NAME", "Tester"},
        {"GIT_AUTHOR_EMAIL", "t@t"},     {"GIT_COMMITTER_NAME", "Tester"},
        {"GIT_COMMITTER_EMAIL", "t@t"},  {"GIT_AUTHOR_DATE", "2024-01-01T00:00:00Z"},
        {"GIT_CEILING_DIRECTORIES", ""}, {"GIT_COMMITTER_DATE", "2024-01-01T00:00:00Z"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
        setenv(settings[i][0], settings[i][1], 1);
    unsetenv("XDG_CONFIG_HOME");
    unsetenv("GIT_DIR");
}

TestSuite(git, .init = set_up);

/* Runs a line of shell in `dir`: test set-up reads best in git's own words. */
static void sh(const char *dir, const char *format, ...)
{
    char line[2048], full[4096];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    snprintf(full, sizeof full, "cd '%s' && { %s; } >/dev/null 2>&1", dir, line);
    cr_assert_eq(system(full), 0, "%s", full);
}

#define COMMIT "git init -q -b main . && echo 1 >a.c && git add . && git commit -q -m one"

static struct git *open_git(const char *dir)
{
    struct git *git = NULL;
    struct err err = {0};

    cr_assert_eq(git_open(dir, &git, &err), 0, "%s", err.message);
    return git;
}

static struct git_facts facts_of(const char *dir)
{
    cleanup_git struct git *git = open_git(dir);
    struct git_facts facts;
    struct err err = {0};

    cr_expect_eq(git_facts(git, &facts, &err), 0, "%s", err.message);
    return facts;
}

static bool is_dirty(const char *dir)
{
    cleanup_git struct git *git = open_git(dir);
    struct err err = {0};
    bool dirty = false;

    cr_expect_eq(git_dirty(git, PATIENCE_MS, &dirty, &err), 0, "%s", err.message);
    return dirty;
}

static void expect_path(const char *dir, const char *printed, const char *wanted)
{
    cleanup_git struct git *git = open_git(dir);
    cleanup_paths struct git_paths *paths = NULL;
    struct err err = {0};
    const char *path;

    cr_assert_eq(git_paths_open(git, &paths, &err), 0, "%s", err.message);
    git_paths_resolve(paths, printed, &path);
    cr_expect(str_eq(path, wanted), "%s: %s", printed, path ? path : "none");
}

Test(git, commit_tag_and_distance)
{
    cleanup_scratch char *dir = scratch_make();

    sh(dir, COMMIT);
    cleanup_facts struct git_facts bare = facts_of(dir);
    cr_assert_not_null(bare.commit);
    cr_expect_eq(strlen(bare.commit), 40);
    cr_expect_eq(strlen(bare.describe), 7);
    cr_expect(str_starts(bare.commit, bare.describe));
    cr_expect_not(is_dirty(dir));
    cr_expect_null(bare.owner_name);

    sh(dir, "git tag v1.0"); /* a lightweight one */
    cleanup_facts struct git_facts tagged = facts_of(dir);
    cr_expect_str_eq(tagged.describe, "v1.0");

    sh(dir, "echo 2 >a.c && git commit -qam two && echo 3 >a.c && git commit -qam three");
    cleanup_facts struct git_facts later = facts_of(dir);
    cr_expect(str_starts(later.describe, "v1.0-2-g"), "%s", later.describe);
    cr_expect(str_starts(later.commit, later.describe + 8), "%s", later.describe);
}

Test(git, a_directory_below_belongs_to_it)
{
    cleanup_scratch char *dir = scratch_make();

    sh(dir, COMMIT " && mkdir -p b/c");
    cleanup_free char *below = fs_join(dir, "b/c");
    cleanup_facts struct git_facts facts = facts_of(below);
    cleanup_free char *real = realpath(dir, NULL);
    cr_expect_str_eq(facts.root, real);
    cr_expect_not_null(facts.commit);
}

Test(git, dirty_is_what_tracked_files_say)
{
    static const struct {
        const char *change;
        bool dirty;
    } cases[] = {
        {"true", false},
        {"touch a.c", false},
        {"echo x >untracked.c", false},
        {"echo x >a.c", true},
        {"rm a.c", true},
        {"echo x >b.c && git add b.c", true},
        {"git rm -q --cached a.c", true},
        {"chmod +x a.c", true},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cleanup_scratch char *dir = scratch_make();
        sh(dir, COMMIT " && %s", cases[i].change);
        cr_expect_eq(is_dirty(dir), cases[i].dirty, "%s", cases[i].change);
    }
}

Test(git, dirty_ends_in_time)
{
    cleanup_scratch char *dir = scratch_make();
    struct err err = {0};
    bool dirty = false;

    sh(dir, COMMIT);
    cleanup_git struct git *git = open_git(dir);
    cr_expect_eq(git_dirty(git, 0, &dirty, &err), -ERR_TIMEOUT);
    cr_expect_not(dirty);
    cr_expect(str_starts(err.message, "git: "), "%s", err.message);
}

Test(git, nothing_is_written)
{
    cleanup_scratch char *dir = scratch_make();

    sh(dir, COMMIT " && touch a.c && find . -type f -exec sha256sum {} + | sort >../$(basename "
                   "$PWD).sums");
    cleanup_facts struct git_facts facts = facts_of(dir);
    expect_path(dir, "a.c", "a.c");
    sh(dir, "find . -type f -exec sha256sum {} + | sort | diff - ../$(basename $PWD).sums");
    sh(dir, "rm ../$(basename $PWD).sums");
}

Test(git, detached_head)
{
    cleanup_scratch char *dir = scratch_make();

    sh(dir, COMMIT " && echo 2 >a.c && git commit -qam two && git checkout -q HEAD~1");
    cleanup_facts struct git_facts facts = facts_of(dir);
    cr_expect_not_null(facts.commit);
    cr_expect_not(is_dirty(dir));
    sh(dir, "test $(git rev-parse HEAD) = %s", facts.commit);
}

Test(git, shallow_clone)
{
    cleanup_scratch char *dir = scratch_make();

    sh(dir, "mkdir up && cd up && " COMMIT " && git tag v1 && "
            "for i in 1 2 3 4; do echo 2$i >a.c; git commit -qam $i; done && "
            "git clone -q --depth 2 \"file://$PWD\" ../down");
    cleanup_free char *down = fs_join(dir, "down");
    cleanup_facts struct git_facts facts = facts_of(down);
    cr_assert_not_null(facts.commit);
    cr_assert_not_null(facts.describe);
    cr_expect(str_starts(facts.commit, facts.describe), "%s", facts.describe);
    cr_expect_not(is_dirty(down));
    expect_path(down, "/elsewhere/down/a.c", "a.c");
}

Test(git, no_commits_yet)
{
    cleanup_scratch char *dir = scratch_make();

    sh(dir, "git init -q . && mkdir src && echo 1 >src/a.c && git add .");
    cleanup_facts struct git_facts facts = facts_of(dir);
    cr_expect_null(facts.commit);
    cr_expect_null(facts.describe);
    cr_expect_not(is_dirty(dir));
    cr_expect_not_null(facts.root);
    expect_path(dir, "a.c", "src/a.c");
}

Test(git, bare_repository)
{
    cleanup_scratch char *dir = scratch_make();

    sh(dir, "mkdir up && cd up && " COMMIT " && git clone -q --bare . ../bare");
    cleanup_free char *bare = fs_join(dir, "bare");
    cleanup_facts struct git_facts facts = facts_of(bare);
    cr_expect_null(facts.root);
    cr_expect_not_null(facts.commit);
    expect_path(bare, "a.c", NULL);
}

Test(git, linked_working_tree)
{
    cleanup_scratch char *dir = scratch_make();

    sh(dir, "mkdir one && cd one && " COMMIT " && git worktree add -q ../two");
    cleanup_free char *two = fs_join(dir, "two");
    cleanup_facts struct git_facts facts = facts_of(two);
    cr_expect(str_ends(facts.root, "/two"), "%s", facts.root);
    cr_expect_not_null(facts.commit);
}

static void expect_no_repository(const char *dir, enum err_code code, const char *words)
{
    struct git *git = NULL;
    struct err err = {0};

    cr_expect_eq(git_open(dir, &git, &err), -(int)code, "%s", err.message);
    cr_expect_not_null(strstr(err.message, words), "%s", err.message);
    git_close(git);
}

Test(git, no_repository)
{
    cleanup_scratch char *dir = scratch_make();
    cleanup_free char *missing = fs_join(dir, "missing");

    expect_no_repository(dir, ERR_NOT_FOUND, "in no repository");
    expect_no_repository(missing, ERR_NOT_FOUND, "missing");
}

Test(git, another_users_repository_is_a_note)
{
    cleanup_scratch char *dir = scratch_make();

    if (geteuid() != 0)
        cr_skip("only root can give a directory away");
    sh(dir, COMMIT " && chown -R 12345 .");
    expect_no_repository(dir, ERR_REFUSED, "git config --global --add safe.directory");
}

Test(git, broken_repositories_are_errors_only)
{
    static const char *const damages[] = {
        "echo junk >.git/HEAD",
        "rm -r .git/objects/??",
        "head -c 100 /dev/urandom >.git/index",
        "truncate -s 40 .git/index",
        "echo '[core' >.git/config",
        "printf '[core]\\n\\trepositoryformatversion = 99\\n' >.git/config",
    };
    for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
        cleanup_scratch char *dir = scratch_make();
        cleanup_git struct git *git = NULL;
        cleanup_paths struct git_paths *paths = NULL;
        cleanup_facts struct git_facts facts = {0};
        struct err err = {0};
        sh(dir, COMMIT " && %s", damages[i]);
        int rc = git_open(dir, &git, &err);
        if (rc == 0)
            rc = git_facts(git, &facts, &err);
        if (rc == 0)
            rc = git_paths_open(git, &paths, &err);
        cr_expect_lt(rc, 0, "%s", damages[i]);
        cr_expect(str_starts(err.message, "git: "), "%s: %s", damages[i], err.message);
    }
}

Test(git, submodules_and_links_are_no_files_of_it)
{
    cleanup_scratch char *dir = scratch_make();

    sh(dir, "mkdir lib && cd lib && git init -q -b main . && mkdir src && echo 1 >src/part.c && "
            "git add . && git commit -q -m one");
    sh(dir, "mkdir app && cd app && " COMMIT " && git -c protocol.file.allow=always submodule -q "
            "add ../lib lib && ln -s a.c b.c && git add . && git commit -q -m two");
    cleanup_free char *app = fs_join(dir, "app");
    cleanup_free char *sub = fs_join(app, "lib");
    expect_path(app, "lib/src/part.c", NULL);
    expect_path(app, "lib", NULL);
    expect_path(app, "b.c", NULL);
    expect_path(sub, "../lib/src/part.c", "src/part.c");

    sh(app, "echo junk >lib/junk.o && echo 2 >lib/src/part.c"); /* the submodule's own business */
    cr_expect_not(is_dirty(app));
    sh(app, "cd lib && git commit -qam two");
    cr_expect(is_dirty(app));
}

Test(git, remotes)
{
    static const char *const cases[][2] = {
        {"git remote add origin https://github.com/o/n.git", "o/n"},
        {"git remote add up git@github.com:o/n.git", "o/n"},
        {"git remote add up https://github.com/a/a && git remote add origin https://github.com/o/n",
         "o/n"},
        {"git remote add a https://github.com/a/a && git remote add b https://github.com/b/b",
         NULL},
        {"git remote add origin /srv/git/x.git", NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cleanup_scratch char *dir = scratch_make();
        sh(dir, COMMIT " && %s", cases[i][0]);
        cleanup_facts struct git_facts facts = facts_of(dir);
        cr_expect(str_eq(facts.owner_name, cases[i][1]), "%s: %s", cases[i][0],
                  facts.owner_name ? facts.owner_name : "none");
    }
}

Test(git, owner_and_name_out_of_urls)
{
    static const char *const cases[][2] = {
        {"https://github.com/o/n", "o/n"},
        {"https://github.com/o/n.git", "o/n"},
        {"https://github.com/o/n/", "o/n"},
        {"https://x-access-token:ghs_secret@github.com/o/n.git", "o/n"},
        {"git@github.com:o/n.git", "o/n"},
        {"github.com:o/n", "o/n"},
        {"ssh://git@ghes.example:2222/o/my.repo_1-x.git", "o/my.repo_1-x"},
        {"https://gitlab.example/group/sub/n.git", NULL},
        {"https://github.com/o", NULL},
        {"https://github.com/o/", NULL},
        {"https://github.com//n", NULL},
        {"https://github.com", NULL},
        {"https://github.com/o/n m", NULL},
        {"https://github.com/o/n](javascript:x)", NULL},
        {"file:///srv/git", NULL},
        {"file:///srv/git/n", NULL},
        {"/srv/git", NULL},
        {"../up/n", NULL},
        {"", NULL},
        {":", NULL},
        {"://", NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cleanup_free char *name = git_owner_name(cases[i][0]);
        cr_expect(str_eq(name, cases[i][1]), "%s: %s", cases[i][0], name ? name : "none");
    }
}

Test(git, fifty_thousand_files)
{
    cleanup_scratch char *dir = scratch_make();

    /* an index alone has the paths; no file is needed */
    sh(dir, "git init -q . && id=$(echo x | git hash-object -w --stdin) && "
            "awk -v id=$id 'BEGIN { for (i = 0; i < 50000; i++) "
            "printf \"100644 %%s 0\\tdir%%d/sub%%d/f%%d.c\\n\", id, i %% 50, i %% 999, i }' | "
            "git update-index --index-info");
    cleanup_git struct git *git = open_git(dir);
    cleanup_paths struct git_paths *paths = NULL;
    int64_t begin = ctx_now_ns();
    cr_assert_eq(git_paths_open(git, &paths, NULL), 0);
    int64_t opened = ctx_now_ns();
    for (int i = 0; i < 10000; i++) {
        char printed[64];
        const char *path;
        snprintf(printed, sizeof printed, "/build/sub%d/f%d.c", i % 999, i);
        cr_assert_eq(git_paths_resolve(paths, printed, &path), GIT_PATH_NONE);
        snprintf(printed, sizeof printed, "../sub%d/f%d.c", i % 999, i);
        cr_assert_eq(git_paths_resolve(paths, printed, &path), GIT_PATH_FOUND, "%s", printed);
    }
    int64_t ended = ctx_now_ns();
    cr_log_info("open %.1f ms, 20000 look-ups %.1f ms", (double)(opened - begin) / 1e6,
                (double)(ended - opened) / 1e6);
    cr_expect_eq(git_paths_count(paths), 50000);
    cr_expect_lt(ended - begin, (int64_t)10 * 1000 * 1000 * 1000);
}

Test(git, files_of_an_earlier_commit)
{
    cleanup_scratch char *dir = scratch_make();
    cleanup_paths struct git_paths *then = NULL, *none = NULL;
    const char *path;
    struct err err = {0};

    sh(dir, COMMIT " && mkdir sub && echo 1 >sub/deep.c && ln -s a.c link.c && git add . &&"
                   " git commit -q -m two");
    struct git_facts facts cleanup_facts = facts_of(dir);
    sh(dir, "git mv a.c z.c && git rm -q sub/deep.c && git commit -q -m three");
    cleanup_git struct git *git = open_git(dir);
    cr_assert_eq(git_paths_at(git, facts.commit, &then, &err), 0, "%s", err.message);
    cr_expect_eq(git_paths_count(then), 2, "a link is no source");
    cr_expect_eq(git_paths_resolve(then, "/build/x/sub/deep.c", &path), GIT_PATH_FOUND);
    cr_expect_str_eq(path, "sub/deep.c");
    cr_expect_eq(git_paths_resolve(then, "a.c", &path), GIT_PATH_FOUND);
    cr_expect_eq(git_paths_resolve(then, "z.c", &path), GIT_PATH_NONE);
    cr_expect_eq(git_paths_at(git, "0123456789012345678901234567890123456789", &none, &err),
                 -ERR_NOT_FOUND);
    cr_expect(strstr(err.message, "has no commit 0123456789"), "%s", err.message);
    cr_expect_eq(git_paths_at(git, "no digits", &none, &err), -ERR_NOT_FOUND);
}
