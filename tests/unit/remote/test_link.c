/* SPDX-License-Identifier: MIT */
#include "remote/link.h"

#include "../scratch.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#define SECOND_NS INT64_C(1000000000)

struct pair {
    int fds[2];
    struct link here, there;
};

static const struct ctx forever = {.deadline_ns = CTX_NEVER, .cancel_fd = -1};

static void setup(struct pair *pair)
{
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair->fds), 0);
    link_init(&pair->here, pair->fds[0], pair->fds[0]);
    link_init(&pair->there, pair->fds[1], pair->fds[1]);
}

static void teardown(struct pair *pair)
{
    link_done(&pair->here);
    link_done(&pair->there);
    close_fd(&pair->fds[0]);
    close_fd(&pair->fds[1]);
}

/* The next frame that `link` gets, while both turn. */
static void next(struct pair *pair, struct link *link, struct link *other, struct frame *ret)
{
    int rc = 0;

    while (rc == 0) {
        struct ctx moment = ctx_narrow(&forever, 1);
        (void)pair;
        link_turn(other, NULL, 0, &moment, NULL);
        moment = ctx_narrow(&forever, 10); /* a turn whose time is over reads nothing */
        link_turn(link, NULL, 0, &moment, NULL);
        rc = link_next(link, ret, NULL);
    }
    cr_assert_eq(rc, 1);
}

Test(link, carries_more_than_a_pipe_holds)
{
    struct pair pair;
    static char body[FRAME_BODY_MAX];
    struct frame frame;

    setup(&pair);
    for (int i = 0; i < 20; i++) {
        memset(body, i, sizeof body);
        cr_assert_eq(link_say(&pair.here, "data", body, sizeof body, NULL), 0);
    }
    for (int i = 0; i < 20; i++) {
        next(&pair, &pair.there, &pair.here, &frame);
        cr_assert_eq(frame.size, sizeof body);
        cr_expect_eq(frame.body[frame.size - 1], i);
        frame_done(&frame);
    }
    teardown(&pair);
}

Test(link, pings_and_keeps_pings_back)
{
    struct pair pair;
    struct frame frame;

    setup(&pair);
    pair.here.said_ns -= 3 * SECOND_NS;
    cr_assert_eq(link_say(&pair.there, "hello", NULL, 0, NULL), 0);
    for (int i = 0; i < 4; i++) {
        struct ctx moment = ctx_narrow(&forever, 10);
        pair.there.heard_ns = 0;
        link_turn(&pair.here, NULL, 0, &moment, NULL);
        pair.there.heard_ns = ctx_now_ns() - SECOND_NS;
        int64_t before = pair.there.heard_ns;
        link_turn(&pair.there, NULL, 0, &moment, NULL);
        if (pair.there.heard_ns != before)
            break;
        cr_assert_lt(i, 3, "no ping came");
    }
    cr_expect_eq(link_next(&pair.there, &frame, NULL), 0, "a ping is no frame for anybody");
    teardown(&pair);
}

Test(link, says_that_nothing_was_heard)
{
    struct pair pair;
    struct err err = {0};

    setup(&pair);
    pair.here.heard_ns -= (LINK_DEAD_MS / 1000 + 1) * SECOND_NS;
    cr_expect_eq(link_turn(&pair.here, NULL, 0, &forever, &err), -ERR_TIMEOUT);
    cr_expect_str_eq(err.message, "nothing was heard for 10 s");
    teardown(&pair);
}

Test(link, gives_what_came_before_the_end)
{
    struct pair pair;
    struct frame frame;
    struct err err = {0};

    setup(&pair);
    cr_assert_eq(link_say(&pair.there, "last", NULL, 0, NULL), 0);
    cr_assert_eq(link_turn(&pair.there, NULL, 0, &forever, NULL), 0);
    shutdown(pair.fds[1], SHUT_RDWR);
    while (!pair.here.ended)
        cr_assert_eq(link_turn(&pair.here, NULL, 0, &forever, &err), 0, "%s", err.message);
    cr_expect_eq(link_next(&pair.here, &frame, NULL), 1);
    frame_done(&frame);
    cr_expect_eq(link_turn(&pair.here, NULL, 0, &forever, &err), -ERR_GONE);
    teardown(&pair);
}
