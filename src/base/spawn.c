/* SPDX-License-Identifier: MIT */
#include "base/spawn.h"

#include "base/fs.h"
#include "base/guard.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Everything the child needs, made before fork(). */
struct plan {
    const char *path, *dir;
    const char *const *argv;
    const char **env;
    struct guard *guard;
    int in_fd, out_fd, err_fd, status_fd;
};

/* What the child writes to status_fd where it cannot exec. */
struct failure {
    enum { FAILED_DIR, FAILED_OUTPUT, FAILED_EXEC } step;
    int sys_errno;
};

static bool is_program(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && S_ISREG(info.st_mode) && access(path, X_OK) == 0;
}

char *proc_find(const char *program)
{
    const char *path = getenv("PATH");
    cleanup_strv struct strv dirs = {0};

    if (strchr(program, '/'))
        return is_program(program) ? xstrdup(program) : NULL;
    strv_split(&dirs, path ? path : "/usr/local/bin:/usr/bin:/bin", ':');
    for (size_t i = 0; i < dirs.count; i++) {
        char *candidate = fs_join(dirs.items[i], program);
        if (is_program(candidate))
            return candidate;
        free(candidate);
    }
    return NULL;
}

static int find_program(const struct proc_spec *spec, char **ret, struct err *err)
{
    const char *name = spec->argv[0];

    *ret = strchr(name, '/') ? xstrdup(name) : proc_find(name);
    if (*ret)
        return 0;
    err_set(err, ERR_TOOL, "%s: program not found in PATH", name);
    if (spec->hint)
        err_hint(err, "; %s", spec->hint);
    return -ERR_TOOL;
}

static bool same_variable(const char *a, const char *b)
{
    size_t length = strcspn(a, "=");

    return length == strcspn(b, "=") && !strncmp(a, b, length);
}

/* Our environment with `added` on top; the strings stay whose they are, the caller frees the array.
 */
static const char **merge_env(const char *const *added)
{
    size_t count = 0, ours = 0, more = 0;
    const char **env;

    while (environ && environ[ours])
        ours++;
    while (added && added[more])
        more++;
    env = xcalloc(ours + more + 1, sizeof *env);
    for (size_t i = 0; i < ours; i++) {
        bool replaced = false;
        for (size_t j = 0; j < more && !replaced; j++)
            replaced = same_variable(environ[i], added[j]);
        if (!replaced)
            env[count++] = environ[i];
    }
    for (size_t j = 0; j < more; j++)
        if (strchr(added[j], '='))
            env[count++] = added[j];
    return env;
}

/* Ignored and blocked signals would outlive exec, and our handlers must not run here. */
static void fresh_signals(void)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigset_t none;

    for (int number = 1; number < NSIG; number++)
        sigaction(number, &action, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void child(const struct plan *plan)
{
    struct failure failure = {.step = FAILED_OUTPUT};
    ssize_t written;

    setpgid(0, 0);
    guard_add_group(plan->guard, getpid());
    fresh_signals();
    if (dup2(plan->in_fd, 0) < 0 || dup2(plan->out_fd, 1) < 0 || dup2(plan->err_fd, 2) < 0)
        goto failed;
    failure.step = FAILED_DIR;
    if (plan->dir && chdir(plan->dir) < 0)
        goto failed;
    /* All descriptors of hil are close-on-exec; this is for those of libraries. At exec, not now:
     * status_fd and the guardian's socket must stay until then. */
    syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC);
    failure.step = FAILED_EXEC;
    execve(plan->path, (char *const *)(uintptr_t)plan->argv, (char *const *)(uintptr_t)plan->env);
failed:
    failure.sys_errno = errno;
    written = write(plan->status_fd, &failure, sizeof failure);
    _exit(written == sizeof failure ? 127 : 126);
}

static int explain(const struct proc_spec *spec, const struct failure *failure, struct err *err)
{
    static const char *const steps[] = {[FAILED_DIR] = "working directory ",
                                        [FAILED_OUTPUT] = "output",
                                        [FAILED_EXEC] = "cannot be started"};
    const char *dir = failure->step == FAILED_DIR ? spec->dir : "";
    const char *name = failure->step == FAILED_EXEC ? spec->argv[0] : fs_basename(spec->argv[0]);
    char reason[128];

    err_set(err, ERR_TOOL, "%s: %s%s: %s", name, steps[failure->step], dir,
            strerror_r(failure->sys_errno, reason, sizeof reason));
    if (err)
        err->sys_errno = failure->sys_errno;
    if (spec->hint && failure->step == FAILED_EXEC)
        err_hint(err, "; %s", spec->hint);
    return -ERR_TOOL;
}

/* No signal may reach the child before it has dropped our handlers: one of them would tell us to
 * stop what only the child was to stop. */
static pid_t fork_quietly(const struct plan *plan)
{
    sigset_t all, before;
    pid_t pid;
    int saved;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid = fork();
    if (pid == 0)
        child(plan);
    saved = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = saved;
    return pid;
}

static int start(const struct proc_spec *spec, struct plan *plan, const struct ctx *ctx,
                 pid_t *ret_pid, struct err *err)
{
    const char *name = fs_basename(spec->argv[0]);
    struct failure failure;
    int status[2];
    cleanup_close int status_read = -1;
    pid_t pid;

    if (pipe2(status, O_CLOEXEC) < 0)
        return err_sys(err, errno, "%s: pipe", name);
    status_read = status[0];
    plan->status_fd = status[1];
    pid = fork_quietly(plan);
    close(status[1]);
    if (pid < 0)
        return err_sys(err, errno, "%s: fork", name);
    setpgid(pid, pid); /* the child does so too: whoever comes first */
    if (ctx_read(ctx, status_read, &failure, sizeof failure, NULL) == sizeof failure) {
        waitpid(pid, NULL, 0);
        guard_drop_group(ctx->guard, pid);
        return explain(spec, &failure, err);
    }
    *ret_pid = pid;
    return 0;
}

int spawn(const struct proc_spec *spec, int out_fd, const struct ctx *ctx, pid_t *ret_pid,
          struct err *err)
{
    cleanup_close int null_fd = -1;
    cleanup_free char *path = NULL;
    cleanup_free const char **env = NULL;
    struct plan plan;
    int rc = find_program(spec, &path, err);

    if (rc < 0)
        return rc;
    null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null_fd < 0)
        return err_sys(err, errno, "/dev/null");
    env = merge_env(spec->env);
    plan = (struct plan){.path = path,
                         .dir = spec->dir,
                         .argv = spec->argv,
                         .env = env,
                         .guard = ctx->guard,
                         .in_fd = spec->in_fd ? spec->in_fd : null_fd,
                         .out_fd = out_fd,
                         .err_fd = spec->err_fd ? spec->err_fd : out_fd};
    return start(spec, &plan, ctx, ret_pid, err);
}
