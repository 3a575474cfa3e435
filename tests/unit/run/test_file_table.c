/* SPDX-License-Identifier: MIT */
#include "../scratch.h"
#include "run/file_table.h"
#include "run/rundir.h"

#define cleanup_run __attribute__((cleanup(run_result_done)))
#define cleanup_paths __attribute__((cleanup(free_paths)))
#define RUN_JSON_MAX ((size_t)16 << 20) /* what rundir reads back */

static const char *const tracked[] = {"src/foo.c", "app/util.c", "lib/util.c", "sr\xFF/bar.c"};

static void free_paths(struct git_paths **paths)
{
    git_paths_free(*paths);
}

static void add_case(struct run_result *run, size_t job, const char *file)
{
    while (run->count <= job) {
        run->jobs = xrealloc(run->jobs, run->count + 1, sizeof *run->jobs);
        run->jobs[run->count] = job_result_new();
        run->jobs[run->count++]->dir = "uno";
    }
    struct test_case *added = suite_add(job_suite(run->jobs[job], "", 0));
    added->name = "t";
    added->file = arena_strdup(&run->jobs[job]->arena, file);
}

static const char *path_of(const struct run_result *run, size_t job, size_t number)
{
    return run->jobs[job]->suites[0].cases[number].path;
}

static void resolve(struct run_result *run)
{
    cleanup_paths struct git_paths *paths = git_paths_new("/x/fw", tracked, ARRAY_SIZE(tracked));

    file_table_resolve(run, paths);
}

static int read_text(const char *text, struct run_result *run, size_t first, struct err *err)
{
    cJSON *json = NULL;

    cr_assert_eq(json_parse(text, strlen(text), RUN_JSON_MAX, "test", &json, err), 0, "%s",
                 err->message);
    int rc = file_table_read(json, run, first, err);
    cJSON_Delete(json);
    return rc;
}

Test(file_table, names_what_the_repository_has)
{
    static const struct {
        const char *printed, *path;
    } rows[] = {
        {"../src/foo.c", "src/foo.c"},
        {"/home/ci/fw/src/foo.c", "src/foo.c"},
        {"util.c", NULL},
        {"app/util.c", "app/util.c"},
        {"../src/foo.c", "src/foo.c"},
        {NULL, NULL},
        {"/opt/sdk/string.c", NULL},
        {"", NULL},
        {"bar.c", NULL}, /* JSON cannot hold its path */
        {"/\xC0/src/foo.c", NULL},
    };
    cleanup_run struct run_result run = {0};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        add_case(&run, 0, rows[i].printed);
    resolve(&run);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cr_expect(str_eq(path_of(&run, 0, i), rows[i].path), "%s", rows[i].printed);
        cr_expect(str_eq(run.jobs[0]->suites[0].cases[i].file, rows[i].printed));
    }
}

Test(file_table, is_read_back_from_run_json)
{
    static const char *const printed[] = {"../src/foo.c", "util.c", "a\"b\\..\\/app/util.c", NULL};
    cleanup_scratch char *dir = scratch_make();
    cleanup_run struct run_result run = {0}, again = {0}, read = {0};
    struct err err = {0};

    for (size_t i = 0; i < ARRAY_SIZE(printed); i++) {
        add_case(&run, i % 2, printed[i]);
        add_case(&again, i % 2 + 1, printed[i]);
    }
    add_case(&again, 0, "../src/foo.c"); /* of another run directory */
    resolve(&run);
    run.origin = (struct run_origin){.server_url = "https://example.org",
                                     .repository = "o/n",
                                     .sha = "0123456789abcdef0123456789abcdef01234567",
                                     .describe = "v1\n\"2\"",
                                     .dirty_known = true,
                                     .dirty = true,
                                     .files_known = true};
    cr_assert_eq(rundir_write_run(dir, &run, &err), 0, "%s", err.message);
    cr_assert_eq(rundir_read_run(dir, &read, &err), 0, "%s", err.message);
    cr_expect_str_eq(read.origin.server_url, "https://example.org");
    cr_expect_str_eq(read.origin.repository, "o/n");
    cr_expect_str_eq(read.origin.sha, run.origin.sha);
    cr_expect_str_eq(read.origin.describe, run.origin.describe);
    cr_expect_null(read.origin.run_url);
    cr_expect(read.origin.dirty_known && read.origin.dirty && read.origin.files_known);

    cr_assert_eq(rundir_read_files(dir, &again, 1, &err), 0, "%s", err.message);
    for (size_t i = 0; i < ARRAY_SIZE(printed); i++)
        cr_expect(str_eq(path_of(&again, i % 2 + 1, i / 2), path_of(&run, i % 2, i / 2)), "%zu", i);
    cr_expect_str_eq(path_of(&again, 2 - 1, 0), "src/foo.c");
    cr_expect_null(path_of(&again, 0, 0));
}

Test(file_table, can_always_be_read_back)
{
    cleanup_scratch char *dir = scratch_make();
    cleanup_run struct run_result run = {0}, again = {0};
    char prefix[1000];
    struct err err = {0};
    size_t found = 0;

    memset(prefix, '\t', sizeof prefix); /* six bytes in JSON each, at worst */
    for (size_t i = 0; i < 3000; i++) {
        cleanup_free char *printed = xasprintf("/%.*s%zu/src/foo.c", (int)sizeof prefix, prefix, i);
        add_case(&run, 0, printed);
        add_case(&again, 0, printed);
    }
    resolve(&run);
    cr_assert_eq(rundir_write_run(dir, &run, &err), 0, "%s", err.message);
    cr_assert_eq(rundir_read_files(dir, &again, 0, &err), 0, "%s", err.message);
    for (size_t i = 0; i < 3000; i++) {
        cr_assert(str_eq(path_of(&again, 0, i), path_of(&run, 0, i)), "%zu", i);
        found += path_of(&run, 0, i) != NULL;
    }
    cr_expect(found > 100 && found < 3000, "%zu", found);
}

Test(file_table, takes_only_what_a_repository_can_have)
{
    static const struct {
        const char *text;
        bool ok;
    } rows[] = {
        {"[]", true},
        {"{}", true},
        {"7", true},
        {"[{\"printed\": \"a\", \"path\": \".github/x..c\"}]", true},
        {"[{\"printed\": \"\", \"path\": \"C:\\\\x\"}]", true},
        {"[{\"printed\": \"a\", \"path\": \"\"}]", false},
        {"[{\"printed\": \"a\", \"path\": \"/x.c\"}]", false},
        {"[{\"printed\": \"a\", \"path\": \"x/\"}]", false},
        {"[{\"printed\": \"a\", \"path\": \"x//y\"}]", false},
        {"[{\"printed\": \"a\", \"path\": \"x/../y\"}]", false},
        {"[{\"printed\": \"a\", \"path\": \"./y\"}]", false},
        {"[{\"printed\": \"a\", \"path\": \"x/..\"}]", false},
        {"[{\"printed\": \"a\", \"path\": null}]", false},
        {"[{\"printed\": 7, \"path\": \"x\"}]", false},
        {"[{\"path\": \"x\"}]", false},
        {"[[[]]]", false},
        {"[7, \"x\"]", false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_run struct run_result run = {0};
        struct err err = {0};
        add_case(&run, 0, "a");
        int rc = read_text(rows[i].text, &run, 0, &err);
        cr_expect_eq(rc, rows[i].ok ? 0 : -ERR_DATA, "%s", rows[i].text);
    }
}

Test(file_table, the_last_word_counts_where_a_name_stands_twice)
{
    cleanup_run struct run_result run = {0};
    struct err err = {0};

    add_case(&run, 0, "a");
    cr_assert_eq(
        read_text("[{\"printed\":\"a\",\"path\":\"x\"},{\"printed\":\"a\",\"path\":\"y\"}]", &run,
                  0, &err),
        0);
    cr_expect_str_eq(path_of(&run, 0, 0), "y");
    cr_assert_eq(file_table_read(NULL, &run, 0, &err), 0);
    cr_expect_null(path_of(&run, 0, 0));
}
