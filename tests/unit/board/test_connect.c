/* SPDX-License-Identifier: MIT */
#include "board/connect.h"

#include "../scratch.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

static int listen_on(int family, const struct sockaddr *address, socklen_t size)
{
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd >= 0 && (bind(fd, address, size) < 0 || listen(fd, 1) < 0))
        close_fd(&fd);
    return fd;
}

Test(connect, reaches_a_tcp_port_in_every_spelling)
{
    static const char *const hosts[] = {"127.0.0.1", "localhost", ""};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    cleanup_close int server = listen_on(AF_INET, (struct sockaddr *)&address, sizeof address);
    socklen_t size = sizeof address;
    struct ctx ctx = scratch_patience();

    cr_assert_geq(server, 0);
    getsockname(server, (struct sockaddr *)&address, &size);
    for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
        cleanup_free char *where = xasprintf("%s:%u", hosts[i], ntohs(address.sin_port));
        cleanup_close int fd = -1;
        struct err err = {0};
        cr_expect_eq(connect_tcp(where, &ctx, &fd, &err), 0, "%s", err.message);
        cr_expect(fcntl(fd, F_GETFL) & O_NONBLOCK);
        cr_expect(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        close(accept(server, NULL, NULL));
    }
}

Test(connect, reaches_an_ipv6_address)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    cleanup_close int server = listen_on(AF_INET6, (struct sockaddr *)&address, sizeof address);
    socklen_t size = sizeof address;
    struct ctx ctx = scratch_patience();
    cleanup_close int fd = -1;
    struct err err = {0};

    if (server < 0)
        cr_skip_test("this host has no IPv6");
    getsockname(server, (struct sockaddr *)&address, &size);
    cleanup_free char *where = xasprintf("[::1]:%u", ntohs(address.sin6_port));
    cr_expect_eq(connect_tcp(where, &ctx, &fd, &err), 0, "%s", err.message);
}

Test(connect, says_what_is_no_host_and_port)
{
    static const char *const wrong[] = {"",      "localhost", "localhost:",   "localhost:http",
                                        "::1:1", "a:65536",   "localhost:-1", "localhost:1 "};
    static const char *const right[] = {"a:1", ":1", "[::1]:65535", "10.0.0.1:3333"};
    struct err err = {0};

    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        cr_expect_eq(connect_tcp_check(wrong[i], &err), -ERR_CONFIG, "%s", wrong[i]);
    for (size_t i = 0; i < ARRAY_SIZE(right); i++)
        cr_expect_eq(connect_tcp_check(right[i], &err), 0, "%s", err.message);
}

Test(connect, nobody_listening_is_not_found)
{
    cleanup_scratch char *dir = scratch_make();
    cleanup_free char *missing = fs_join(dir, "socket");
    cleanup_free char *file = fs_join(dir, "file");
    struct ctx ctx = scratch_patience();
    struct err err = {0};
    int fd = -1;

    cr_expect_eq(connect_unix(missing, &ctx, &fd, &err), -ERR_NOT_FOUND);
    cr_assert_eq(fs_write(file, "", 0, &err), 0);
    cr_expect_eq(connect_unix(file, &ctx, &fd, &err), -ERR_NOT_FOUND);
    cr_expect_eq(err.code, ERR_NOT_FOUND);
    cr_expect_eq(connect_tcp("127.0.0.1:1", &ctx, &fd, &err), -ERR_NOT_FOUND, "%s", err.message);
    cr_expect_eq(fd, -1);
}

Test(connect, a_path_too_long_is_said_beforehand)
{
    cleanup_free char *fits = xasprintf("/%0106d", 0);
    cleanup_free char *exceeds = xasprintf("/%0107d", 0);
    struct ctx ctx = scratch_patience();
    struct err err = {0};
    int fd = -1;

    cr_expect_eq(connect_unix_check(fits, &err), 0);
    cr_expect_eq(connect_unix_check(exceeds, &err), -ERR_CONFIG);
    cr_expect_eq(connect_unix(exceeds, &ctx, &fd, &err), -ERR_CONFIG);
}
