/* SPDX-License-Identifier: MIT */
#include "board/connect.h"

#include "base/str.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int connect_unix_check(const char *path, struct err *err)
{
    size_t most = sizeof((struct sockaddr_un *)0)->sun_path - 1;

    if (strlen(path) <= most)
        return 0;
    return err_set(err, ERR_CONFIG,
                   "%s: the path of a unix socket may have %zu bytes, this one has %zu; "
                   "use a shorter directory (HIL_RUNTIME_DIR)",
                   path, most, strlen(path));
}

static int refused(const char *where, int reason, struct err *err)
{
    int rc = err_sys(err, reason, "%s", where);

    /* EAGAIN: a unix socket's queue of connections is full, which passes. */
    if (err && (reason == ECONNREFUSED || reason == EAGAIN))
        err->code = ERR_NOT_FOUND;
    return reason == ECONNREFUSED || reason == EAGAIN ? -ERR_NOT_FOUND : rc;
}

static int connect_to(const struct sockaddr *address, socklen_t size, const char *where,
                      const struct ctx *ctx, int *ret_fd, struct err *err)
{
    cleanup_close int fd =
        socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int reason = 0;
    socklen_t reason_size = sizeof reason;
    int rc;

    if (fd < 0)
        return err_sys(err, errno, "socket");
    if (connect(fd, address, size) < 0) {
        if (errno != EINPROGRESS)
            return refused(where, errno, err);
        rc = ctx_wait(ctx, fd, POLLOUT, err);
        if (rc < 0)
            return err_wrap(err, "%s", where);
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &reason, &reason_size);
        if (reason)
            return refused(where, reason, err);
    }
    *ret_fd = take_fd(&fd);
    return 0;
}

int connect_unix(const char *path, const struct ctx *ctx, int *ret_fd, struct err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int rc = connect_unix_check(path, err);

    if (rc < 0)
        return rc;
    memcpy(address.sun_path, path, strlen(path));
    return connect_to((struct sockaddr *)&address, sizeof address, path, ctx, ret_fd, err);
}

/* Splits at the last colon, and takes the brackets off an IPv6 address. */
static int split_host_port(const char *text, char **ret_host, char **ret_port, struct err *err)
{
    const char *colon = strrchr(text, ':');
    size_t length = colon ? (size_t)(colon - text) : 0;
    bool brackets = length >= 2 && text[0] == '[' && text[length - 1] == ']';
    uint64_t port;

    if (!colon || (!brackets && memchr(text, ':', length)) ||
        str_to_u64(colon + 1, 65535, text, &port, NULL) < 0)
        return err_set(err, ERR_CONFIG, "'%s' is not host:port, such as localhost:3333", text);
    *ret_host = brackets ? xstrndup(text + 1, length - 2) : xstrndup(text, length);
    *ret_port = xstrdup(colon + 1);
    return 0;
}

int connect_tcp_check(const char *host_port, struct err *err)
{
    cleanup_free char *host = NULL, *port = NULL;

    return split_host_port(host_port, &host, &port, err);
}

int connect_tcp(const char *host_port, const struct ctx *ctx, int *ret_fd, struct err *err)
{
    cleanup_free char *host = NULL, *port = NULL;
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int rc = split_host_port(host_port, &host, &port, err);

    if (rc < 0)
        return rc;
    rc = getaddrinfo(host && *host ? host : NULL, port, &hints, &found);
    if (rc)
        return err_set(err, ERR_IO, "%s: %s", host_port, gai_strerror(rc));
    rc = -ERR_NOT_FOUND;
    for (struct addrinfo *at = found; at && rc < 0; at = at->ai_next) {
        rc = connect_to(at->ai_addr, at->ai_addrlen, host_port, ctx, ret_fd, err);
        if (rc == -ERR_TIMEOUT || rc == -ERR_CANCELLED)
            break;
    }
    freeaddrinfo(found);
    if (rc == 0) /* small packets that wait for each other: Nagle would hold them back */
        setsockopt(*ret_fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    return rc;
}
