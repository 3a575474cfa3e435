/* SPDX-License-Identifier: MIT
 *
 * leap: a clock that leaps over what nobody waits for: a day of a service in a minute.
 *
 * LD_PRELOAD for a program with one thread, and for it alone: what it forks or executes waits as ever.
 * A wait for descriptors that nothing comes of for a moment ends there, and all clocks are ahead by what
 * was left of it. A wait of no more than two seconds is taken for one for an answer, and has a quarter
 * of a second, so that none is late because of the leaps; with $LEAP_TIMES all waits are that many times
 * shorter instead. By how many seconds the clocks are ahead is in the file $LEAP_FILE.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 2
#define SHORT_MS 2000
#define SHORT_PATIENCE_MS 250

static int64_t ahead_ns, times;
static pid_t owner;

__attribute__((constructor)) static void begin(void)
{
    const char *text = getenv("LEAP_TIMES");

    owner = getpid();
    if (text)
        times = atoll(text);
    unsetenv("LD_PRELOAD");
}

static void *real(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

static int64_t patience(int64_t timeout_ms)
{
    int64_t most = timeout_ms > SHORT_MS ? PATIENCE_MS : SHORT_PATIENCE_MS;

    if (times)
        most = timeout_ms / times + 1;
    return owner != getpid() || timeout_ms < 0 || timeout_ms < most ? timeout_ms : most;
}

static void leap(int64_t ms)
{
    const char *file = getenv("LEAP_FILE");
    char text[32];
    int fd;

    if (ms <= 0)
        return;
    ahead_ns += ms * INT64_C(1000000);
    fd = file ? open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0644) : -1;
    if (fd < 0)
        return;
    snprintf(text, sizeof text, "%020lld\n", (long long)(ahead_ns / 1000000000));
    (void)!pwrite(fd, text, strlen(text), 0);
    close(fd);
}

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
    static int (*next)(struct pollfd *, nfds_t, int);
    int waited = (int)patience(timeout), ready;

    if (!next)
        next = (int (*)(struct pollfd *, nfds_t, int))real("poll");
    ready = next(fds, count, waited);
    if (ready == 0)
        leap(timeout - waited);
    return ready;
}

int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t size)
{
    (void)size;
    return poll(fds, count, timeout);
}

int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask)
{
    static int (*next)(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *);
    int64_t ms = timeout ? timeout->tv_sec * 1000 + (timeout->tv_nsec + 999999) / 1000000 : -1;
    int64_t waited = patience(ms);
    struct timespec wait = {.tv_sec = waited / 1000, .tv_nsec = waited % 1000 * 1000000};
    int ready;

    if (!next)
        next = (int (*)(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *))real(
            "ppoll");
    ready = next(fds, count, timeout ? &wait : NULL, mask);
    if (ready == 0)
        leap(ms - waited);
    return ready;
}

int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                const sigset_t *mask, size_t size)
{
    (void)size;
    return ppoll(fds, count, timeout, mask);
}

int epoll_wait(int fd, struct epoll_event *events, int max, int timeout)
{
    static int (*next)(int, struct epoll_event *, int, int);
    int waited = (int)patience(timeout), ready;

    if (!next)
        next = (int (*)(int, struct epoll_event *, int, int))real("epoll_wait");
    ready = next(fd, events, max, waited);
    if (ready == 0)
        leap(timeout - waited);
    return ready;
}

int clock_gettime(clockid_t clock, struct timespec *ret)
{
    static int (*next)(clockid_t, struct timespec *);
    int rc;

    if (!next)
        next = (int (*)(clockid_t, struct timespec *))real("clock_gettime");
    rc = next(clock, ret);
    if (rc == 0 && (clock == CLOCK_MONOTONIC || clock == CLOCK_REALTIME)) {
        int64_t ns = ret->tv_nsec + ahead_ns % 1000000000;
        ret->tv_sec += ahead_ns / 1000000000 + ns / 1000000000;
        ret->tv_nsec = ns % 1000000000;
    }
    return rc;
}

time_t time(time_t *ret)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (ret)
        *ret = now.tv_sec;
    return now.tv_sec;
}
