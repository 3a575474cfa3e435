/* SPDX-License-Identifier: MIT */
#include "base/ctx.h"

#include "base/str.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

static int64_t since_ms(int64_t start_ns)
{
    return (ctx_now_ns() - start_ns) / 1000000;
}

Test(ctx, root_has_no_end)
{
    struct ctx root = ctx_root(-1, NULL);

    cr_assert_eq(ctx_left_ms(&root), INT64_MAX);
    cr_assert_not(ctx_cancelled(&root));
    cr_assert_eq(ctx_check(&root, NULL), 0);
}

Test(ctx, narrowing_only_shortens)
{
    struct ctx root = ctx_root(-1, NULL);
    struct ctx second = ctx_narrow(&root, 1000);
    struct ctx minute = ctx_narrow(&second, 60000);

    cr_assert_leq(ctx_left_ms(&second), 1000);
    cr_assert_gt(ctx_left_ms(&second), 900);
    cr_assert_eq(minute.deadline_ns, second.deadline_ns);
}

Test(ctx, absurd_timeouts_do_not_overflow)
{
    struct ctx root = ctx_root(-1, NULL);
    struct ctx forever = ctx_narrow(&root, INT64_MAX);
    struct ctx past = ctx_narrow(&root, INT64_MIN);
    struct err err;

    cr_assert_eq(forever.deadline_ns, CTX_NEVER);
    cr_assert_eq(ctx_narrow(&root, INT64_MAX / 1000000).deadline_ns, CTX_NEVER);
    cr_assert_eq(ctx_left_ms(&past), 0);
    cr_assert_eq(ctx_check(&past, &err), -ERR_TIMEOUT);
    cr_assert_eq(ctx_sleep(&past, INT64_MAX, &err), -ERR_TIMEOUT);
    cr_assert_eq(ctx_sleep(&root, -5, &err), 0);
}

Test(ctx, cleanup_outlives_cancel_and_deadline)
{
    cleanup_close int cancel = eventfd(1, EFD_CLOEXEC);
    struct ctx root = ctx_root(cancel, NULL);
    struct ctx over = ctx_narrow(&root, 0);
    struct ctx after = ctx_cleanup(&over, 5000);

    cr_assert_eq(ctx_check(&over, NULL), -ERR_CANCELLED);
    cr_assert_eq(ctx_check(&after, NULL), 0);
    cr_assert_gt(ctx_left_ms(&after), 4000);
}

Test(ctx, wait_times_out)
{
    struct ctx root = ctx_root(-1, NULL);
    struct ctx ctx = ctx_narrow(&root, 30);
    int64_t start = ctx_now_ns();
    int fds[2];
    struct err err;

    cr_assert_eq(pipe(fds), 0);
    cr_assert_eq(ctx_wait(&ctx, fds[0], POLLIN, &err), -ERR_TIMEOUT);
    cr_assert_geq(since_ms(start), 29);
    cr_assert_eq(err.code, ERR_TIMEOUT);
    close(fds[0]);
    close(fds[1]);
}

Test(ctx, wait_is_cancelled_even_where_bytes_are_ready)
{
    cleanup_close int cancel = eventfd(0, EFD_CLOEXEC);
    struct ctx ctx = ctx_root(cancel, NULL);
    int fds[2];

    cr_assert_eq(pipe(fds), 0);
    cr_assert_eq(write(fds[1], "x", 1), 1);
    cr_assert_eq(ctx_wait(&ctx, fds[0], POLLIN, NULL), POLLIN);
    eventfd_write(cancel, 1);
    cr_assert(ctx_cancelled(&ctx));
    cr_assert_eq(ctx_wait(&ctx, fds[0], POLLIN, NULL), -ERR_CANCELLED);
    cr_assert_eq(ctx_sleep(&ctx, 1000, NULL), -ERR_CANCELLED);
    close(fds[0]);
    close(fds[1]);
}

/* A board that never falls silent must not keep a reader past its deadline. */
Test(ctx, a_ready_descriptor_does_not_outlast_the_deadline)
{
    struct ctx root = ctx_root(-1, NULL);
    struct ctx over = ctx_narrow(&root, 0);
    cleanup_close int zero = open("/dev/zero", O_RDWR | O_CLOEXEC);
    char byte = 0;

    cr_assert_eq(ctx_wait(&over, zero, POLLIN, NULL), -ERR_TIMEOUT);
    cr_assert_eq(ctx_read(&over, zero, &byte, 1, NULL), -ERR_TIMEOUT);
    cr_assert_eq(ctx_write(&over, zero, &byte, 1, NULL), -ERR_TIMEOUT);
}

Test(ctx, sleep_tells_its_own_end_from_the_deadline)
{
    struct ctx root = ctx_root(-1, NULL);
    struct ctx ctx = ctx_narrow(&root, 20);
    int64_t start = ctx_now_ns();

    cr_assert_eq(ctx_sleep(&root, 10, NULL), 0);
    cr_assert_geq(since_ms(start), 9);
    cr_assert_eq(ctx_sleep(&ctx, 60000, NULL), -ERR_TIMEOUT);
    cr_assert_lt(since_ms(start), 30000);
}

Test(ctx, read_returns_bytes_then_the_end)
{
    struct ctx ctx = ctx_root(-1, NULL);
    char bytes[8];
    int fds[2];

    cr_assert_eq(pipe(fds), 0);
    cr_assert_eq(write(fds[1], "abc", 3), 3);
    close(fds[1]);
    cr_assert_eq(ctx_read(&ctx, fds[0], bytes, sizeof bytes, NULL), 3);
    cr_assert_eq(ctx_read(&ctx, fds[0], bytes, sizeof bytes, NULL), 0);
    close(fds[0]);
}

Test(ctx, a_closed_descriptor_is_an_error_not_a_loop)
{
    struct ctx ctx = ctx_root(-1, NULL);
    char byte = 0;
    struct err err;

    cr_assert_eq(ctx_read(&ctx, 1000, &byte, 1, &err), -ERR_IO);
    cr_assert_eq(err.sys_errno, EBADF);
    cr_assert_eq(ctx_write(&ctx, 1000, &byte, 1, &err), -ERR_IO);
}

static void *drain_slowly(void *arg)
{
    int fd = *(int *)arg;
    char bytes[1000];
    size_t total = 0;
    ssize_t n;

    while ((n = read(fd, bytes, sizeof bytes)) > 0)
        total += (size_t)n;
    return (void *)(uintptr_t)total;
}

Test(ctx, write_sends_all_of_it)
{
    struct ctx root = ctx_root(-1, NULL);
    struct ctx ctx = ctx_narrow(&root, 10000);
    size_t count = 1 << 20;
    char *bytes = xcalloc(1, count);
    pthread_t reader;
    void *total;
    int fds[2];

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    fcntl(fds[0], F_SETFL, 0);
    pthread_create(&reader, NULL, drain_slowly, &fds[0]);
    cr_assert_eq(ctx_write(&ctx, fds[1], bytes, count, NULL), 0);
    close(fds[1]);
    pthread_join(reader, &total);
    cr_assert_eq((size_t)(uintptr_t)total, count);
    close(fds[0]);
    free(bytes);
}

Test(ctx, a_write_that_hangs_ends_at_the_deadline)
{
    struct ctx root = ctx_root(-1, NULL);
    struct ctx ctx = ctx_narrow(&root, 30);
    size_t count = 8 << 20;
    char *bytes = xcalloc(1, count);
    int fds[2];

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    cr_assert_eq(ctx_write(&ctx, fds[1], bytes, count, NULL), -ERR_TIMEOUT);
    close(fds[0]);
    close(fds[1]);
    free(bytes);
}

static void nothing(int number)
{
    (void)number;
}

static void *poke(void *arg)
{
    for (int i = 0; i < 20; i++) {
        pthread_kill(*(pthread_t *)arg, SIGUSR1);
        poll(NULL, 0, 2);
    }
    return NULL;
}

Test(ctx, signals_do_not_shorten_a_wait)
{
    struct sigaction action = {.sa_handler = nothing}; /* without SA_RESTART */
    struct ctx root = ctx_root(-1, NULL);
    int64_t start = ctx_now_ns();
    pthread_t self = pthread_self(), thread;

    sigaction(SIGUSR1, &action, NULL);
    pthread_create(&thread, NULL, poke, &self);
    cr_assert_eq(ctx_sleep(&root, 60, NULL), 0);
    cr_assert_geq(since_ms(start), 59);
    pthread_join(thread, NULL);
}
