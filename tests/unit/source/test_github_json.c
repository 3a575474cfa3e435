/* SPDX-License-Identifier: MIT */
#include "source/github_json.h"

#include "base/str.h"

#include <criterion/criterion.h>
#include <string.h>

#define DIGEST "0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789abcdef"

static int read_files(const char *text, const char *list, struct github_files *ret, struct err *err)
{
    return github_read_files(text, strlen(text), list, ret, err);
}

Test(github_json, artifacts_add_up_over_pages)
{
    struct github_files files = {0};

    cr_assert_eq(read_files("{\"artifacts\":[{\"id\":7,\"name\":\"fw\",\"size_in_bytes\":9,"
                            "\"expired\":true,\"expires_at\":\"2026-01-02T03:04:05Z\","
                            "\"digest\":\"sha256:" DIGEST "\",\"workflow_run\":{\"id\":3}}]}",
                            "artifacts", &files, NULL),
                 0);
    cr_assert_eq(read_files("{\"artifacts\":[{\"id\":8,\"name\":\"b\",\"digest\":null,"
                            "\"expires_at\":null,\"workflow_run\":null}]}",
                            "artifacts", &files, NULL),
                 0);
    cr_assert_eq(files.count, 2);
    cr_expect_eq(files.items[0].id, 7);
    cr_expect(files.items[0].expired);
    cr_expect_eq(files.items[0].run_id, 3);
    cr_expect_str_eq(files.items[0].sha256,
                     "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
    cr_expect_str_eq(files.items[1].sha256, "");
    cr_expect_null(files.items[1].expires_at);
    github_files_done(&files);
}

Test(github_json, what_is_not_as_described_is_an_error)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"", "empty"},
        {"<html>", "not JSON"},
        {"[]", "'artifacts'"},
        {"{\"artifacts\":{}}", "'artifacts'"},
        {"{\"artifacts\":[{\"name\":\"a\"}]}", "'id'"},
        {"{\"artifacts\":[{\"id\":-5,\"name\":\"a\"}]}", "'id'"},
        {"{\"artifacts\":[{\"id\":1.5,\"name\":\"a\"}]}", "'id'"},
        {"{\"artifacts\":[{\"id\":1e300,\"name\":\"a\"}]}", "'id'"},
        {"{\"artifacts\":[{\"id\":1,\"name\":\"\"}]}", "'name'"},
        {"{\"artifacts\":[{\"id\":1,\"name\":7}]}", "'name'"},
        {"{\"artifacts\":[{\"id\":1,\"name\":\"a\",\"digest\":\"sha256:12\"}]}", "'digest'"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct github_files files = {0};
        struct err err = {0};
        cr_expect_eq(read_files(cases[i].text, "artifacts", &files, &err), -ERR_DATA, "%s",
                     cases[i].text);
        cr_expect(strstr(err.message, cases[i].words), "%s: %s", cases[i].text, err.message);
        github_files_done(&files);
    }
}

Test(github_json, a_digest_of_another_kind_is_none)
{
    struct github_files files = {0};

    cr_assert_eq(read_files("{\"assets\":[{\"id\":1,\"name\":\"a\",\"size\":4,"
                            "\"state\":\"starter\",\"digest\":\"sha512:00\"}]}",
                            "assets", &files, NULL),
                 0);
    cr_expect_str_eq(files.items[0].sha256, "");
    cr_expect_eq(files.items[0].size, 4);
    cr_expect(files.items[0].incomplete);
    github_files_done(&files);
}

/* A fork may call its branch "main", too, and what it built there is not ours. */
Test(github_json, runs_of_forks_are_passed_over)
{
    static const char text[] =
        "{\"workflow_runs\":["
        "{\"id\":4,\"repository\":{\"id\":1},\"head_repository\":{\"id\":2}},"
        "{\"id\":3,\"repository\":{\"id\":1},\"head_repository\":null},"
        "{\"id\":2,\"repository\":{\"id\":1},\"head_repository\":{\"id\":1}}]}";
    struct github_runs own = {0}, all = {0};

    cr_assert_eq(github_read_runs(text, strlen(text), true, &own, NULL), 0);
    cr_assert_eq(own.count, 1);
    cr_expect_eq(own.ids[0], 2);
    cr_expect_eq(own.foreign, 2);
    cr_assert_eq(github_read_runs(text, strlen(text), false, &all, NULL), 0);
    cr_expect_eq(all.count, 3);
    github_runs_done(&own);
    github_runs_done(&all);
}

Test(github_json, the_first_release_that_is_no_draft)
{
    static const char list[] = "[{\"tag_name\":\"v3\",\"draft\":true,\"assets\":[]},"
                               "{\"tag_name\":\"v2\",\"assets\":[{\"id\":1,\"name\":\"a\"}]}]";
    struct github_files files = {0};
    char *tag = NULL;

    cr_assert_eq(github_read_release(list, strlen(list), NULL, &tag, &files, NULL), 0);
    cr_expect_str_eq(tag, "v2");
    cr_expect_eq(files.count, 1);
    free_pointer(&tag);
    github_files_done(&files);
    cr_assert_eq(github_read_release("[]", 2, NULL, &tag, &files, NULL), 0);
    cr_expect_null(tag);
}

Test(github_json, the_first_release_whose_tag_is_like_that)
{
    static const char list[] = "[{\"tag_name\":\"w3\",\"assets\":[]},"
                               "{\"tag_name\":\"v2.1\",\"draft\":true,\"assets\":[]},"
                               "{\"tag_name\":\"v2.0\",\"assets\":[]},"
                               "{\"tag_name\":\"v1\",\"assets\":[]}]";
    struct github_files files = {0};
    char *tag = NULL;

    cr_assert_eq(github_read_release(list, strlen(list), "v2*", &tag, &files, NULL), 0);
    cr_expect_str_eq(tag, "v2.0");
    free_pointer(&tag);
    cr_assert_eq(github_read_release(list, strlen(list), "x*", &tag, &files, NULL), 0);
    cr_expect_null(tag);
}

Test(github_json, messages_are_cut_and_clean)
{
    cleanup_free char *text = github_read_message("{\"message\":\"a\\nb\\u001bc\"}", 24);
    cleanup_free char *none = github_read_message("<html>", 6);

    cr_expect_null(strchr(text, '\n'));
    cr_expect_null(strchr(text, '\033'));
    cr_expect_str_eq(none, "");
}
