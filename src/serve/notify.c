/* SPDX-License-Identifier: MIT */
#include "serve/notify.h"

#include "base/ctx.h"
#include "base/str.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MESSAGE_MAX 1024

/* Half of what systemd allows, and only where it means us. */
static int64_t watchdog_ms(void)
{
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    uint64_t us = 0, who = 0;

    if (!usec || str_to_u64(usec, INT64_MAX, "WATCHDOG_USEC", &us, NULL) < 0)
        return 0;
    if (pid &&
        (str_to_u64(pid, INT64_MAX, "WATCHDOG_PID", &who, NULL) < 0 || (pid_t)who != getpid()))
        return 0;
    return (int64_t)(us / 2000);
}

void notify_open(struct notify *notify)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = path ? strlen(path) : 0;

    *notify = (struct notify){.fd = -1};
    if (length < 2 || length >= sizeof address.sun_path || !strchr("/@", path[0]))
        return;
    memcpy(address.sun_path, path, length);
    if (path[0] == '@') /* an abstract name */
        address.sun_path[0] = '\0';
    notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (notify->fd >= 0 &&
        connect(notify->fd, (struct sockaddr *)&address,
                (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0)
        close_fd(&notify->fd);
    if (notify->fd >= 0)
        notify->watchdog_ms = watchdog_ms();
}

void notify_send(struct notify *notify, const char *format, ...)
{
    char text[MESSAGE_MAX];
    va_list args;

    if (notify->fd < 0)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)!write(notify->fd, text, strlen(text));
}

void notify_alive(struct notify *notify)
{
    int64_t now = ctx_now_ns();

    if (!notify->watchdog_ms || now - notify->told_ns < notify->watchdog_ms * 1000000 / 2)
        return;
    notify->told_ns = now;
    notify_send(notify, "WATCHDOG=1");
}

void notify_close(struct notify *notify)
{
    close_fd(&notify->fd);
}
