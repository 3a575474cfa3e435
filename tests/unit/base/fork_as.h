/* SPDX-License-Identifier: MIT
 *
 * fork_as: a process, and group, with a number that somebody had before.
 */
#ifndef HIL_TEST_FORK_AS_H
#define HIL_TEST_FORK_AS_H

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* As root the kernel can be asked for a process number, so that one comes again. -1: it cannot
 * be had. */
static inline pid_t fork_as(pid_t wanted)
{
    for (int i = 0; i < 50; i++) {
        FILE *last = fopen("/proc/sys/kernel/ns_last_pid", "w");
        pid_t pid;
        if (!last)
            return -1;
        fprintf(last, "%d", (int)wanted - 1);
        if (fclose(last) != 0)
            return -1;
        pid = fork();
        if (pid == 0) {
            setpgid(0, 0);
            for (;;)
                pause();
        }
        setpgid(pid, 0); /* whichever of us is first */
        if (pid == wanted)
            return pid;
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    return -1;
}

#endif
