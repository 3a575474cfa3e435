/* SPDX-License-Identifier: MIT
 *
 * console tcp: a serial server such as ser2net, or a probe's TCP port.
 *
 *     console: {tcp: {host: 192.168.7.20, port: 3001}}
 */
#include "base/str.h"
#include "board/connect.h"
#include "board/console/console.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

struct console_tcp {
    char *host;
    uint64_t port;
};

static const struct field fields[] = {
    {"host", FIELD_STRING, offsetof(struct console_tcp, host), FIELD_REQUIRED,
     .help = "an address, or a name: that is looked up for as long as the resolver likes"},
    {"port", FIELD_UINT, offsetof(struct console_tcp, port), FIELD_REQUIRED, .min = 1, .max = 65535,
     .help = "the TCP port, raw bytes both ways"},
    {0}};

/* A server that lost its power says nothing: found out after 10 + 3 * 5 s. */
static void keep_alive(int fd)
{
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &(int){1}, sizeof(int));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &(int){10}, sizeof(int));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &(int){5}, sizeof(int));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &(int){3}, sizeof(int));
}

static int open_tcp(void *self, const struct driver_env *env, const struct ctx *ctx, int *ret_fd,
                    struct err *err)
{
    const struct console_tcp *conf = self;
    bool bare_ipv6 = strchr(conf->host, ':') && conf->host[0] != '[';
    cleanup_free char *where =
        xasprintf(bare_ipv6 ? "[%s]:%" PRIu64 : "%s:%" PRIu64, conf->host, conf->port);
    int rc = connect_tcp(where, ctx, ret_fd, err);

    (void)env;
    if (rc == -ERR_NOT_FOUND)
        return err_hint(err, "; is the serial server running there, and is the port right?");
    if (rc < 0)
        return rc;
    keep_alive(*ret_fd);
    return 0;
}

const struct console_driver console_tcp = {
    .base = {.name = "tcp",
             .summary = "a serial server such as ser2net",
             .fields = fields,
             .self_size = sizeof(struct console_tcp),
             .far = true},
    .settle_ms = 50, /* a UART's buffer, the server's and the network's */
    .open = open_tcp,
};
