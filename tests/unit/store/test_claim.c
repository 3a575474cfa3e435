/* SPDX-License-Identifier: MIT
 *
 * Claims of several hosts: each has a runtime directory of its own, and thus locks of its own. On a
 * server: tests/with-postgres runs most of these.
 */
#include "store/claim.h"

#include "engine.h"

#include "../scratch.h"
#include "board/fence.h"
#include "store/place.h"

#include <criterion/criterion.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#define SHORT_MS 2000 /* a ttl that a test can wait for */
#define LONG_MS 60000 /* one that no test does */

/* ---- a host whose clock is wrong ------------------------------------------------------------ */

static int64_t skew_s;

/* In place of the C library's, for all of this program. */
int clock_gettime(clockid_t clock, struct timespec *ret)
{
    int rc = (int)syscall(SYS_clock_gettime, clock, ret);

    if (rc == 0 && clock == CLOCK_REALTIME)
        ret->tv_sec += skew_s;
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

/* ---- hosts ---------------------------------------------------------------------------------- */

static const struct store_conf *conf;
static char *dirs[2];

static void enter(void)
{
    conf = engine_conf();
    for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
        dirs[i] = scratch_make();
}

static void leave(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
        scratch_remove(&dirs[i]);
    engine_leave();
}

TestSuite(claim, .init = enter, .fini = leave);

#define NEEDS_SERVER                                             \
    do {                                                         \
        if (!conf)                                               \
            cr_skip_test("needs a server: tests/with-postgres"); \
    } while (0)

struct host {
    struct lab lab;
    struct claims *claims;
    struct holder holder;
};

static struct lab lab_with(char *url, int64_t lease_ms, enum store_away away)
{
    return (struct lab){.name = (char *)(uintptr_t) "bench",
                        .store = {.url = url, .lease_ms = lease_ms, .away = away}};
}

static void host_open(struct host *host, size_t which, int64_t lease_ms)
{
    *host = (struct host){.lab = lab_with(conf ? conf->url : NULL, lease_ms, AWAY_REFUSE),
                          .holder = {.pid = 4711 + (int)which,
                                     .rank = RANK_DESK,
                                     .user = (char *)(uintptr_t)(which ? "bob" : "alice"),
                                     .command = (char *)(uintptr_t) "hil run a.elf"}};
    host->claims = claims_open(&host->lab, dirs[which]);
}

static int host_take(struct host *host, const char *board, bool wait, struct claim **ret,
                     struct err *err)
{
    const struct keeper_wish wish = {
        .boards = &board, .count = 1, .self = &host->holder, .wait = wait};
    struct ctx ctx = scratch_patience();
    cleanup_free char *warning = NULL;
    size_t index;

    return claim_take(host->claims, &wish, &ctx, ret, &index, &warning, err);
}

/* What a driver does that takes `ms`. */
static int touch(const struct claim *claim, int64_t ms, struct err *err)
{
    struct ctx ctx = scratch_patience();
    struct fence_pass pass;
    int rc = fence_enter(claim_fence(claim), &ctx, &pass, err);

    if (rc == 0)
        rc = ctx_sleep(&pass.ctx, ms, err);
    return fence_leave(&pass, rc, err);
}

/* ---- in a file ------------------------------------------------------------------------------ */

Test(claim, in_a_file_it_is_the_kernels_lock)
{
    struct lab lab = lab_with(NULL, LONG_MS, AWAY_REFUSE);
    struct host host;
    struct claim *claim = NULL, *other = NULL;
    struct err err = {0};

    host_open(&host, 0, LONG_MS);
    claims_close(host.claims);
    host.claims = claims_open(&lab, dirs[0]);
    cr_assert_eq(host_take(&host, "a", false, &claim, &err), 0, "%s", err.message);
    cr_expect_null(claim_fence(claim));
    cr_expect_eq(touch(claim, 0, &err), 0);
    cr_expect_eq(host_take(&host, "a", false, &other, &err), -ERR_BUSY);
    claim_drop(claim);
    claims_close(host.claims);
}

/* ---- one after the other -------------------------------------------------------------------- */

struct waiter {
    struct host host;
    pthread_t thread;
    struct claim *claim;
    struct err err;
    int rc;
    int64_t got_ns;
};

static void *wait_for_it(void *arg)
{
    struct waiter *waiter = arg;

    waiter->rc = host_take(&waiter->host, "a", true, &waiter->claim, &waiter->err);
    waiter->got_ns = ctx_now_ns();
    return NULL;
}

static void await_waiters(const char *count)
{
    struct ctx ctx = scratch_patience();

    for (;;) {
        cleanup_free char *said = engine_ask(NULL, "SELECT count(*) FROM lease_waiters");
        if (str_eq(said, count))
            return;
        cr_assert_eq(ctx_sleep(&ctx, 5, NULL), 0);
    }
}

Test(claim, who_waits_is_woken_when_it_is_free)
{
    struct waiter waiter = {.rc = 1};
    struct host here;
    struct claim *claim = NULL, *other = NULL;
    struct err err = {0};
    int64_t dropped_ns;

    NEEDS_SERVER;
    host_open(&here, 0, LONG_MS);
    host_open(&waiter.host, 1, LONG_MS);
    cr_assert_eq(host_take(&here, "a", false, &claim, &err), 0, "%s", err.message);
    cr_expect_eq(host_take(&waiter.host, "a", false, &other, &err), -ERR_BUSY);
    cr_expect(str_starts(err.message, "a is held by alice on "), "%s", err.message);
    cr_expect(str_ends(err.message, "; try: --wait 10m"), "%s", err.message);
    cr_assert_eq(pthread_create(&waiter.thread, NULL, wait_for_it, &waiter), 0);
    await_waiters("1");
    dropped_ns = ctx_now_ns();
    claim_drop(claim);
    pthread_join(waiter.thread, NULL);
    cr_assert_eq(waiter.rc, 0, "%s", waiter.err.message);
    cr_expect_lt(waiter.got_ns - dropped_ns, INT64_C(5000000000),
                 "it would look by itself in 15 s");
    cr_expect_eq(touch(waiter.claim, 0, &err), 0);
    await_waiters("0");
    claim_drop(waiter.claim);
    claims_close(here.claims);
    claims_close(waiter.host.claims);
}

static void give_up(void *arg, const char *why)
{
    cr_expect(str_starts(why, "a is held by alice on "), "%s", why);
    eventfd_write(*(int *)arg, 1);
}

Test(claim, who_gives_up_leaves_the_queue)
{
    const char *const board = "a";
    cleanup_close int cancel_fd = eventfd(0, EFD_CLOEXEC);
    struct host here, there;
    struct ctx ctx = ctx_root(cancel_fd, NULL);
    struct keeper_wish wish = {.boards = &board,
                               .count = 1,
                               .self = &there.holder,
                               .wait = true,
                               .waiting = give_up,
                               .arg = &cancel_fd};
    struct claim *claim = NULL, *other = NULL;
    cleanup_free char *warning = NULL;
    struct err err = {0};
    size_t index;

    NEEDS_SERVER;
    host_open(&here, 0, LONG_MS);
    host_open(&there, 1, LONG_MS);
    cr_assert_eq(host_take(&here, "a", false, &claim, &err), 0, "%s", err.message);
    cr_expect_eq(claim_take(there.claims, &wish, &ctx, &other, &index, &warning, &err),
                 -ERR_CANCELLED);
    await_waiters("0");
    claim_drop(claim);
    cr_expect_eq(host_take(&there, "a", false, &claim, &err), 0, "%s", err.message);
    claim_drop(claim);
    claims_close(here.claims);
    claims_close(there.claims);
}

/* As hil watch waits: it is first before who came later to a desk, and nobody pushes in while it
 * looks at what it is going to flash. */
Test(claim, a_place_in_the_queue_is_kept_until_it_is_used)
{
    struct waiter desk = {.rc = 1};
    struct ctx ctx = scratch_patience();
    struct place *place = NULL;
    struct host here, watch;
    struct claim *claim = NULL;
    struct err err = {0};
    char *who = NULL;

    NEEDS_SERVER;
    host_open(&here, 0, LONG_MS);
    host_open(&watch, 0, LONG_MS);
    host_open(&desk.host, 1, LONG_MS);
    watch.holder.rank = RANK_WATCH;
    cr_assert_eq(host_take(&here, "a", false, &claim, &err), 0, "%s", err.message);
    cr_assert_eq(pthread_create(&desk.thread, NULL, wait_for_it, &desk), 0);
    await_waiters("1");
    cr_assert_eq(place_take(&watch.lab, dirs[0], "a", &watch.holder, &place, &err), 0, "%s",
                 err.message);
    cr_assert_eq(place_look(place, 0, &ctx, &who, &err), 0, "%s", err.message);
    cr_expect(str_starts(who, "held by alice (pid 4711"), "%s", who);
    free(who);
    claim_drop(claim);
    for (bool first = false; !first; free(who)) {
        cr_assert_eq(place_look(place, 100, &ctx, &who, &err), 0, "%s", err.message);
        first = !who;
    }
    cleanup_free char *seat = place_number(place);
    watch.holder.seat = seat;
    place_hand_over(place);
    cr_assert_eq(host_take(&watch, "a", true, &claim, &err), 0, "%s", err.message);
    await_waiters("1");
    cr_expect_eq(desk.rc, 1, "it waits still");
    claim_drop(claim);
    pthread_join(desk.thread, NULL);
    cr_assert_eq(desk.rc, 0, "%s", desk.err.message);
    claim_drop(desk.claim);
    cr_assert_eq(place_take(&watch.lab, dirs[0], "a", &watch.holder, &place, &err), 0);
    place_leave(place);
    await_waiters("0");
    claims_close(here.claims);
    claims_close(watch.claims);
    claims_close(desk.host.claims);
}

/* ---- who dies, stands still, or is cut off --------------------------------------------------- */

struct child {
    pid_t pid;
    int say_fd, hear_fd; /* a byte to it; what it says */
};

/* A process on host `which` that takes board "a" and says so; at a byte it touches the board, and
 * says what came of it. */
static struct child child_start(size_t which, int64_t lease_ms, int64_t clock_s, const char *board)
{
    int to[2], from[2];
    struct child child;

    cr_assert_eq(pipe(to), 0);
    cr_assert_eq(pipe(from), 0);
    child = (struct child){.pid = fork(), .say_fd = to[1], .hear_fd = from[0]};
    if (child.pid == 0) {
        struct claim *claim = NULL;
        struct err err = {0};
        struct host host;
        char byte;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        skew_s = clock_s;
        host_open(&host, which, lease_ms);
        dprintf(from[1], "%d", -host_take(&host, board, true, &claim, &err));
        while (claim && read(to[0], &byte, 1) == 1)
            dprintf(from[1], "%s", touch(claim, 0, &err) == -ERR_LOST ? err.message : "touched");
        _exit(0);
    }
    close(to[0]);
    close(from[1]);
    return child;
}

static const char *child_said(const struct child *child, char text[1024])
{
    ssize_t n;

    cr_assert(scratch_readable(child->hear_fd));
    n = read(child->hear_fd, text, 1023);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static void child_end(struct child *child)
{
    kill(child->pid, SIGKILL);
    waitpid(child->pid, NULL, 0);
    close(child->say_fd);
    close(child->hear_fd);
}

Test(claim, a_host_that_stood_still_does_not_touch_what_was_given_away)
{
    struct claim *claim = NULL;
    struct child child;
    struct host there;
    struct err err = {0};
    char said[1024];

    NEEDS_SERVER;
    child = child_start(0, SHORT_MS, 0, "a");
    cr_assert_str_eq(child_said(&child, said), "0");
    cr_assert_eq(write(child.say_fd, "x", 1), 1);
    cr_expect_str_eq(child_said(&child, said), "touched");
    kill(child.pid, SIGSTOP);
    host_open(&there, 1, SHORT_MS);
    cr_assert_eq(host_take(&there, "a", true, &claim, &err), 0, "%s", err.message);
    cr_assert_eq(write(child.say_fd, "x", 1), 1);
    kill(child.pid, SIGCONT);
    child_said(&child, said);
    cr_expect(str_starts(said, "a was given to bob on "), "%s", said);
    cr_expect_eq(touch(claim, 0, &err), 0, "%s", err.message);
    child_end(&child);
    claim_drop(claim);
    claims_close(there.claims);
}

Test(claim, a_host_that_stood_still_goes_on_where_nobody_came)
{
    struct ctx ctx = scratch_patience();
    struct child child;
    char said[1024];

    NEEDS_SERVER;
    child = child_start(0, SHORT_MS, 0, "a");
    cr_assert_str_eq(child_said(&child, said), "0");
    kill(child.pid, SIGSTOP);
    for (;;) {
        cleanup_free char *over =
            engine_ask(NULL, "SELECT bool_and(expires <= clock_timestamp()) FROM leases");
        if (str_eq(over, "t"))
            break;
        cr_assert_eq(ctx_sleep(&ctx, 20, NULL), 0);
    }
    cr_assert_eq(write(child.say_fd, "x", 1), 1);
    kill(child.pid, SIGCONT);
    cr_expect_str_eq(child_said(&child, said), "touched");
    child_end(&child);
}

Test(claim, of_a_host_that_died_the_board_is_free_after_its_lease)
{
    struct claim *claim = NULL;
    struct child child;
    struct host there;
    struct err err = {0};
    char said[1024];

    NEEDS_SERVER;
    child = child_start(0, SHORT_MS, 0, "a");
    cr_assert_str_eq(child_said(&child, said), "0");
    child_end(&child);
    host_open(&there, 1, SHORT_MS);
    cr_expect_eq(host_take(&there, "a", false, &claim, &err), -ERR_BUSY);
    cr_assert_eq(host_take(&there, "a", true, &claim, &err), 0, "%s", err.message);
    claim_drop(claim);
    claims_close(there.claims);
}

Test(claim, of_a_process_that_died_its_own_host_knows_at_once)
{
    struct claim *claim = NULL;
    struct child child;
    struct host here;
    struct err err = {0};
    char said[1024];

    NEEDS_SERVER;
    child = child_start(0, LONG_MS, 0, "a");
    cr_assert_str_eq(child_said(&child, said), "0");
    host_open(&here, 0, LONG_MS);
    cr_expect_eq(host_take(&here, "a", false, &claim, &err), -ERR_BUSY, "it lives");
    child_end(&child);
    cr_assert_eq(host_take(&here, "a", true, &claim, &err), 0, "not a minute later: %s",
                 err.message);
    claim_drop(claim);
    claims_close(here.claims);
}

Test(claim, no_hosts_clock_matters)
{
    static const struct {
        const char *board;
        int64_t skew_s;
    } rows[] = {{"a", 0}, {"b", 315360000}, {"c", -315360000}};
    struct child children[ARRAY_SIZE(rows)];
    struct claim *claim = NULL;
    struct host there;
    struct err err = {0};
    char said[1024];

    NEEDS_SERVER;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        children[i] = child_start(0, SHORT_MS, rows[i].skew_s, rows[i].board);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        cr_assert_str_eq(child_said(&children[i], said), "0");
    host_open(&there, 1, SHORT_MS);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *board = rows[i].board;
        const struct keeper_wish wish = {
            .boards = &board, .count = 1, .self = &there.holder, .wait = true};
        struct ctx ctx = scratch_patience(), wait = ctx_narrow(&ctx, i ? 100 : SHORT_MS + 500);
        cleanup_free char *warning = NULL;
        size_t index;
        cr_expect_eq(claim_take(there.claims, &wish, &wait, &claim, &index, &warning, &err),
                     -ERR_TIMEOUT, "%s is renewed", board);
    }
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        child_end(&children[i]);
    skew_s = rows[1].skew_s; /* neither does ours */
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cr_assert_eq(host_take(&there, rows[i].board, true, &claim, &err), 0, "%s", err.message);
        claim_drop(claim);
    }
    claims_close(there.claims);
}

/* A server that answers nothing any more: what was begun ends in time, and nothing else begins. */
Test(claim, without_an_answer_nothing_is_touched_after_the_lease)
{
    PGconn *connection;
    struct claim *claim = NULL;
    struct host here;
    struct ctx ctx = scratch_patience();
    struct fence_pass follow;
    struct err err = {0};
    int64_t began_ns;

    NEEDS_SERVER;
    host_open(&here, 0, SHORT_MS);
    cr_assert_eq(host_take(&here, "a", false, &claim, &err), 0, "%s", err.message);
    connection = PQconnectdb(conf->url);
    PQclear(PQexec(connection, "BEGIN"));
    PQclear(PQexec(connection, "LOCK TABLE leases IN ACCESS EXCLUSIVE MODE"));
    began_ns = ctx_now_ns();
    cr_expect_eq(touch(claim, 8000, &err), -ERR_LOST);
    cr_expect_lt(ctx_now_ns() - began_ns, (SHORT_MS + 2500) * INT64_C(1000000));
    cr_assert_eq(fence_follow(claim_fence(claim), &ctx, &follow, &err), 0);
    cr_expect_eq(ctx_check(&follow.ctx, &err), 0,
                 "nobody knows that it is lost: who reads goes on");
    PQfinish(connection);
    cr_expect_eq(touch(claim, 0, &err), 0, "nobody had it: %s", err.message);
    cr_expect_eq(fence_leave(&follow, 0, &err), 0);
    claim_drop(claim);
    claims_close(here.claims);
}

/* ---- no server ------------------------------------------------------------------------------ */

Test(claim, without_a_server_there_are_no_boards_unless_the_lab_says_so)
{
    const char *const board = "a";
    struct lab lab =
        lab_with((char *)(uintptr_t) "postgresql:///lab?host=/nowhere", LONG_MS, AWAY_REFUSE);
    const struct holder alice = {.pid = 1, .user = (char *)(uintptr_t) "alice"};
    struct keeper_wish wish = {.boards = &board, .count = 1, .self = &alice};
    struct claims *claims = claims_open(&lab, dirs[0]);
    struct ctx ctx = scratch_patience();
    struct claim *claim = NULL, *other = NULL;
    char *warning = NULL;
    struct err err = {0};
    size_t index;

    cr_expect_eq(claim_take(claims, &wish, &ctx, &claim, &index, &warning, &err), -ERR_GONE);
    cr_expect(str_starts(err.message, "no board without the lab's database: PostgreSQL lab on"),
              "%s", err.message);
    cr_expect_null(warning);
    claims_close(claims);
    lab.store.away = AWAY_LOCAL;
    claims = claims_open(&lab, dirs[0]);
    wish.wait = true;
    cr_assert_eq(claim_take(claims, &wish, &ctx, &claim, &index, &warning, &err), 0, "%s",
                 err.message);
    cr_expect(strstr(warning, "this host's locks alone"), "%s", warning);
    free(warning);
    cr_expect_null(claim_fence(claim));
    wish.wait = false;
    cr_expect_eq(claim_take(claims, &wish, &ctx, &other, &index, &warning, &err), -ERR_BUSY);
    cr_expect_null(warning, "once");
    claim_drop(claim);
    claims_close(claims);
}
