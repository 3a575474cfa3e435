/* SPDX-License-Identifier: MIT */
#include "ssh/ssh.h"

#include "base/str.h"

#include <criterion/criterion.h>
#include <string.h>

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
    {"kex_exchange_identification: read: Connection reset by peer\n", 255, ERR_NOT_FOUND,
     "pi1: it reset the connection"},
    {"sh: 1: hil: not found\n", 127, ERR_TOOL, "pi1: hil is not installed there"},
    {"bash: line 1: hil: command not found\n", 127, ERR_TOOL, "pi1: hil is not installed there"},
    {"hil: no such command: 'agent'\nTry: hil --help\n", 2, ERR_PROTOCOL,
     "pi1: its hil is too old to have an agent"},
    {"hil: lab.yaml: not found\n", 3, ERR_TOOL, "pi1: hil agent ended with 3 there"},
    {"", 255, ERR_NOT_FOUND, "pi1: ssh: no reason given"},
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
