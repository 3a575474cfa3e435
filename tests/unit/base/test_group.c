/* SPDX-License-Identifier: MIT */
#include "base/group.h"

#include "../scratch.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* Forks a group leader that stops itself, with a name that could confuse a reader of /proc. */
static pid_t start_leader(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        prctl(PR_SET_NAME, "a) Z 1 2 (b");
        setpgid(0, 0);
        raise(SIGSTOP);
        _exit(0);
    }
    waitpid(pid, NULL, WUNTRACED);
    return pid;
}

Test(group, a_zombie_is_not_alive)
{
    pid_t pid = start_leader();
    siginfo_t info;

    cr_expect(group_alive(pid));
    kill(pid, SIGKILL);
    waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
    cr_expect_eq(kill(-pid, 0), 0);
    cr_expect_not(group_alive(pid));
    waitpid(pid, NULL, 0);
    cr_expect_not(group_alive(pid));
}

Test(group, a_start_time_names_a_process_for_good)
{
    pid_t pid = start_leader();
    uint64_t start = group_start_of(pid);

    cr_expect_gt(start, 0);
    cr_expect_geq(start, group_start_of(getpid()));
    cr_expect_eq(group_start_of(pid), start);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    cr_expect_eq(group_start_of(pid), 0);
}
