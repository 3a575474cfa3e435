/* SPDX-License-Identifier: MIT
 *
 * "hil" in here is a process forked by the test and killed as a runner would. Its guardian is given
 * the writing end of a pipe to hold, so the test sees when it lets go, and that it has taken all
 * that was said before.
 */
#include "base/guard.h"

#include "../scratch.h"
#include "base/group.h"
#include "base/proc.h"
#include "fork_as.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define SHELL(script) ((const char *const[]){"sh", "-c", (script), NULL})
#define HELD_KEY 1

struct hil {
    pid_t pid;
    pid_t guardian;
    int guardian_pidfd;
    int report_fd; /* what it tells, one int at a time */
    int held_fd;   /* at its end once the guardian has let go */
    char *dir;
};

struct inside {
    struct guard *guard;
    struct ctx ctx;
    int report_fd;
};

static void tell(const struct inside *inside, int number)
{
    if (write(inside->report_fd, &number, sizeof number) != sizeof number)
        _exit(1);
}

static int hear(const struct hil *hil)
{
    int number = -1;

    cr_assert(scratch_readable(hil->report_fd));
    cr_assert_eq(read(hil->report_fd, &number, sizeof number), sizeof number);
    return number;
}

static pid_t only_child_of(pid_t parent)
{
    cleanup_free char *path = xasprintf("/proc/%d/task/%d/children", (int)parent, (int)parent);
    cleanup_free char *text = scratch_text(path);

    return atoi(text);
}

/* Forks a hil that starts a guardian, does `work` and then sleeps. */
static struct hil start_hil(void (*work)(struct inside *inside))
{
    int report[2], held[2];
    struct hil hil = {.dir = scratch_make()};

    cr_assert_eq(pipe2(report, O_CLOEXEC), 0);
    cr_assert_eq(pipe2(held, O_CLOEXEC), 0);
    hil.pid = fork();
    if (hil.pid == 0) {
        struct inside inside = {.report_fd = report[1]};
        if (chdir(hil.dir) < 0 || guard_start(&inside.guard, NULL) < 0)
            _exit(1);
        inside.ctx = ctx_root(-1, inside.guard);
        guard_hold(inside.guard, HELD_KEY, held[1]);
        close(held[1]);
        tell(&inside, (int)only_child_of(getpid()));
        work(&inside);
        for (;;)
            pause();
    }
    close(report[1]);
    close(held[1]);
    hil.report_fd = report[0];
    hil.held_fd = held[0];
    hil.guardian = hear(&hil);
    hil.guardian_pidfd = (int)syscall(SYS_pidfd_open, hil.guardian, 0);
    cr_assert_geq(hil.guardian_pidfd, 0);
    return hil;
}

static bool let_go(const struct hil *hil)
{
    char byte;

    return scratch_readable(hil->held_fd) && read(hil->held_fd, &byte, 1) == 0;
}

static bool guardian_gone(const struct hil *hil)
{
    return scratch_readable(hil->guardian_pidfd);
}

static void kill_hil(const struct hil *hil)
{
    kill(hil->pid, SIGKILL);
    waitpid(hil->pid, NULL, 0);
}

static void hil_done(struct hil *hil)
{
    close(hil->report_fd);
    close(hil->held_fd);
    close(hil->guardian_pidfd);
    scratch_remove(&hil->dir);
}

static char *text_in(const struct hil *hil, const char *name)
{
    cleanup_free char *path = fs_join(hil->dir, name);

    return scratch_text(path);
}

/* Starts a shell script that stays, and waits until it has put something into the file "ready". */
static void start_shell(struct inside *inside, const char *script)
{
    struct proc_spec spec = {.argv = SHELL(script)};
    struct proc *proc;
    int fd;

    if (mkfifo("ready", 0600) < 0)
        _exit(1);
    fd = open("ready", O_RDWR | O_CLOEXEC);
    if (fd < 0 || proc_start(&spec, &inside->ctx, &proc, NULL) < 0 || !scratch_readable(fd))
        _exit(1);
    close(fd);
    unlink("ready");
}

/* ---- groups -------------------------------------------------------------------------------- */

static void stubborn_family(struct inside *inside)
{
    start_shell(inside, "trap '' TERM; echo $$ > pid; (while :; do sleep 0.01; done) & "
                        "echo > ready; while :; do sleep 0.01; done");
    tell(inside, 0);
}

Test(guard, ends_groups_when_hil_is_killed)
{
    struct hil hil = start_hil(stubborn_family);

    hear(&hil);
    cleanup_free char *pid = text_in(&hil, "pid");
    cr_assert_gt(atoi(pid), 1);
    cr_expect(group_alive(atoi(pid)));
    kill_hil(&hil);
    cr_expect(guardian_gone(&hil));
    cr_expect_not(group_alive(atoi(pid)));
    hil_done(&hil);
}

static void unknown_group(struct inside *inside)
{
    start_shell(inside, "echo $$ > pid; echo > ready; exec sleep 60");
    cleanup_free char *pid = scratch_text("pid");
    guard_drop_group(inside->guard, atoi(pid));
    tell(inside, atoi(pid));
}

Test(guard, leaves_a_dropped_group_alone)
{
    struct hil hil = start_hil(unknown_group);
    int group = hear(&hil);

    kill_hil(&hil);
    cr_expect(guardian_gone(&hil));
    cr_expect(group_alive(group));
    kill(-group, SIGKILL);
    hil_done(&hil);
}

static void group_that_ended(struct inside *inside)
{
    pid_t pid = fork();

    if (pid == 0) {
        setpgid(0, 0);
        guard_add_group(inside->guard, getpid());
        raise(SIGSTOP);
        _exit(1);
    }
    tell(inside, (int)pid);
    waitpid(pid, NULL, WUNTRACED); /* it has been added */
    guard_unhold(inside->guard, HELD_KEY);
    waitpid(pid, NULL, 0); /* the test kills it; nobody tells the guardian */
    tell(inside, 0);
}

Test(guard, spares_a_stranger_with_the_number_of_a_group)
{
    struct hil hil = start_hil(group_that_ended);
    struct ctx ctx = scratch_patience();
    pid_t group = hear(&hil), stranger;
    uint64_t start = group_start_of(group);
    int status;

    cr_assert(let_go(&hil));
    ctx_sleep(&ctx, 20, NULL); /* start times are counted in ticks of 10 ms */
    kill(group, SIGKILL);
    hear(&hil);
    stranger = fork_as(group);
    if (stranger < 0) {
        kill_hil(&hil);
        hil_done(&hil);
        cr_skip_test("process numbers cannot be chosen here");
    }
    cr_assert_neq(group_start_of(stranger), start);
    kill_hil(&hil);
    cr_expect(guardian_gone(&hil));
    cr_expect_eq(waitpid(stranger, &status, WNOHANG), 0, "the stranger was signalled");
    kill(stranger, SIGKILL);
    waitpid(stranger, NULL, 0);
    hil_done(&hil);
}

/* Number of processes that run `sleep` with this argument. */
static int count_sleepers(const char *argument)
{
    cleanup_free char *script = xasprintf(
        "grep -lsazx 'sleep' /proc/[0-9]*/cmdline | xargs -r grep -lsazx '%s' | wc -l", argument);
    struct proc_spec spec = {.argv = SHELL(script)};
    struct ctx ctx = scratch_patience();
    struct proc_result result;

    cr_assert_eq(proc_run(&spec, &ctx, &result, NULL), 0);
    return atoi(result.tail);
}

/* One that slipped through sleeps for a day; one that was killed may take its moment to die. */
static bool none_sleeps(const char *argument)
{
    struct ctx ctx = scratch_patience();

    while (count_sleepers(argument) && ctx_sleep(&ctx, 20, NULL) == 0)
        ;
    return count_sleepers(argument) == 0;
}

static void start_sleepers(struct inside *inside)
{
    cleanup_free char *seconds = xasprintf("86400.%d", (int)getpid());
    const char *const argv[] = {"sleep", seconds, NULL};
    struct proc_spec spec = {.argv = argv};

    tell(inside, 0);
    for (int i = 0; i < 200; i++) {
        struct proc *proc;
        if (proc_start(&spec, &inside->ctx, &proc, NULL) < 0)
            _exit(1);
    }
}

Test(guard, no_child_slips_through_while_it_starts)
{
    for (int i = 0; i < 12; i++) {
        struct hil hil = start_hil(start_sleepers);
        cleanup_free char *seconds = xasprintf("86400.%d", (int)hil.pid);
        struct ctx ctx = scratch_patience();
        hear(&hil);
        ctx_sleep(&ctx, i, NULL); /* at another moment each time */
        kill_hil(&hil);
        cr_expect(guardian_gone(&hil));
        cr_expect(none_sleeps(seconds));
        hil_done(&hil);
    }
}

/* ---- rest ---------------------------------------------------------------------------------- */

static void family_and_rest(struct inside *inside)
{
    cleanup_free char *here = getcwd(NULL, 0);
    cleanup_free char *first = xasprintf("cd %s && read pid < pid && grep -q '^State:.[^Z]' "
                                         "/proc/$pid/status && echo early > rest || "
                                         "echo \"$0 $1\" > rest",
                                         here);
    cleanup_free char *second = xasprintf("touch %s/dropped", here);

    start_shell(inside, "trap '' TERM; echo $$ > pid; echo > ready; "
                        "while :; do sleep 0.01; done");
    guard_add_rest(inside->guard, 1,
                   (const char *const[]){"sh", "-c", first, "two words", "", NULL});
    guard_add_rest(inside->guard, 2, SHELL(second));
    guard_add_rest(inside->guard, 3, (const char *const[]){"/no/such/program", NULL});
    guard_add_rest(inside->guard, 4, (const char *const[]){NULL});
    guard_drop_rest(inside->guard, 2);
    tell(inside, 0);
}

Test(guard, brings_boards_to_rest_after_their_children_ended)
{
    struct hil hil = start_hil(family_and_rest);

    hear(&hil);
    cleanup_free char *before = text_in(&hil, "rest");
    cr_expect_str_eq(before, "");
    kill_hil(&hil);
    cr_expect(let_go(&hil)); /* so what is held is held until then */
    cleanup_free char *rest = text_in(&hil, "rest");
    cr_expect_str_eq(rest, "two words \n");
    cleanup_free char *dropped = fs_join(hil.dir, "dropped");
    cr_expect_not(fs_exists(dropped));
    hil_done(&hil);
}

/* ---- held descriptors ---------------------------------------------------------------------- */

static void unhold(struct inside *inside)
{
    guard_unhold(inside->guard, HELD_KEY);
}

Test(guard, lets_go_when_told)
{
    struct hil hil = start_hil(unhold);

    cr_expect(let_go(&hil));
    cr_expect_eq(waitpid(hil.pid, NULL, WNOHANG), 0);
    kill_hil(&hil);
    cr_expect(guardian_gone(&hil));
    hil_done(&hil);
}

/* Two boards; of the second one another host has the lease by the time that hil dies. */
static void rest_and_bars(struct inside *inside)
{
    static const char *const names[] = {"ours", "lost", "dropped"};
    cleanup_free char *here = getcwd(NULL, 0);

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        cleanup_close int over_fd = eventfd(0, EFD_CLOEXEC);
        cleanup_free char *file = fs_join(here, names[i]);
        guard_add_rest(inside->guard, (int64_t)i, (const char *const[]){"touch", file, NULL});
        guard_bar_rest(inside->guard, (int64_t)i, over_fd);
        if (i)
            eventfd_write(over_fd, 1);
        if (i == 2) /* and is ours again */
            guard_drop_rest(inside->guard, 2);
        if (i == 2)
            guard_add_rest(inside->guard, 2, (const char *const[]){"touch", file, NULL});
    }
    tell(inside, 0);
}

Test(guard, leaves_alone_what_is_somebody_elses)
{
    struct hil hil = start_hil(rest_and_bars);
    cleanup_free char *ours = fs_join(hil.dir, "ours");
    cleanup_free char *lost = fs_join(hil.dir, "lost");
    cleanup_free char *dropped = fs_join(hil.dir, "dropped");

    hear(&hil);
    kill_hil(&hil);
    cr_expect(let_go(&hil));
    cr_expect(fs_exists(ours));
    cr_expect_not(fs_exists(lost));
    cr_expect(fs_exists(dropped), "its bar went with what was barred");
    cr_expect(guardian_gone(&hil));
    hil_done(&hil);
}

/* ---- life ---------------------------------------------------------------------------------- */

static void rest_and_unhold(struct inside *inside)
{
    cleanup_free char *here = getcwd(NULL, 0);
    cleanup_free char *file = fs_join(here, "rested");

    guard_add_rest(inside->guard, 1, (const char *const[]){"touch", file, NULL});
    guard_unhold(inside->guard, HELD_KEY);
}

Test(guard, cannot_be_ended_by_what_ends_hil)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};
    struct hil hil = start_hil(rest_and_unhold);
    cleanup_free char *rested = fs_join(hil.dir, "rested");
    pid_t guardian = hil.guardian;

    cr_assert(let_go(&hil));
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
        kill(guardian, signals[i]);
    cr_expect_eq(getsid(guardian), guardian);
    cleanup_free char *comm_path = xasprintf("/proc/%d/comm", (int)guardian);
    cleanup_free char *comm = scratch_text(comm_path);
    cr_expect_str_eq(comm, "hil-guard\n");
    for (int fd = 0; fd < 3; fd++) {
        cleanup_free char *link_path = xasprintf("/proc/%d/fd/%d", (int)guardian, fd);
        char target[64] = "";
        cr_expect_gt(readlink(link_path, target, sizeof target - 1), 0);
        cr_expect_str_eq(target, "/dev/null");
    }
    kill_hil(&hil);
    cr_expect(guardian_gone(&hil));
    cr_expect(fs_exists(rested));
    hil_done(&hil);
}

Test(guard, does_nothing_after_a_goodbye)
{
    cleanup_scratch char *dir = scratch_make();
    cleanup_free char *script = xasprintf("touch %s/rested", dir);
    cleanup_free char *rested = fs_join(dir, "rested");
    struct proc_spec spec = {.argv = (const char *const[]){"sleep", "60", NULL}};
    struct guard *guard = NULL;
    struct proc *proc = NULL;

    cr_assert_eq(guard_start(&guard, NULL), 0);
    struct ctx ctx = ctx_root(-1, guard);
    cr_assert_eq(proc_start(&spec, &ctx, &proc, NULL), 0);
    guard_add_rest(guard, 1, SHELL(script));
    guard_stop(guard);
    cr_expect_eq(waitpid(-1, NULL, WNOHANG), 0, "the guardian is reaped, the program lives");
    cr_expect(proc_running(proc));
    cr_expect_not(fs_exists(rested));
    kill(only_child_of(getpid()), SIGKILL);
    waitpid(-1, NULL, 0);
    close(proc_pidfd(proc));
    free(proc);
}

Test(guard, a_dead_or_stopped_guardian_blocks_nobody)
{
    static const int signals[] = {SIGKILL, SIGSTOP};

    for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
        struct guard *guard = NULL;
        int64_t started_ns = ctx_now_ns();
        siginfo_t info;
        cr_assert_eq(guard_start(&guard, NULL), 0);
        pid_t pid = only_child_of(getpid());
        kill(pid, signals[i]);
        waitid(P_PID, (id_t)pid, &info, WEXITED | WSTOPPED | WNOWAIT);
        for (int key = 0; key < 100; key++) {
            guard_add_group(guard, 1 << 30);
            guard_hold(guard, key, 0);
        }
        guard_stop(guard);
        cr_expect_lt(ctx_now_ns() - started_ns, 5000000000);
    }
}

Test(guard, without_one_nothing_happens)
{
    guard_add_group(NULL, 1);
    guard_drop_group(NULL, 1);
    guard_hold(NULL, 1, 0);
    guard_unhold(NULL, 1);
    guard_add_rest(NULL, 1, SHELL("exit 1"));
    guard_drop_rest(NULL, 1);
    guard_stop(NULL);
}
