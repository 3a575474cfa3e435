/* SPDX-License-Identifier: MIT */
#include "serve/listen.h"

#include "base/str.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define BACKLOG 64

int listen_at(const char *address, const char *what, int *ret_fd, struct err *err)
{
    const char *colon = strrchr(address, ':');
    cleanup_free char *host =
        xstrndup(*address == '[' ? address + 1 : address,
                 colon ? (size_t)(colon - address) - (*address == '[' ? 2U : 0U) : 0);
    bool loopback = !*host || str_eq(host, "localhost");
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV},
                    *found = NULL;
    int on = 1, fd, why;

    if (!colon || getaddrinfo(loopback ? "127.0.0.1" : host, colon + 1, &hints, &found) != 0)
        return err_set(err, ERR_CONFIG,
                       "%s: '%.80s' is no address and port such as "
                       "127.0.0.1:8321",
                       what, address);
    fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd < 0 || bind(fd, found->ai_addr, found->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0) {
        why = errno;
        freeaddrinfo(found);
        close_fd(&fd);
        return err_sys(err, why, "%s: %s", what, address);
    }
    freeaddrinfo(found);
    *ret_fd = fd;
    return 0;
}

void listen_name(int fd, char ret[LISTEN_NAME_SIZE])
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    char host[INET6_ADDRSTRLEN] = "", port[8] = "";

    if (getsockname(fd, (struct sockaddr *)&address, &size) == 0)
        getnameinfo((struct sockaddr *)&address, size, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV);
    snprintf(ret, LISTEN_NAME_SIZE, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}

bool listen_is_loopback(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address;

    if (getsockname(fd, (struct sockaddr *)&address, &size) < 0)
        return false;
    if (address.ss_family == AF_INET)
        return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    return address.ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}
