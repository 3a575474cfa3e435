/* SPDX-License-Identifier: MIT */
#include "board/holder.h"

#include "base/str.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void clear_actions(void)
{
    static const char *const names[] = {"GITHUB_ACTIONS",    "GITHUB_SERVER_URL",
                                        "GITHUB_REPOSITORY", "GITHUB_RUN_ID",
                                        "GITHUB_JOB",        "GITHUB_RUN_ATTEMPT"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        unsetenv(names[i]);
}

Test(holder, knows_us_at_a_desk)
{
    char *argv[] = {(char[]){"/usr/bin/hil"}, (char[]){"run"}, (char[]){"a.elf"}};
    struct holder holder;

    clear_actions();
    setenv("GITHUB_RUN_ID", "5", 1); /* alone that is no run */
    holder_self(3, argv, &holder);
    cr_expect_eq(holder.pid, getpid());
    cr_expect_str_eq(holder.command, "hil run a.elf");
    cr_expect(*holder.user);
    cr_expect_null(holder.run_id);
    cr_expect_null(holder.run_url);
    holder_done(&holder);
    cr_expect_null(holder.command);
}

Test(holder, knows_us_in_a_run)
{
    char *argv[] = {(char[]){"hil"}};
    struct holder holder, copy;

    clear_actions();
    setenv("GITHUB_ACTIONS", "true", 1);
    setenv("GITHUB_SERVER_URL", "https://github.com", 1);
    setenv("GITHUB_REPOSITORY", "octo/fw", 1);
    setenv("GITHUB_RUN_ID", "123", 1);
    setenv("GITHUB_RUN_ATTEMPT", "2", 1);
    setenv("GITHUB_JOB", "hw", 1);
    holder_self(1, argv, &holder);
    holder_set_out(&holder, "/tmp/..");
    cleanup_free char *record = holder_to_json(&holder, 1700000000);
    cr_assert(holder_from_json(record, strlen(record), &copy));
    cr_expect_eq(copy.pid, getpid());
    cr_expect_eq(copy.since_unix_s, 1700000000);
    cr_expect_str_eq(copy.user, holder.user);
    cr_expect_str_eq(copy.command, "hil");
    cr_expect_str_eq(copy.repository, "octo/fw");
    cr_expect_str_eq(copy.run_id, "123");
    cr_expect_str_eq(copy.attempt, "2");
    cr_expect_str_eq(copy.out, "/");
    cr_expect_str_eq(copy.job, "hw");
    cr_expect_str_eq(copy.run_url, "https://github.com/octo/fw/actions/runs/123");
    holder_done(&holder);
    holder_done(&copy);
}

Test(holder, a_run_directory_is_an_absolute_path_that_is_there)
{
    static const char relative[] = "{\"pid\": 5, \"out\": \"hil-out\"}";
    struct holder holder = {.pid = 5};

    holder_set_out(&holder, "/nowhere/at/all");
    cr_expect_null(holder.out);
    holder_set_out(&holder, ".");
    cr_expect_eq(holder.out[0], '/');
    holder_done(&holder);
    cr_assert(holder_from_json(relative, strlen(relative), &holder));
    cr_expect_null(holder.out);
    holder_done(&holder);
}

Test(holder, a_long_command_line_is_cut)
{
    char word[3000];
    char *argv[] = {(char[]){"hil"}, word, word};
    struct holder holder, copy;

    memset(word, '\1', sizeof word - 1); /* six bytes each in JSON */
    word[sizeof word - 1] = '\0';
    holder_self(3, argv, &holder);
    cr_expect_eq(strlen(holder.command), 500);
    cleanup_free char *record = holder_to_json(&holder, 1);
    cr_expect_leq(strlen(record), HOLDER_RECORD_MAX);
    cr_expect(holder_from_json(record, strlen(record), &copy));
    holder_done(&holder);
    holder_done(&copy);
}

#define TEXT(literal) ((char *)(uintptr_t)(literal))

Test(holder, is_described_in_one_clean_line)
{
    const int64_t now = time(NULL);
    const struct {
        struct holder holder;
        const char *text;
    } rows[] = {
        {{0}, "somebody"},
        {{.pid = 7}, "somebody (pid 7)"},
        {{.pid = 7, .user = TEXT("al\x1B[31mice\n"), .command = TEXT("hil\trun")},
         "al\xEF\xBF\xBD[31mice  (pid 7, hil run)"},
        {{.pid = 7, .user = TEXT("alice"), .run_url = TEXT("https://x/runs/1")},
         "alice (pid 7, https://x/runs/1)"},
        {{.pid = 7, .user = TEXT("alice"), .since_unix_s = 1700000000},
         "alice (pid 7) since 2023-11-14 22:13:20"},
        {{.pid = 7, .user = TEXT("alice"), .since_unix_s = INT64_MAX}, "alice (pid 7)"},
    };
    struct holder today = {.pid = 7, .user = TEXT("alice"), .since_unix_s = now};

    setenv("TZ", "UTC", 1);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_free char *text = holder_describe(&rows[i].holder);
        cr_expect_str_eq(text, rows[i].text);
    }
    cleanup_free char *text = holder_describe(&today);
    cr_expect(strlen(text) == strlen("alice (pid 7) since 12:03:44") ||
                  (now % 86400 == 0), /* midnight came between */
              "%s", text);
}
