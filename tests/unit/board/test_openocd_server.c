/* SPDX-License-Identifier: MIT */
#include "board/openocd_server.h"

#include "base/ctx.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What stands in OpenOCD's answers when the third question is asked, an octet 0x1A for each end. */
Test(openocd_server, an_answer_is_that_of_its_question)
{
    static const struct {
        const char *heard, *message;
        int rc;
    } table[] = {
        {"hil: done 3.\x1a", "", 0},
        {"library says so\nhil: done 3.\x1a", "", 0},
        {"hil: failed 3: target not halted\x1a", "openocd: target not halted; see rtt.log",
         -ERR_TOOL},
        {"hil: failed 3:\x1a", "openocd: did not do as it was asked; see rtt.log", -ERR_TOOL},
        {"hil: done 2.\x1ahil: failed 3: no\x1a", "openocd: no; see rtt.log", -ERR_TOOL},
        {"hil: failed 1: old\x1ahil: failed 2: old\x1ahil: done 3.\x1a", "", 0},
        {"hil: done 33.\x1a", "openocd: ended; see rtt.log", -ERR_GONE},
        {"hil: done 3.", "openocd: ended; see rtt.log", -ERR_GONE},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct openocd_server server = {.asked = 2};
        struct ctx ctx = ctx_narrow(&(struct ctx){.deadline_ns = CTX_NEVER, .cancel_fd = -1}, 5000);
        struct err err = {0};
        char question[256] = "";
        int ends[2];

        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        cr_assert_eq(write(ends[1], table[i].heard, strlen(table[i].heard)),
                     (ssize_t)strlen(table[i].heard));
        cr_assert_eq(shutdown(ends[1], SHUT_WR), 0);
        server.fd = ends[0];
        cr_expect_eq(openocd_server_ask(&server, "hil_halt", &ctx, &err), table[i].rc, "row %zu",
                     i);
        cr_expect_str_eq(err.message, table[i].message, "row %zu", i);
        cr_expect_gt(read(ends[1], question, sizeof question - 1), 0);
        cr_expect(strstr(question, "catch {hil_halt}") && strchr(question, 0x1A), "%s", question);
        close(ends[0]);
        close(ends[1]);
    }
}
