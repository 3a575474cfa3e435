/* SPDX-License-Identifier: MIT
 *
 * What QEMU says on QMP: the greeting, then whatever the input holds.
 */
#include "board/qmp.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    static const char hello[] = "{\"QMP\": {}}\r\n{\"return\": {}}\r\n";
    struct ctx forever = ctx_root(-1, NULL);
    struct ctx ctx = ctx_narrow(&forever, 200);
    struct qmp qmp;
    struct err err;
    int ends[2];

    signal(SIGPIPE, SIG_IGN);
    if (count > 65536 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
        return 0;
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    if (write(ends[1], hello, strlen(hello)) > 0 && (!count || write(ends[1], bytes, count) > 0))
        shutdown(ends[1], SHUT_WR);
    if (qmp_open(&qmp, ends[0], &ctx, &err) == 0) {
        qmp.watch = "RESET";
        if (qmp_call(&qmp, "system_reset", NULL, &ctx, &err) == 0)
            qmp_await(&qmp, &ctx, &err);
    }
    qmp_done(&qmp);
    close(ends[0]);
    close(ends[1]);
    return 0;
}
