/* SPDX-License-Identifier: MIT */
#include "notify/sender.h"

#include "base/str.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* A self-hosted runner ends, with a job, every process that has its tracking id in its environment;
 * what systemd gave to a service is the service's alone. */
static bool is_kept(const char *variable)
{
    static const char *const not_kept[] = {
        "RUNNER_TRACKING_ID=", "NOTIFY_SOCKET=", "WATCHDOG_USEC=", "WATCHDOG_PID="};

    for (size_t i = 0; i < ARRAY_SIZE(not_kept); i++)
        if (str_starts(variable, not_kept[i]))
            return false;
    return true;
}

static char **environment(void)
{
    size_t count = 0, kept = 0;
    char **ret;

    while (environ && environ[count])
        count++;
    ret = xcalloc(count + 1, sizeof *ret);
    for (size_t i = 0; i < count; i++)
        if (is_kept(environ[i]))
            ret[kept++] = environ[i];
    return ret;
}

static void fresh_signals(void)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigset_t none;

    for (int number = 1; number < NSIG; number++)
        sigaction(number, &action, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* In a child of the child, whom nobody waits for. */
static _Noreturn void be_sender(const char *program, char *const *argv, char *const *env,
                                int null_fd)
{
    if (dup2(null_fd, 0) < 0 || dup2(null_fd, 1) < 0 || dup2(null_fd, 2) < 0)
        _exit(1);
    fresh_signals();
    syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC);
    execve(program, argv, env);
    _exit(1);
}

void sender_start(const char *lab_path)
{
    /* The file itself, which may have been replaced since: an upgrade loses no notice. */
    static char program[] = "/proc/self/exe";
    cleanup_free char *path = realpath(lab_path, NULL);
    cleanup_free char **env = environment();
    char *argv[] = {
        (char[]){"hil"}, (char[]){"notify"}, (char[]){"--flush"}, (char[]){"--lab"}, path, NULL};
    cleanup_close int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    pid_t child;

    if (!path || null_fd < 0)
        return;
    child = fork();
    if (child == 0) {
        setsid();
        if (fork() == 0)
            be_sender(program, argv, env, null_fd);
        _exit(0);
    }
    if (child > 0)
        waitpid(child, NULL, 0);
}
