/* SPDX-License-Identifier: MIT */
#include "base/str.h"
#include "git/paths.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define cleanup_paths __attribute__((cleanup(free_paths)))

static void free_paths(struct git_paths **paths)
{
    git_paths_free(*paths);
}

static const char *const tracked[] = {
    "main.c",          "src/foo.c",       "app/src/foo.c",      "src/bar.c",
    "src/drv/uart.c",  "lib/uart.c",      "foo/readme.md",      "test/unit/test_one.c",
    "hil/x/deep/a.c",  "x/deep/a.c",      "odd/na me:1.c",      "odd/\xff\xc3.c",
    "src/only_here.c", "src/lib/index.c", "include/lib/core.h", "src/x-bar.c",
};

static const char *match_name(enum git_match match)
{
    return match == GIT_PATH_FOUND ? "found" : match == GIT_PATH_NONE ? "none" : "ambiguous";
}

/* NULL: no file; "": ambiguous. */
static void expect(const struct git_paths *paths, const char *printed, const char *wanted)
{
    enum git_match match = wanted == NULL ? GIT_PATH_NONE
                           : *wanted      ? GIT_PATH_FOUND
                                          : GIT_PATH_AMBIGUOUS;
    const char *path = "untouched";
    enum git_match got = git_paths_resolve(paths, printed, &path);

    cr_expect_eq(got, match, "%s: %s, %s", printed, match_name(got), path ? path : "NULL");
    if (match == GIT_PATH_FOUND)
        cr_expect_str_eq(path, wanted, "%s", printed);
    else
        cr_expect_null(path, "%s: %s", printed, path);
}

Test(paths, what_a_build_prints_is_found_again)
{
    static const char *const cases[][2] = {
        /* as it stands in the repository */
        {"src/bar.c", "src/bar.c"},
        {"./src/bar.c", "src/bar.c"},
        {"src/foo.c", "src/foo.c"}, /* app/src/foo.c ends with it, too */
        /* from a build directory, or a directory below the root */
        {"../src/bar.c", "src/bar.c"},
        {"../../lib/./uart.c", "lib/uart.c"},
        {"../src/foo.c", ""},
        {"drv/uart.c", "src/drv/uart.c"},
        {"../test/../src/drv/uart.c", "src/drv/uart.c"},
        /* bare names */
        {"bar.c", "src/bar.c"},
        {"test_one.c", "test/unit/test_one.c"},
        {"main.c", "main.c"},
        {"foo.c", ""},
        {"uart.c", ""},
        /* of another machine */
        {"C:\\build\\x\\src\\bar.c", "src/bar.c"},
        {"c:/build/app/src/foo.c", "app/src/foo.c"},
        {"/home/ci/work/src/foo.c", "src/foo.c"},
        {"/home/ci/work/hil/x/deep/a.c", "hil/x/deep/a.c"},
        {"/home/ci/work/x/deep/a.c", "x/deep/a.c"},
        {"\\\\server\\share\\src\\bar.c", "src/bar.c"},
        {"/build/proj/main.c", "main.c"},
        {"/build/other/main.c", NULL},
        {"../../sdk/main.c", NULL},
        /* below the root: that file or none */
        {"/work/proj/src/foo.c", "src/foo.c"},
        {"/work/proj/app/../src/foo.c", "src/foo.c"},
        {"/work/proj/build/main.c", NULL},
        {"/work/proj/build/src/foo.c", NULL},
        {"/work/proj2/src/foo.c", "src/foo.c"},
        /* none at all */
        {"", NULL},
        {".", NULL},
        {"/", NULL},
        {"..", NULL},
        {"../..", NULL},
        {"C:\\", NULL},
        {"oo.c", NULL},
        {"rc/bar.c", NULL},
        {"bar.C", NULL},
        {"src", NULL},
        {"bar.c/", "src/bar.c"},
        {"/usr/include/lib/../stdio.h", NULL},
        /* bytes */
        {"odd/na me:1.c", "odd/na me:1.c"},
        {"\xff\xc3.c", "odd/\xff\xc3.c"},
        {"\xff.c", NULL},
    };
    cleanup_paths struct git_paths *paths =
        git_paths_new("/work/proj", tracked, ARRAY_SIZE(tracked));

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        expect(paths, cases[i][0], cases[i][1]);
}

Test(paths, without_files_or_without_a_root)
{
    cleanup_paths struct git_paths *none = git_paths_new("/work/proj", NULL, 0);
    cleanup_paths struct git_paths *bare = git_paths_new(NULL, tracked, ARRAY_SIZE(tracked));

    expect(NULL, "main.c", NULL);
    expect(none, "main.c", NULL);
    expect(bare, "/x/y/src/bar.c", "src/bar.c");
    expect(bare, "/main.c", "main.c"); /* nothing but the name was printed */
    expect(bare, "/x/main.c", NULL);
    cr_expect_eq(git_paths_count(NULL), 0);
    cr_expect_eq(git_paths_count(bare), ARRAY_SIZE(tracked));
}

Test(paths, a_file_that_is_listed_twice_is_one)
{
    static const char *const conflict[] = {"src/a.c", "src/b.c", "src/a.c", "src/a.c"};
    cleanup_paths struct git_paths *paths = git_paths_new("", conflict, ARRAY_SIZE(conflict));

    cr_expect_eq(git_paths_count(paths), 2);
    expect(paths, "a.c", "src/a.c");
}

Test(paths, what_is_too_long_is_no_path)
{
    cleanup_paths struct git_paths *paths = git_paths_new("", tracked, ARRAY_SIZE(tracked));
    cleanup_free char *text = xmalloc(10000);

    memset(text, 'x', 9999);
    text[9999] = '\0';
    expect(paths, text, NULL);
    memcpy(text + 9999 - 10, "/src/bar.c", 10);
    expect(paths, text, NULL);
    memset(text, '/', 4096 - 9);
    memcpy(text + 4096 - 9, "src/bar.c", 10);
    expect(paths, text, "src/bar.c");
}

/* Every tracked file is found by its own path, whatever stands beside it. */
Test(paths, each_file_of_many_finds_itself_and_fast)
{
    enum { DIRS = 500, FILES = 100, LOOKUPS = 10000 };
    cleanup_strv struct strv names = {0};

    for (int d = 0; d < DIRS; d++)
        for (int f = 0; f < FILES; f++)
            strv_addf(&names, "part%d/src%d/file%d.c", d % 25, d, f);
    cleanup_paths struct git_paths *paths =
        git_paths_new("/r", (const char *const *)names.items, names.count);
    cr_assert_eq(git_paths_count(paths), DIRS * FILES);

    clock_t begin = clock();
    for (size_t i = 0; i < LOOKUPS; i++) {
        const char *wanted = names.items[i * 7919 % names.count];
        char printed[64];
        const char *path;
        snprintf(printed, sizeof printed, i % 2 ? "/b/x/%s" : "..\\%s", wanted);
        cr_assert_eq(git_paths_resolve(paths, printed, &path), GIT_PATH_FOUND, "%s", printed);
        cr_assert_str_eq(path, wanted);
    }
    expect(paths, "file7.c", "");
    expect(paths, "src31/file7.c", "part6/src31/file7.c");
    /* far more than it takes under the sanitizers; a walk over all files is a hundred times that */
    cr_expect_lt((double)(clock() - begin) / CLOCKS_PER_SEC, 2.0);
}
