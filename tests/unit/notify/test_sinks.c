/* SPDX-License-Identifier: MIT */
#include "notify/kind.h"
#include "notify/sinks.h"

#include "../scratch.h"
#include "base/fs.h"
#include "base/str.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define BOARDS                                                     \
    "lab: bench\nboards:\n"                                        \
    "  a: {labels: [stm32, f4], qemu: {machine: netduinoplus2}}\n" \
    "  b: {labels: [stm32, f1], qemu: {machine: netduino2}}\n"

struct read {
    char *dir;
    struct lab *lab;
    struct sinks sinks;
    struct diags diags;
};

static struct read read_text(const char *notify)
{
    struct read read = {.dir = scratch_make()};
    cleanup_free char *path = fs_join(read.dir, "lab.yaml");
    cleanup_free char *text = xasprintf("%snotify:\n%s", BOARDS, notify);
    struct err err = {0};

    cr_assert_eq(fs_write(path, text, strlen(text), &err), 0, "%s", err.message);
    cr_assert_eq(lab_load(path, &read.lab, &read.diags, &err), 0, "%s", err.message);
    sinks_read(read.lab, &read.sinks, &read.diags);
    return read;
}

static void read_done(struct read *read)
{
    sinks_done(&read->sinks);
    diags_done(&read->diags);
    lab_free(read->lab);
    scratch_remove(&read->dir);
}

static void expect_fine(const struct read *read)
{
    cr_assert_eq(read->diags.messages.count, 0, "%s", read->diags.messages.items[0]);
}

Test(sinks, the_example_of_the_manual)
{
    struct read read = read_text("  - slack: {url-file: slack.url}\n"
                                 "  - webhook: {url: 'https://x/', secret-file: key}\n"
                                 "    on: [quarantine, pool-low]\n"
                                 "    boards: [f4]\n"
                                 "    every: 0\n"
                                 "  - email: {server: 'smtps://mail', from: l@x, to: [a@x, b@x]}\n"
                                 "    name: mail\n"
                                 "    on: [all]\n"
                                 "  - command: {run: [./bell.sh, now]}\n");
    const struct sink *slack, *webhook, *mail;

    expect_fine(&read);
    cr_assert_eq(read.sinks.count, 4);
    slack = sinks_find(&read.sinks, "slack");
    webhook = sinks_find(&read.sinks, "webhook");
    mail = sinks_find(&read.sinks, "mail");
    cr_assert(slack && webhook && mail && sinks_find(&read.sinks, "command"));
    cr_expect(sink_wants(slack, NOTICE_FAIL) && sink_wants(slack, NOTICE_QUARANTINE));
    cr_expect_not(sink_wants(slack, NOTICE_PASS) || sink_wants(slack, NOTICE_WATCH));
    cr_expect(sink_wants(webhook, NOTICE_POOL_LOW) && !sink_wants(webhook, NOTICE_FAIL));
    cr_expect(sink_wants(mail, NOTICE_PASS) && sink_wants(mail, NOTICE_RIG));
    cr_expect_eq(slack->every_ms, 60000);
    cr_expect_eq(webhook->every_ms, 0);
    cr_expect(sink_has_board(&read.sinks, webhook, "a"));
    cr_expect_not(sink_has_board(&read.sinks, webhook, "b"));
    cr_expect_not(sink_has_board(&read.sinks, webhook, NULL), "what is about no board");
    cr_expect(sink_has_board(&read.sinks, slack, "b") && sink_has_board(&read.sinks, slack, NULL));
    read_done(&read);
}

Test(sinks, mistakes_are_told_where_they_are)
{
    static const struct {
        const char *notify, *message;
    } rows[] = {
        {"  slack: {url: x}\n", ":6:3: 'notify' must be a list"},
        {"  - {on: [fail]}\n", ":6:5: a sink is one of slack, webhook, email, command; this one is "
                               "none"},
        {"  - slack: {url: x}\n    webhook: {url: y}\n", ":7:14: a sink is one of slack"},
        {"  - slack: {}\n", ":6:12: url-file says where the url stands"},
        {"  - slack: {url: x, url-env: Y}\n", "only one of url, url-file and url-env"},
        {"  - slack: {url: x}\n    on: [fial]\n", ":7:9: on: 'fial' is no event (did you mean "
                                                  "'fail'?)"},
        {"  - slack: {url: x}\n    boards: [nobody]\n", "'nobody' is no board's name"},
        {"  - slack: {url: x}\n  - slack: {url: y}\n", ":7:5: there is a sink 'slack' already"},
        {"  - slack: {url: x}\n    name: a/b\n", "name: 'a/b' must be made of"},
        {"  - {slak: {url: x}}\n", "unknown key 'slak' (did you mean 'slack'?)"},
        {"  - webhook: {url: x, secret: a, secret-env: B}\n", "only one of secret"},
        {"  - email: {server: mail, from: a@x, to: b@x}\n", "neither smtps:// nor smtp://"},
        {"  - email: {server: 'smtp://u:p@mail', from: a@x, to: b@x}\n", "stand under user"},
        {"  - email: {server: 'smtp://m', from: nobody, to: b@x}\n",
         "from: 'nobody' is no address"},
        {"  - email: {server: 'smtp://m', from: a@x, to: [\"b@x\\r\\nRCPT TO:<c@x>\"]}\n",
         "is no address"},
        {"  - email: {server: 'smtp://m', from: a@x, to: []}\n", "to: nobody"},
        {"  - email: {server: 'smtp://m', from: a@x, to: b@x, user: u}\n", "go together"},
        {"  - email: {server: 'smtp://m', from: a@x, to: b@x, user: u, password: p, tls: off}\n",
         "in the clear"},
        {"  - command: {run: []}\n", "run"},
        {"  - command: {run: [x], timeout: 0}\n", "timeout: no time at all"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct read read = read_text(rows[i].notify);
        bool found = false;
        for (size_t m = 0; m < read.diags.messages.count; m++)
            found = found || strstr(read.diags.messages.items[m], rows[i].message);
        cr_expect(found, "%s: %s", rows[i].notify,
                  read.diags.messages.count ? read.diags.messages.items[0] : "no mistake");
        read_done(&read);
    }
}

/* ---- secrets --------------------------------------------------------------------------------- */

static void expect_secret(struct secret_conf conf, const char *dir, const char *value, int code)
{
    cleanup_secret char *found = NULL;
    struct err err = {0};
    int rc = secret_read(&conf, "key", dir, &found, &err);

    cr_expect_eq(rc, -code, "%s", err.message);
    cr_expect(str_eq(found, value), "%s", found ? found : "NULL");
}

Test(sinks, secrets_stand_in_files_and_variables)
{
    cleanup_scratch char *dir = scratch_make();
    cleanup_free char *credentials = fs_join(dir, "credentials");
    cleanup_free char *file = fs_join(dir, "key"), *other = fs_join(credentials, "other");
    cleanup_free char *empty = fs_join(dir, "empty");

    cr_assert_eq(fs_mkdirs(credentials, 0700, NULL), 0);
    cr_assert_eq(fs_write(file, "hunter2\n", 8, NULL), 0);
    cr_assert_eq(fs_write(other, "of systemd\n", 11, NULL), 0);
    cr_assert_eq(fs_write(empty, "\n", 1, NULL), 0);
    setenv("CREDENTIALS_DIRECTORY", credentials, 1);
    setenv("HIL_TEST_KEY", "from the environment", 1);
    unsetenv("HIL_TEST_NONE");
    expect_secret((struct secret_conf){.file = (char[]){"key"}}, dir, "hunter2", 0);
    expect_secret((struct secret_conf){.file = (char[]){"other"}}, dir, "of systemd", 0);
    expect_secret((struct secret_conf){.file = (char[]){"none"}}, dir, NULL, ERR_NOT_FOUND);
    expect_secret((struct secret_conf){.file = (char[]){"empty"}}, dir, NULL, ERR_CONFIG);
    expect_secret((struct secret_conf){.env = (char[]){"HIL_TEST_KEY"}}, dir,
                  "from the environment", 0);
    expect_secret((struct secret_conf){.env = (char[]){"HIL_TEST_NONE"}}, dir, NULL, ERR_CONFIG);
    expect_secret((struct secret_conf){.value = (char[]){"plain"}}, dir, "plain", 0);
    expect_secret((struct secret_conf){0}, dir, NULL, 0);
}
