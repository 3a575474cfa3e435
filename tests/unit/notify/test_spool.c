/* SPDX-License-Identifier: MIT */
#include "notify/spool.h"

#include "../scratch.h"
#include "base/fs.h"
#include "base/str.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *dir, *root;

static void enter(void)
{
    dir = scratch_make();
    root = spool_root(dir, "bench");
}

static void leave(void)
{
    free(root);
    scratch_remove(&dir);
}

TestSuite(spool, .init = enter, .fini = leave);

static void add(const char *sink, int64_t unix_us)
{
    struct notice notice = {
        .kind = NOTICE_FAIL, .lab = "bench", .title = "title", .unix_us = unix_us};
    struct err err;

    cr_assert_eq(spool_add(root, sink, &notice, &err), 0, "%s", err.message);
}

static struct notice_read read_file(const char *path)
{
    cleanup_free char *text = scratch_text(path);
    struct notice_read read;

    cr_assert_eq(notice_read(text, strlen(text), &read, NULL), 0, "%s: %s", path, text);
    return read;
}

Test(spool, what_waits_is_listed_the_oldest_first)
{
    cleanup_strv struct strv none = {0}, files = {0};
    struct notice_read first;
    struct stat info;

    spool_list(root, "slack", &none);
    cr_expect_eq(none.count, 0);
    add("slack", 3000000);
    add("slack", 1000000);
    add("slack", 2000000);
    add("mail", 5000000);
    spool_list(root, "slack", &files);
    cr_assert_eq(files.count, 3);
    first = read_file(files.items[0]);
    cr_expect_eq(first.notice.unix_us, 1000000);
    notice_read_done(&first);
    cr_assert_eq(stat(root, &info), 0);
    cr_expect_eq(info.st_mode & 0077, 0, "what boards printed is nobody else's");
}

Test(spool, a_full_queue_drops_the_oldest_and_says_how_many)
{
    cleanup_strv struct strv files = {0};
    struct notice_read first, last;
    uint64_t dropped = 0;

    for (int i = 1; i <= SPOOL_MAX + 50; i++)
        add("slack", i * INT64_C(1000000));
    spool_list(root, "slack", &files);
    cr_assert_eq(files.count, SPOOL_MAX);
    for (size_t i = 0; i < files.count; i++) {
        struct notice_read read = read_file(files.items[i]);
        dropped += read.notice.dropped;
        notice_read_done(&read);
    }
    cr_expect_eq(dropped, 50, "%d", (int)dropped);
    first = read_file(files.items[0]);
    last = read_file(files.items[SPOOL_MAX - 1]);
    cr_expect_eq(first.notice.unix_us, 51000000);
    cr_expect_eq(last.notice.unix_us, (SPOOL_MAX + 50) * INT64_C(1000000));
    notice_read_done(&first);
    notice_read_done(&last);
}

Test(spool, there_is_one_sender)
{
    cleanup_close int first = -1, second = -1;

    cr_assert_eq(spool_lock(root, &first, NULL), 0);
    cr_expect_eq(spool_lock(root, &second, NULL), -ERR_BUSY);
    close_fd(&first);
    cr_expect_eq(spool_lock(root, &second, NULL), 0);
}

Test(spool, queues_of_sinks_that_are_gone_go_too)
{
    cleanup_strv struct strv names = {0}, mail = {0}, slack = {0};

    add("mail", 1);
    add("slack", 1);
    strv_add(&names, "mail");
    spool_tidy(root, &names);
    spool_list(root, "mail", &mail);
    spool_list(root, "slack", &slack);
    cr_expect_eq(mail.count, 1);
    cr_expect_eq(slack.count, 0);
}

Test(spool, what_a_killed_writer_left_goes)
{
    cleanup_free char *old = xasprintf("%s/mail/1.json.0badcafe", root);
    cleanup_free char *new = xasprintf("%s/mail/2.json.0badcafe", root);
    static const struct timespec long_ago[2] = {{1000, 0}, {1000, 0}};
    cleanup_strv struct strv names = {0}, mail = {0};

    add("mail", 1);
    strv_add(&names, "mail");
    cr_assert_eq(fs_write(old, "{", 1, NULL), 0);
    cr_assert_eq(fs_write(new, "{", 1, NULL), 0);
    cr_assert_eq(utimensat(AT_FDCWD, old, long_ago, 0), 0);
    spool_tidy(root, &names);
    cr_expect_not(fs_exists(old));
    cr_expect(fs_exists(new), "it may be at work yet");
    spool_list(root, "mail", &mail);
    cr_expect_eq(mail.count, 1);
}

Test(spool, the_state_of_a_sink)
{
    struct spool_state state = {.failures = 3, .next_us = 17, .sent_us = 16};
    cleanup_free char *path = xasprintf("%s/slack/state", root);

    snprintf(state.error, sizeof state.error, "HTTP 500");
    add("slack", 1);
    cr_assert_eq(spool_state_write(root, "slack", &state, NULL), 0);
    state = (struct spool_state){0};
    spool_state_read(root, "slack", &state);
    cr_expect_eq(state.failures, 3);
    cr_expect_eq(state.next_us, 17);
    cr_expect_eq(state.sent_us, 16);
    cr_expect_str_eq(state.error, "HTTP 500");
    cr_assert_eq(fs_write(path, "garbage", 7, NULL), 0);
    spool_state_read(root, "slack", &state);
    cr_expect_eq(state.failures, 0, "what cannot be read is as if it were not there");
}
