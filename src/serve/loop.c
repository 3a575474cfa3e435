/* SPDX-License-Identifier: MIT */
#include "serve/loop.h"

#include "base/ctx.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

int loop_stops(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int loop_reloads(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

bool loop_drained(int fd)
{
    struct signalfd_siginfo info;
    bool any = false;

    while (fd >= 0 && read(fd, &info, sizeof info) == (ssize_t)sizeof info)
        any = true;
    return any;
}

int64_t loop_after_ms(int64_t ms)
{
    return ctx_now_ns() + ms * 1000000;
}

void loop_sooner(int64_t *due_ns, int64_t at_ns)
{
    if (at_ns < *due_ns)
        *due_ns = at_ns;
}
