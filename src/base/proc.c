/* SPDX-License-Identifier: MIT */
#include "base/proc.h"

#include "base/fs.h"
#include "base/group.h"
#include "base/guard.h"
#include "base/spawn.h"
#include "base/str.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHUNK_SIZE 16384
#define GRACE_MS 500
#define KILL_MS \
    1000 /* for the kernel to take a process away: one in a USB transfer may take its time */
#define DRAIN_MS \
    100 /* for output to end once the program itself has, should a child of it linger */
#define STEP_MS 10
#define LINE_MAX_BYTES 300 /* of the program's last line in an error */

struct proc {
    pid_t pid;      /* also its group */
    uint64_t start; /* group.h */
    int pidfd;
    bool reaped;
    int exit_code, signal;
    int64_t grace_ms;
    struct guard *guard;
};

/* Where a program's output goes. */
struct sink {
    int pipe_fd; /* -1: at its end */
    int log_fd;  /* -1: none */
    const char *log_path;
    struct proc_result *result;
    const struct proc_spec *spec; /* NULL: nobody listens */
};

/* ---- output -------------------------------------------------------------------------------- */

void proc_keep_tail(struct proc_result *result, const char *bytes, size_t count)
{
    size_t keep = result->tail_size;

    if (count > PROC_TAIL_MAX) {
        bytes += count - PROC_TAIL_MAX;
        count = PROC_TAIL_MAX;
    }
    if (keep > PROC_TAIL_MAX - count)
        keep = PROC_TAIL_MAX - count;
    memmove(result->tail, result->tail + result->tail_size - keep, keep);
    memcpy(result->tail + keep, bytes, count);
    result->tail_size = keep + count;
    result->tail[result->tail_size] = '\0';
}

/* Takes what is in the pipe, one chunk at most. */
static int take_output(struct sink *sink, struct err *err)
{
    char chunk[CHUNK_SIZE];
    ssize_t n = read(sink->pipe_fd, chunk, sizeof chunk);
    int rc = 0;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n <= 0) {
        close(sink->pipe_fd);
        sink->pipe_fd = -1;
        return 0;
    }
    proc_keep_tail(sink->result, chunk, (size_t)n);
    if (sink->spec && sink->spec->output)
        sink->spec->output(sink->spec->output_arg, chunk, (size_t)n);
    if (sink->log_fd >= 0)
        rc = fs_write_all(sink->log_fd, chunk, (size_t)n, sink->log_path, err);
    if (rc < 0) {
        close(sink->log_fd);
        sink->log_fd = -1; /* said once */
    }
    return rc;
}

static int poll_timeout(const struct ctx *ctx)
{
    int64_t left = ctx_left_ms(ctx);

    return left == CTX_NEVER ? -1 : left > INT_MAX ? INT_MAX : (int)left;
}

/* Reads output until the program has ended and the pipe is empty: 0, or what the ctx or the log
 * file has to say. A child of the program that keeps the pipe open is not waited for. */
static int pump(const struct proc *proc, struct sink *sink, const struct ctx *ctx, struct err *err)
{
    struct ctx until = *ctx;
    bool ended = false;

    while (!ended || sink->pipe_fd >= 0) {
        struct pollfd fds[] = {{.fd = sink->pipe_fd, .events = POLLIN},
                               {.fd = ended ? -1 : proc->pidfd, .events = POLLIN},
                               {.fd = until.cancel_fd, .events = POLLIN}};
        int rc = ctx_check(&until, ended ? NULL : err);
        if (rc < 0)
            return ended ? 0 : rc;
        if (poll(fds, ARRAY_SIZE(fds), poll_timeout(&until)) < 0)
            continue; /* EINTR */
        if (fds[0].revents && (rc = take_output(sink, err)) < 0)
            return rc;
        if (fds[1].revents) {
            ended = true;
            until = ctx_cleanup(ctx, DRAIN_MS);
        }
    }
    return 0;
}

/* ---- the end ------------------------------------------------------------------------------- */

static void reap(struct proc *proc)
{
    siginfo_t info = {0};

    if (proc->reaped)
        return;
    if (waitid(P_PID, (id_t)proc->pid, &info, WEXITED | WNOHANG) < 0 && errno == ECHILD) {
        proc->reaped = true; /* where SIGCHLD is ignored; how it ended nobody knows */
    } else if (info.si_pid == proc->pid) {
        proc->reaped = true;
        if (info.si_code == CLD_EXITED)
            proc->exit_code = info.si_status;
        else
            proc->signal = info.si_status;
    }
}

/* True once nothing of the group runs any more. */
static bool wait_gone(struct proc *proc, struct sink *sink, int64_t timeout_ms)
{
    const struct ctx none = ctx_root(-1, NULL);
    const struct ctx limit = ctx_cleanup(&none, timeout_ms);

    if (!proc->reaped) {
        pump(proc, sink, &limit, NULL);
        reap(proc);
    }
    while (proc->reaped && group_alive_since(proc->pid, proc->start))
        if (ctx_sleep(&limit, STEP_MS, NULL) < 0)
            return false;
    return proc->reaped;
}

/* Ends whatever is left of the group. Until the leader is reaped its number cannot mean anybody
 * else; later a signal goes only to a group that lives and is no stranger's. */
static bool end_group(struct proc *proc, struct sink *sink)
{
    bool gone = proc->reaped && !group_alive_since(proc->pid, proc->start);

    if (!gone && proc->grace_ms >= 0) {
        kill(-proc->pid, SIGTERM);
        gone = wait_gone(proc, sink, proc->grace_ms);
    }
    if (!gone) {
        kill(-proc->pid, SIGKILL);
        gone = wait_gone(proc, sink, KILL_MS);
    }
    if (gone)
        guard_drop_group(proc->guard, proc->pid);
    return gone;
}

/* ---- the start ----------------------------------------------------------------------------- */

static int begin(const struct proc_spec *spec, int out_fd, const struct ctx *ctx, struct proc *proc,
                 struct err *err)
{
    int rc = spawn(spec, out_fd, ctx, &proc->pid, err);

    if (rc < 0)
        return rc;
    proc->exit_code = -1;
    proc->grace_ms = spec->grace_ms ? spec->grace_ms : GRACE_MS;
    proc->guard = ctx->guard;
    proc->start = group_start_of(proc->pid);
    proc->pidfd = (int)syscall(SYS_pidfd_open, proc->pid, 0);
    if (proc->pidfd < 0) {
        rc = err_sys(err, errno, "%s: pidfd_open", fs_basename(spec->argv[0]));
        kill(-proc->pid, SIGKILL);
        waitpid(proc->pid, NULL, 0);
        guard_drop_group(proc->guard, proc->pid);
    }
    return rc;
}

static int open_log(const char *path, int *ret_fd, struct err *err)
{
    *ret_fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    return *ret_fd < 0 ? err_sys(err, errno, "%s", path) : 0;
}

/* ---- programs that end --------------------------------------------------------------------- */

static bool is_one_of(char byte, const char *set)
{
    return byte && strchr(set, byte);
}

/* A progress bar's lines end in CR. */
char *proc_last_line(const struct proc_result *result)
{
    cleanup_buf struct buf line = BUF_INIT(4 * LINE_MAX_BYTES);
    const char *tail = result->tail;
    size_t end = result->tail_size, start;

    while (end && is_one_of(tail[end - 1], " \t\r\n"))
        end--;
    for (start = end; start && !is_one_of(tail[start - 1], "\r\n");)
        start--;
    while (start < end && is_one_of(tail[start], " \t"))
        start++;
    if (end - start > LINE_MAX_BYTES)
        end = start + LINE_MAX_BYTES;
    text_clean(&line, tail + start, end - start, TEXT_ONE_LINE);
    return buf_steal(&line);
}

static int add_last_line(const struct proc_result *result, struct err *err)
{
    cleanup_free char *line = proc_last_line(result);

    return err_hint(err, "%s%s", *line ? ": " : "", line);
}

static int run(const struct proc_spec *spec, struct sink *sink, const struct ctx *ctx,
               struct err *err)
{
    const char *name = fs_basename(spec->argv[0]);
    int64_t started_ns = ctx_now_ns();
    struct proc proc = {0};
    int pipe_fds[2], rc;
    bool gone;

    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return err_sys(err, errno, "%s: pipe", name);
    sink->pipe_fd = pipe_fds[0];
    fcntl(sink->pipe_fd, F_SETFL, O_NONBLOCK);
    rc = begin(spec, pipe_fds[1], ctx, &proc, err);
    close(pipe_fds[1]);
    if (rc < 0)
        return rc;
    rc = pump(&proc, sink, ctx, err);
    gone = end_group(&proc, sink);
    close(proc.pidfd);
    sink->result->exit_code = proc.exit_code;
    sink->result->signal = proc.signal;
    sink->result->took_us = (ctx_now_ns() - started_ns) / 1000;
    if (rc < 0) {
        err_wrap(err, "%s", name);
        if (rc == -ERR_TIMEOUT)
            add_last_line(sink->result, err);
        if (!gone)
            err_hint(err, "; process group %d cannot be ended", (int)proc.pid);
    }
    return rc;
}

int proc_run(const struct proc_spec *spec, const struct ctx *ctx, struct proc_result *ret,
             struct err *err)
{
    struct sink sink = {
        .pipe_fd = -1, .log_fd = -1, .log_path = spec->log_path, .result = ret, .spec = spec};
    int rc = ctx_check(ctx, err);

    memset(ret, 0, sizeof *ret);
    ret->exit_code = -1;
    if (rc < 0)
        return err_wrap(err, "%s", fs_basename(spec->argv[0])), rc;
    if (spec->log_path)
        rc = open_log(spec->log_path, &sink.log_fd, err);
    if (rc == 0)
        rc = run(spec, &sink, ctx, err);
    close_fd(&sink.pipe_fd);
    close_fd(&sink.log_fd);
    return rc;
}

int proc_check(const char *name, const struct proc_result *result, struct err *err)
{
    if (result->exit_code == 0)
        return 0;
    if (result->signal)
        err_set(err, ERR_TOOL, "%s: killed by SIG%s", name, sigabbrev_np(result->signal));
    else
        err_set(err, ERR_TOOL, "%s: exit %d", name, result->exit_code);
    add_last_line(result, err);
    return -ERR_TOOL;
}

int proc_run_ok(const struct proc_spec *spec, const struct ctx *ctx, struct err *err)
{
    struct proc_result result;
    int rc = proc_run(spec, ctx, &result, err);

    return rc == 0 ? proc_check(fs_basename(spec->argv[0]), &result, err) : rc;
}

/* ---- programs that stay -------------------------------------------------------------------- */

int proc_start(const struct proc_spec *spec, const struct ctx *ctx, struct proc **ret,
               struct err *err)
{
    cleanup_close int out_fd = -1;
    struct proc proc = {0};
    int rc =
        spec->out_fd ? 0 : open_log(spec->log_path ? spec->log_path : "/dev/null", &out_fd, err);

    if (rc == 0)
        rc = begin(spec, spec->out_fd ? spec->out_fd : out_fd, ctx, &proc, err);
    if (rc < 0)
        return rc;
    *ret = xmalloc(sizeof **ret);
    **ret = proc;
    return 0;
}

int proc_pidfd(const struct proc *proc)
{
    return proc->pidfd;
}

bool proc_running(struct proc *proc)
{
    struct pollfd end = {.fd = proc->pidfd, .events = POLLIN};

    return poll(&end, 1, 0) == 0;
}

int proc_exit_code(struct proc *proc)
{
    reap(proc);
    return proc->exit_code;
}

void proc_ask(const struct proc *proc)
{
    if (!proc->reaped)
        kill(-proc->pid, SIGTERM);
}

void proc_stop(struct proc *proc)
{
    struct sink nowhere = {.pipe_fd = -1, .log_fd = -1};

    if (!proc)
        return;
    end_group(proc, &nowhere);
    close(proc->pidfd);
    free(proc);
}
