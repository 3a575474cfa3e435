/* SPDX-License-Identifier: MIT */
#include "serve/page/asker.h"

#include "base/fs.h"
#include "base/str.h"

#include "../scratch.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#define SOON_MS 1000

struct probe {
    struct question question;
    char name;
    int go_fd; /* waited for; -1: not */
    struct store *had;
};

static atomic_bool began; /* the one that waits */

static int ask(struct question *question, struct store *store, struct err *err)
{
    struct probe *probe = (struct probe *)question;
    eventfd_t count;

    probe->had = store;
    began = began || probe->go_fd >= 0;
    if (probe->go_fd >= 0)
        eventfd_read(probe->go_fd, &count);
    return probe->name == 'x' ? err_set(err, ERR_DATA, "x is wrong") : 0;
}

static void forget(struct question *question)
{
    free(question);
}

static void put(struct asker *asker, char name, int go_fd, bool first, const char *url)
{
    struct probe *probe = xcalloc(1, sizeof *probe);

    *probe = (struct probe){
        .question = {.ask = ask, .free = forget, .first = first, .url = xstrdup(url)},
        .name = name,
        .go_fd = go_fd};
    asker_put(asker, &probe->question);
}

static struct probe *take(struct asker *asker)
{
    struct question *question;
    struct pollfd wait = {.fd = asker_fd(asker), .events = POLLIN};

    while (!(question = asker_take(asker)))
        cr_assert_eq(poll(&wait, 1, 10000), 1, "no answer");
    return (struct probe *)question;
}

static struct asker *opened(const char *dir, int cancel_fd)
{
    const struct ctx ctx = ctx_root(cancel_fd, NULL);
    struct asker *asker = NULL;
    struct err err = {0};

    cr_assert_eq(asker_open(dir, &ctx, &asker, &err), 0, "%s", err.message);
    return asker;
}

Test(page_asker, questions_are_answered_in_order_and_some_first)
{
    cleanup_close int go_fd = eventfd(0, EFD_CLOEXEC);
    cleanup_scratch char *dir = scratch_make();
    struct asker *asker = opened(dir, -1);
    const char *order = "acxb";

    put(asker, 'a', go_fd, false, NULL);
    while (!began)
        sched_yield();
    put(asker, 'x', -1, false, NULL);
    put(asker, 'b', -1, false, NULL);
    put(asker, 'c', -1, true, NULL);
    cr_expect(!asker_take(asker) && !asker_is_stuck(asker));
    eventfd_write(go_fd, 1);
    for (; *order; order++) {
        struct probe *probe = take(asker);
        cr_expect_eq(probe->name, *order, "%c, not %c", *order, probe->name);
        cr_expect_null(probe->had, "nothing was remembered yet");
        cr_expect_eq(probe->question.rc, probe->name == 'x' ? -ERR_DATA : 0);
        question_free(&probe->question);
    }
    put(asker, 'd', -1, false, NULL); /* what nobody takes is freed */
    asker_close(asker);
}

/* Whoever connects is connected, by the kernel, and hears nothing. Caller frees. */
static char *silent_url(int *ret_fd)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;

    *ret_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(*ret_fd, (struct sockaddr *)&at, size), 0);
    cr_assert_eq(listen(*ret_fd, 8), 0);
    cr_assert_eq(getsockname(*ret_fd, (struct sockaddr *)&at, &size), 0);
    return xasprintf("postgresql://hil@127.0.0.1:%d/lab?sslmode=disable&connect_timeout=1",
                     ntohs(at.sin_port));
}

Test(page_asker, a_silent_database_is_not_asked_again_at_once)
{
    cleanup_close int fd = -1;
    cleanup_free char *url = silent_url(&fd);
    struct asker *asker = opened("/nowhere", -1);
    int64_t heard_ns = 0;

    for (char name = 'a'; name < 'd'; name++)
        put(asker, name, -1, false, url);
    for (char name = 'a'; name < 'd'; name++) {
        struct probe *probe = take(asker);
        cr_expect_eq(probe->question.rc, -ERR_GONE);
        cr_expect(strstr(probe->question.err.message, "does not answer"));
        heard_ns = heard_ns ? heard_ns : ctx_now_ns();
        question_free(&probe->question);
    }
    cr_expect_lt(ctx_now_ns() - heard_ns, SOON_MS * INT64_C(1000000) / 2);
    asker_close(asker);
}

Test(page_asker, a_cancel_ends_it_while_a_database_is_silent)
{
    cleanup_close int fd = -1, cancel_fd = eventfd(0, EFD_CLOEXEC);
    cleanup_free char *url = silent_url(&fd);
    struct asker *asker = opened("/nowhere", cancel_fd);
    struct pollfd comes = {.fd = fd, .events = POLLIN};
    int64_t began_ns;

    put(asker, 'a', -1, false, url);
    cr_assert_eq(poll(&comes, 1, 10000), 1);
    began_ns = ctx_now_ns();
    eventfd_write(cancel_fd, 1);
    asker_close(asker);
    cr_expect_lt(ctx_now_ns() - began_ns, SOON_MS * INT64_C(1000000) / 4, "it was not left behind");
}
