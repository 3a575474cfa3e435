/* SPDX-License-Identifier: MIT */
#include "ssh/ssh.h"

#include "base/fs.h"
#include "base/str.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* As OpenSSH 9.2 and dash print them. */
static const struct {
    const char *words;
    int exit_code;
    enum err_code code;
    const char *message; /* begins with */
} rows[] = {
    {"@@@@@@\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n@@@@@@\n"
     "Host key for pi1 has changed and you have requested strict checking.\n"
     "Host key verification failed.\n",
     255, ERR_REFUSED, "pi1: its host key has changed"},
    {"No ED25519 host key is known for pi1 and you have requested strict checking.\n"
     "Host key verification failed.\n",
     255, ERR_REFUSED, "pi1: its host key is not known"},
    {"pi@pi1: Permission denied (publickey).\n", 255, ERR_REFUSED, "pi1: it lets nobody in"},
    {"ssh: Could not resolve hostname pi1: Name or service not known\n", 255, ERR_NOT_FOUND,
     "pi1: no such host name"},
    {"ssh: connect to host pi1 port 22: Connection refused\n", 255, ERR_NOT_FOUND,
     "pi1: no ssh server answers there"},
    {"ssh: connect to host pi1 port 22: Connection timed out\n", 255, ERR_TIMEOUT,
     "pi1: it does not answer"},
    {"ssh: connect to host pi1 port 22: No route to host\n", 255, ERR_NOT_FOUND,
     "pi1: no way leads there"},
    {"kex_exchange_identification: read: Connection reset by peer\n", 255, ERR_BUSY,
     "pi1: it reset the connection"},
    {"kex_exchange_identification: banner line 0: Not allowed at this time\n", 255, ERR_BUSY,
     "pi1: it broke the connection off"},
    {"Connection to pi1 closed by remote host.\n", 255, ERR_BUSY, "pi1: it closed the connection"},
    {"client_loop: send disconnect: Broken pipe\r\n", 255, ERR_BUSY,
     "pi1: it broke the connection off"},
    {"sh: 1: hil: not found\n", 127, ERR_TOOL, "pi1: hil is not installed there"},
    {"bash: line 1: hil: command not found\n", 127, ERR_TOOL, "pi1: hil is not installed there"},
    {"hil: no such command: 'agent'\nTry: hil --help\n", 2, ERR_PROTOCOL,
     "pi1: its hil is too old to have an agent"},
    {"hil: lab.yaml: not found\n", 3, ERR_TOOL, "pi1: hil agent ended with 3 there"},
    {"", 255, ERR_BUSY, "pi1: ssh: no reason given"},
    {"", -1, ERR_TIMEOUT, "pi1: no hil agent answers"},
};

Test(ssh, tells_apart_why_there_is_no_agent)
{
    const struct server_conf server = {.name = "pi1", .user = (char[]){"pi"}};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct err err = {0};
        cr_expect_eq(ssh_explain(&server, "pi1", rows[i].exit_code, rows[i].words, &err),
                     -(int)rows[i].code, "%s", rows[i].words);
        cr_expect(str_starts(err.message, rows[i].message), "%s", err.message);
        cr_expect_null(strchr(err.message, '\n'), "%s", err.message);
    }
}

/* ---- which host, and how often
 * ----------------------------------------------------------------- */

/* Answers with one letter's code a call, and notes whom it was asked for. */
struct script {
    const char *answers;
    struct buf asked;
};

static int reach(void *arg, const char *host, const struct ctx *open, struct err *err)
{
    struct script *script = arg;
    char answer = script->answers[script->asked.size];

    cr_expect_leq(ctx_left_ms(open), SSH_OPEN_MS);
    buf_add(&script->asked, host, 1);
    switch (answer) {
    case '+':
        return 0;
    case 'b':
        return err_set(err, ERR_BUSY, "%s: broke off", host);
    case 's':
        return err_set(err, ERR_TIMEOUT, "%s: silent", host);
    case 'n':
        return err_set(err, ERR_NOT_FOUND, "%s: no such host", host);
    default:
        return err_set(err, ERR_REFUSED, "%s: another key", host);
    }
}

static const struct {
    const char *answers, *asked; /* hosts a, b, c */
    enum err_code code;
    const char *message;
} turns[] = {
    {"+", "a", ERR_NONE, ""},
    {"b+", "aa", ERR_NONE, ""},
    {"bb+", "aab", ERR_NONE, ""},
    {"bn+", "aab", ERR_NONE, ""},
    {"nb+", "abb", ERR_NONE, ""},
    {"sss", "abc", ERR_TIMEOUT, "server pi1: c: silent"},
    {"snn", "abc", ERR_GONE, "server pi1: c: no such host"},
    {"bbbbbb", "aabbcc", ERR_GONE, "server pi1: c: broke off"},
    {"r", "a", ERR_REFUSED, "server pi1: a: another key"},
    {"br", "aa", ERR_REFUSED, "server pi1: a: another key"},
};

Test(ssh, tries_a_login_that_broke_off_once_more_before_the_next_host)
{
    char state[] = "/tmp/hil-ssh-XXXXXX";

    cr_assert(mkdtemp(state));
    setenv("HIL_STATE_DIR", state, 1);
    for (size_t i = 0; i < ARRAY_SIZE(turns); i++) {
        struct server_conf server = {.name = (char[]){"pi1"}};
        struct script script = {turns[i].answers, BUF_INIT(64)};
        struct ctx ctx = ctx_root(-1, NULL);
        struct err err = {0};
        cleanup_free char *memory = xasprintf("%s/servers/pi1", state);
        unlink(memory);
        for (const char *host = "abc"; *host; host++)
            strv_addf(&server.hosts, "%c", *host);
        cr_expect_eq(ssh_try_hosts(&server, reach, &script, &ctx, &err), -(int)turns[i].code, "%s",
                     turns[i].answers);
        cr_expect_str_eq(script.asked.data, turns[i].asked);
        if (turns[i].code) {
            cr_expect_eq(err.code, turns[i].code, "%s", turns[i].answers);
            cr_expect_str_eq(err.message, turns[i].message);
        }
        strv_done(&server.hosts);
        buf_done(&script.asked);
    }
    fs_remove_tree(state);
}

Test(ssh, a_cancel_ends_the_pause_before_the_second_try)
{
    struct server_conf server = {.name = (char[]){"pi1"}};
    struct script script = {"b+", BUF_INIT(64)};
    cleanup_close int cancel_fd = eventfd(1, 0);
    struct ctx ctx = ctx_root(cancel_fd, NULL);
    struct err err = {0};

    strv_add(&server.hosts, "a");
    cr_expect_eq(ssh_try_hosts(&server, reach, &script, &ctx, &err), -ERR_CANCELLED);
    cr_expect_eq(err.code, ERR_CANCELLED);
    cr_expect_str_eq(script.asked.data, "a");
    strv_done(&server.hosts);
    buf_done(&script.asked);
}
