/* SPDX-License-Identifier: MIT */
#include "board/lease.h"

#include "../scratch.h"
#include "base/guard.h"
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define BOARDS(...) ((const char *const[]){__VA_ARGS__})

static const struct ctx forever = {.deadline_ns = CTX_NEVER, .cancel_fd = -1};
static const struct holder alice = {.pid = 4711,
                                    .user = (char *)(uintptr_t) "alice",
                                    .command = (char *)(uintptr_t) "hil run a.elf"};

static int take_now(const char *dir, const char *board, struct lease **ret, struct err *err)
{
    size_t index;

    return lease_take(dir, "lab", &board, 1, &alice, false, &forever, NULL, NULL, ret, &index, err);
}

static bool held(const char *dir, const char *board, size_t *ret_waiting)
{
    struct holder holder;
    size_t waiting;
    bool ret;

    cr_assert_eq(lease_peek(dir, "lab", board, &ret, &holder, &waiting, NULL), 0);
    holder_done(&holder);
    if (ret_waiting)
        *ret_waiting = waiting;
    return ret;
}

static char *lock_file(const char *dir, const char *board)
{
    return xasprintf("%s/lab+%s.lock", dir, board);
}

/* ---- one -------------------------------------------------------------------------------- */

Test(lease, is_exclusive_until_dropped)
{
    cleanup_scratch char *dir = scratch_make();
    struct lease *first = NULL, *second = NULL;
    struct err err = {0};

    cr_expect_not(held(dir, "b", NULL));
    cr_assert_eq(take_now(dir, "b", &first, &err), 0, "%s", err.message);
    cr_expect(held(dir, "b", NULL));
    cr_expect_eq(take_now(dir, "b", &second, &err), -ERR_BUSY);
    cr_expect(str_starts(err.message, "b is held by alice (pid 4711, hil run a.elf) since "), "%s",
              err.message);
    cr_expect(str_ends(err.message, "; try: --wait 10m"), "%s", err.message);
    cr_expect_null(second);
    lease_drop(first);
    cr_expect_not(held(dir, "b", NULL));
    cr_assert_eq(take_now(dir, "b", &second, NULL), 0);
    lease_drop(second);
    lease_drop(NULL);
}

Test(lease, shows_its_holder_to_those_who_look)
{
    cleanup_scratch char *dir = scratch_make();
    cleanup_free char *path = lock_file(dir, "b");
    struct lease *lease = NULL;
    struct holder holder;
    size_t waiting = 9;
    bool is_held;

    cr_assert_eq(take_now(dir, "b", &lease, NULL), 0);
    cr_assert_eq(lease_peek(dir, "lab", "b", &is_held, &holder, &waiting, NULL), 0);
    cr_expect(is_held);
    cr_expect_eq(holder.pid, 4711);
    cr_expect_str_eq(holder.user, "alice");
    cr_expect_str_eq(holder.command, "hil run a.elf");
    cr_expect_null(holder.run_url);
    cr_expect_gt(holder.since_unix_s, 1700000000);
    cr_expect_eq(waiting, 0);
    holder_done(&holder);
    lease_drop(lease);
    cleanup_free char *left = scratch_text(path);
    cr_expect_str_eq(left, "");
}

Test(lease, takes_the_first_board_that_is_free)
{
    cleanup_scratch char *dir = scratch_make();
    struct lease *leases[3] = {NULL}, *none = NULL;
    struct err err = {0};
    size_t index = 9;

    cr_assert_eq(take_now(dir, "b", &leases[1], NULL), 0);
    for (size_t i = 0; i < 3; i += 2) {
        cr_assert_eq(lease_take(dir, "lab", BOARDS("a", "b", "c"), 3, &alice, false, &forever, NULL,
                                NULL, &leases[i], &index, NULL),
                     0);
        cr_expect_eq(index, i);
    }
    cr_expect_eq(lease_take(dir, "lab", BOARDS("a", "b", "c"), 3, &alice, false, &forever, NULL,
                            NULL, &none, &index, &err),
                 -ERR_BUSY);
    cr_expect(strstr(err.message, "a is held by alice") && strstr(err.message, "; c is held by"),
              "%s", err.message);
    for (size_t i = 0; i < 3; i++)
        lease_drop(leases[i]);
}

/* ---- the file ------------------------------------------------------------------------------ */

Test(lease, no_two_boards_share_a_file)
{
    static const char *const names[][2] = {{"a", "b.c"}, {"a.b", "c"}, {"a", "b_c"},
                                           {"a", "b/c"}, {"a_b", "c"}, {"a", "b-c"}};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        for (size_t j = 0; j < i; j++) {
            cleanup_free char *one = lease_file(names[i][0], names[i][1]);
            cleanup_free char *other = lease_file(names[j][0], names[j][1]);
            cr_expect_str_neq(one, other, "%s %s, %s %s", names[i][0], names[i][1], names[j][0],
                              names[j][1]);
        }
}

Test(lease, odd_names_stay_in_the_directory)
{
    cleanup_scratch char *dir = scratch_make();
    struct lease *lease = NULL;
    const char *board = "../x y";
    size_t index;

    cr_assert_eq(lease_take(dir, "/etc", &board, 1, &alice, false, &forever, NULL, NULL, &lease,
                            &index, NULL),
                 0);
    cleanup_free char *path = fs_join(dir, "_etc+_.+x_y.lock");
    cr_expect(fs_exists(path));
    lease_drop(lease);
}

Test(lease, the_file_is_for_every_user)
{
    cleanup_scratch char *dir = scratch_make();
    cleanup_free char *path = lock_file(dir, "b");
    struct lease *lease = NULL;
    struct stat info;
    int status;

    umask(077);
    cr_assert_eq(take_now(dir, "b", &lease, NULL), 0);
    lease_drop(lease);
    cr_assert_eq(stat(path, &info), 0);
    cr_expect_eq(info.st_mode & 0777, 0666);
    if (geteuid() != 0)
        return;
    cr_assert_eq(chmod(dir, 01777), 0);
    pid_t pid = fork();
    if (pid == 0)
        _exit(setuid(65534) < 0 || take_now(dir, "b", &lease, NULL) < 0);
    waitpid(pid, &status, 0);
    cr_expect_eq(status, 0);
}

Test(lease, refuses_what_is_no_lock_file)
{
    cleanup_scratch char *dir = scratch_make();
    cleanup_free char *link_path = lock_file(dir, "link");
    cleanup_free char *dir_path = lock_file(dir, "dir");
    cleanup_free char *fifo_path = lock_file(dir, "fifo");
    static const char *const boards[] = {"link", "dir", "fifo"};
    struct lease *lease = NULL;
    struct err err = {0};

    cr_assert_eq(symlink("target", link_path), 0);
    cr_assert_eq(mkdir(dir_path, 0777), 0);
    cr_assert_eq(mkfifo(fifo_path, 0666), 0);
    for (size_t i = 0; i < ARRAY_SIZE(boards); i++) {
        cr_expect_eq(take_now(dir, boards[i], &lease, &err), -ERR_IO);
        cr_expect(strstr(err.message, boards[i]), "%s", err.message);
        cr_expect_null(lease);
    }
}

Test(lease, a_record_may_be_anything)
{
    static const char *const records[] = {
        "",
        "x",
        "[]",
        "{}",
        "{\"pid\":-1}",
        "{\"pid\":1e300}",
        "{\"pid\":\"4\",\"user\":7}",
        "null",
        "\0x",
        "{\"pid\":4711,\"user\":",
        "\xFF\xFE",
    };
    cleanup_scratch char *dir = scratch_make();
    cleanup_free char *path = lock_file(dir, "b");
    struct lease *lease = NULL, *other = NULL;
    struct holder holder;
    struct err err;
    size_t waiting;
    bool is_held;

    cr_assert_eq(take_now(dir, "b", &lease, NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(records); i++) {
        cleanup_close int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
        cr_assert_eq(fs_write_all(fd, records[i], strlen(records[i]), path, NULL), 0);
        cr_expect_eq(lease_peek(dir, "lab", "b", &is_held, &holder, &waiting, NULL), 0);
        cr_expect(is_held);
        cr_expect_eq(holder.pid, 0, "%s", records[i]);
        holder_done(&holder);
        cr_expect_eq(take_now(dir, "b", &other, &err), -ERR_BUSY);
        cr_expect_str_eq(err.message, "b is held by somebody; try: --wait 10m");
    }
    lease_drop(lease);
}

/* ---- waiting ------------------------------------------------------------------------------- */

struct waiter {
    pthread_t thread;
    const char *dir;
    const char *const *boards;
    size_t count, index;
    struct ctx ctx;
    struct lease *lease;
    struct err err;
    int rc;
    int waits_fd; /* eventfd: it waits now */
    char *why;
    int64_t got_ns;
};

static void on_waiting(void *arg, const char *why)
{
    struct waiter *waiter = arg;

    waiter->why = xstrdup(why); /* a second call would leak */
    eventfd_write(waiter->waits_fd, 1);
}

static void *wait_for_lease(void *arg)
{
    struct waiter *waiter = arg;

    waiter->rc =
        lease_take(waiter->dir, "lab", waiter->boards, waiter->count, &alice, true, &waiter->ctx,
                   on_waiting, waiter, &waiter->lease, &waiter->index, &waiter->err);
    waiter->got_ns = ctx_now_ns();
    return NULL;
}

static void until_it_waits(struct waiter *waiter)
{
    eventfd_t count;

    cr_assert(scratch_readable(waiter->waits_fd));
    cr_assert_eq(eventfd_read(waiter->waits_fd, &count), 0);
}

/* Starts a thread and returns once it waits. `boards` must last until join_waiter(). */
static void start_waiter(struct waiter *waiter, const char *dir, const char *const *boards,
                         size_t count)
{
    *waiter = (struct waiter){.dir = dir,
                              .boards = boards,
                              .count = count,
                              .ctx = scratch_patience(),
                              .waits_fd = eventfd(0, EFD_CLOEXEC)};
    cr_assert_eq(pthread_create(&waiter->thread, NULL, wait_for_lease, waiter), 0);
    until_it_waits(waiter);
}

static void join_waiter(struct waiter *waiter)
{
    pthread_join(waiter->thread, NULL);
    close(waiter->waits_fd);
    free(waiter->why);
}

Test(lease, waiting_ends_at_the_deadline)
{
    cleanup_scratch char *dir = scratch_make();
    struct lease *lease = NULL;
    struct waiter waiter = {.dir = dir,
                            .boards = BOARDS("b"),
                            .count = 1,
                            .ctx = ctx_narrow(&forever, 30),
                            .waits_fd = eventfd(0, EFD_CLOEXEC)};

    cr_assert_eq(take_now(dir, "b", &lease, NULL), 0);
    cr_assert_eq(pthread_create(&waiter.thread, NULL, wait_for_lease, &waiter), 0);
    join_waiter(&waiter);
    cr_expect_eq(waiter.rc, -ERR_TIMEOUT);
    cr_expect_null(waiter.lease);
    cr_expect(str_starts(waiter.err.message, "timed out while waiting: b is held by alice (pid"),
              "%s", waiter.err.message);
    lease_drop(lease);
}

Test(lease, waiting_can_be_cancelled)
{
    cleanup_scratch char *dir = scratch_make();
    cleanup_close int cancel_fd = eventfd(0, EFD_CLOEXEC);
    struct lease *lease = NULL;
    struct waiter waiter = {.dir = dir,
                            .boards = BOARDS("b"),
                            .count = 1,
                            .ctx = ctx_root(cancel_fd, NULL),
                            .waits_fd = eventfd(0, EFD_CLOEXEC)};
    size_t waiting;

    cr_assert_eq(take_now(dir, "b", &lease, NULL), 0);
    cr_assert_eq(pthread_create(&waiter.thread, NULL, wait_for_lease, &waiter), 0);
    until_it_waits(&waiter);
    cr_expect(held(dir, "b", &waiting));
    cr_expect_eq(waiting, 1);
    eventfd_write(cancel_fd, 1);
    join_waiter(&waiter);
    cr_expect_eq(waiter.rc, -ERR_CANCELLED);
    cr_expect(held(dir, "b", &waiting));
    cr_expect_eq(waiting, 0);
    lease_drop(lease);
}

static pid_t only_child_of(pid_t parent)
{
    cleanup_free char *path = xasprintf("/proc/%d/task/%d/children", (int)parent, (int)parent);
    cleanup_free char *text = scratch_text(path);

    return atoi(text);
}

/* Its guardian, which has a copy of the descriptor, is stopped: nobody else closes the file. */
Test(lease, a_waiter_wakes_at_once)
{
    cleanup_scratch char *dir = scratch_make();
    const char *const board = "b";
    struct guard *guard = NULL;
    int64_t best_ns = INT64_MAX;
    size_t index;

    cr_assert_eq(guard_start(&guard, NULL), 0);
    pid_t guardian = only_child_of(getpid());
    cr_assert_gt(guardian, 1);
    struct ctx ctx = ctx_root(-1, guard);
    kill(guardian, SIGSTOP);
    for (int i = 0; i < 5; i++) {
        struct lease *lease = NULL;
        struct waiter waiter;
        cr_assert_eq(lease_take(dir, "lab", &board, 1, &alice, false, &ctx, NULL, NULL, &lease,
                                &index, NULL),
                     0);
        start_waiter(&waiter, dir, &board, 1);
        cr_expect(str_starts(waiter.why, "b is held by alice"), "%s", waiter.why);
        int64_t dropped_ns = ctx_now_ns();
        lease_drop(lease);
        join_waiter(&waiter);
        cr_assert_eq(waiter.rc, 0);
        if (waiter.got_ns - dropped_ns < best_ns)
            best_ns = waiter.got_ns - dropped_ns;
        lease_drop(waiter.lease);
    }
    kill(guardian, SIGCONT);
    guard_stop(guard);
    /* the clock alone, every 200 ms, would wake it that fast once in ten times at most */
    cr_expect_lt(best_ns, 20000000, "%lld ns", (long long)best_ns);
}

Test(lease, first_come_first_served)
{
    enum { WAITERS = 6 };
    const char *const board = "b";
    cleanup_scratch char *dir = scratch_make();
    struct waiter waiters[WAITERS];
    struct lease *lease = NULL, *pusher = NULL;
    struct err err;
    size_t waiting;

    cr_assert_eq(take_now(dir, "b", &lease, NULL), 0);
    for (int i = 0; i < WAITERS; i++)
        start_waiter(&waiters[i], dir, &board, 1);
    cr_expect(held(dir, "b", &waiting));
    cr_expect_eq(waiting, WAITERS);
    cr_expect_eq(take_now(dir, "b", &pusher, &err), -ERR_BUSY);
    cr_expect(strstr(err.message, ", 6 waiting; try"), "%s", err.message);
    for (int i = 0; i < WAITERS; i++) {
        lease_drop(lease);
        join_waiter(&waiters[i]); /* would wait for ever were it not his turn */
        cr_assert_eq(waiters[i].rc, 0, "%d: %s", i, waiters[i].err.message);
        lease = waiters[i].lease;
    }
    lease_drop(lease);
    cr_expect_not(held(dir, "b", &waiting));
    cr_expect_eq(waiting, 0);
}

Test(lease, a_free_board_belongs_to_its_queue)
{
    cleanup_scratch char *dir = scratch_make();
    cleanup_free char *path = lock_file(dir, "b");
    struct lease *lease = NULL;
    struct err err;

    cr_assert_eq(take_now(dir, "b", &lease, NULL), 0);
    lease_drop(lease);
    lease = NULL;
    /* somebody has a ticket and has not yet taken his lease */
    int fd = open(path, O_RDWR | O_CLOEXEC);
    struct flock ticket = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 5, .l_len = 1};
    cr_assert_eq(fcntl(fd, F_OFD_SETLK, &ticket), 0);
    cr_expect_eq(take_now(dir, "b", &lease, &err), -ERR_BUSY);
    cr_expect_str_eq(err.message, "b has a queue of 1; try: --wait 10m");
    close(fd); /* he is gone, and so is his ticket */
    cr_assert_eq(take_now(dir, "b", &lease, NULL), 0);
    lease_drop(lease);
}

Test(lease, who_waits_for_several_leaves_the_other_queues)
{
    cleanup_scratch char *dir = scratch_make();
    struct lease *a = NULL, *b = NULL;
    struct waiter both, behind;
    size_t waiting;

    cr_assert_eq(take_now(dir, "a", &a, NULL), 0);
    cr_assert_eq(take_now(dir, "b", &b, NULL), 0);
    start_waiter(&both, dir, BOARDS("a", "b"), 2);
    cr_expect(strstr(both.why, "; b is held by"), "%s", both.why);
    start_waiter(&behind, dir, BOARDS("a"), 1);
    cr_expect(held(dir, "a", &waiting));
    cr_expect_eq(waiting, 2);
    lease_drop(b);
    join_waiter(&both);
    cr_assert_eq(both.rc, 0);
    cr_expect_eq(both.index, 1);
    cr_expect(held(dir, "b", &waiting));
    cr_expect_eq(waiting, 0, "a holder does not wait any more");
    cr_expect(held(dir, "a", &waiting));
    cr_expect_eq(waiting, 1);
    lease_drop(a);
    join_waiter(&behind);
    cr_assert_eq(behind.rc, 0);
    lease_drop(both.lease);
    lease_drop(behind.lease);
}

Test(lease, a_file_removed_under_a_waiter_is_no_lease)
{
    cleanup_scratch char *dir = scratch_make();
    cleanup_free char *path = lock_file(dir, "b");
    struct lease *old = NULL, *new = NULL;
    struct waiter waiter;

    cr_assert_eq(take_now(dir, "b", &old, NULL), 0);
    start_waiter(&waiter, dir, BOARDS("b"), 1);
    unlink(path);
    cr_assert_eq(take_now(dir, "b", &new, NULL), 0);
    lease_drop(old);
    join_waiter(&waiter);
    cr_expect_eq(waiter.rc, -ERR_GONE);
    lease_drop(new);
}

/* ---- death --------------------------------------------------------------------------------- */

/* Forks a hil that takes "b", reports, and sleeps; with a guardian and a stubborn child or without.
 */
static pid_t start_holder(const char *dir, bool guarded)
{
    cleanup_free char *ready = fs_join(dir, "ready");

    cr_assert_eq(mkfifo(ready, 0600), 0);
    cleanup_close int ready_fd = open(ready, O_RDWR | O_CLOEXEC);
    pid_t pid = fork();
    if (pid == 0) {
        const char *script = guarded ? "trap '' TERM; echo $$ > pid; echo > ready; "
                                       "while :; do sleep 0.01; done"
                                     : "echo > ready";
        const char *const argv[] = {"sh", "-c", script, NULL};
        struct proc_spec spec = {.argv = argv, .dir = dir};
        struct guard *guard = NULL;
        struct lease *lease;
        struct proc *proc;
        const char *board = "b";
        size_t index;
        if (guarded && guard_start(&guard, NULL) < 0)
            _exit(1);
        struct ctx ctx = ctx_root(-1, guard);
        if (lease_take(dir, "lab", &board, 1, &alice, false, &ctx, NULL, NULL, &lease, &index,
                       NULL) < 0 ||
            proc_start(&spec, &ctx, &proc, NULL) < 0)
            _exit(1);
        for (;;)
            pause();
    }
    cr_assert(scratch_readable(ready_fd));
    return pid;
}

Test(lease, ends_with_its_holder)
{
    cleanup_scratch char *dir = scratch_make();
    pid_t holder = start_holder(dir, false);
    struct waiter waiter;

    start_waiter(&waiter, dir, BOARDS("b"), 1);
    kill(holder, SIGKILL);
    join_waiter(&waiter);
    cr_expect_eq(waiter.rc, 0);
    lease_drop(waiter.lease);
    waitpid(holder, NULL, 0);
}

Test(lease, outlives_its_holder_until_the_children_are_dead)
{
    cleanup_scratch char *dir = scratch_make();
    pid_t holder = start_holder(dir, true);
    cleanup_free char *pid_path = fs_join(dir, "pid");
    cleanup_free char *pid = scratch_text(pid_path);
    cleanup_free char *stat_path = xasprintf("/proc/%d/stat", atoi(pid));
    struct waiter waiter;

    start_waiter(&waiter, dir, BOARDS("b"), 1);
    kill(holder, SIGKILL);
    waitpid(holder, NULL, 0);
    cr_expect(held(dir, "b", NULL)); /* the child refuses SIGTERM for half a second */
    join_waiter(&waiter);
    cr_expect_eq(waiter.rc, 0);
    cleanup_free char *stat = scratch_text(stat_path);
    cr_expect(!*stat || strstr(stat, ") Z "), "%s", stat);
    lease_drop(waiter.lease);
}

Test(lease, dropping_frees_it_although_the_guardian_has_a_copy)
{
    cleanup_scratch char *dir = scratch_make();
    struct guard *guard = NULL;
    struct lease *lease = NULL;
    const char *board = "b";
    size_t index;

    cr_assert_eq(guard_start(&guard, NULL), 0);
    struct ctx ctx = ctx_root(-1, guard);
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(lease_take(dir, "lab", &board, 1, &alice, false, &ctx, NULL, NULL, &lease,
                                &index, NULL),
                     0, "round %d", i);
        lease_drop(lease);
    }
    guard_stop(guard);
}

/* ---- all at once --------------------------------------------------------------------------- */

enum { STRESS_PROCESSES = 8, STRESS_LEASES = 30 };
static const char *const stress_boards[] = {"a", "b", "c", "a", "b"}; /* any three in a row */

/* While a board is leased its marker file exists: to find it there is to share the board. Those who
 * will be killed leave none behind, so they make none. */
static bool alone(const char *marker, bool victim)
{
    cleanup_close int fd = -1;

    if (victim)
        return !fs_exists(marker);
    fd = open(marker, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return fd >= 0;
}

static _Noreturn void lease_often(const char *dir, unsigned seed, bool victim)
{
    struct ctx ctx = scratch_patience();

    for (int i = 0; i < STRESS_LEASES; i++) {
        const char *const *wanted = &stress_boards[(unsigned)rand_r(&seed) % 3];
        size_t count = 1 + (unsigned)rand_r(&seed) % 3, index;
        struct lease *lease;
        if (lease_take(dir, "lab", wanted, count, &alice, true, &ctx, NULL, NULL, &lease, &index,
                       NULL) < 0)
            _exit(2);
        cleanup_free char *marker = fs_join(dir, wanted[index]);
        if (!alone(marker, victim))
            _exit(3);
        poll(NULL, 0, rand_r(&seed) % 3);
        if (!victim)
            unlink(marker);
        lease_drop(lease);
    }
    _exit(0);
}

Test(lease, many_processes_never_share_a_board)
{
    cleanup_scratch char *dir = scratch_make();
    pid_t pids[STRESS_PROCESSES];
    struct ctx ctx = scratch_patience();
    size_t waiting;

    for (unsigned i = 0; i < STRESS_PROCESSES; i++) {
        pids[i] = fork();
        if (pids[i] == 0)
            lease_often(dir, 1000 + i, i % 3 == 0);
    }
    for (size_t i = 0; i < STRESS_PROCESSES; i++) {
        int status;
        if (i % 3 == 0) { /* in the middle of whatever it does */
            ctx_sleep(&ctx, 20, NULL);
            kill(pids[i], SIGKILL);
        }
        waitpid(pids[i], &status, 0);
        cr_expect(status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL),
                  "process %zu: status %#x", i, status);
    }
    for (size_t i = 0; i < ARRAY_SIZE(stress_boards); i++) {
        cr_expect_not(held(dir, stress_boards[i], &waiting));
        cr_expect_eq(waiting, 0);
    }
}
