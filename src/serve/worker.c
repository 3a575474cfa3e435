/* SPDX-License-Identifier: MIT */
#include "serve/worker.h"

#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WAITING, BEGUN, WITHDRAWN };

struct worker_gate { /* whoever is first at it decides */
    atomic_int state;
};

static bool move(struct worker_gate *gate, int to)
{
    int waiting = WAITING;

    return atomic_compare_exchange_strong(&gate->state, &waiting, to);
}

bool worker_begin(struct worker_report *report)
{
    return !report->gate || move(report->gate, BEGUN);
}

bool worker_withdraw(const struct worker *worker)
{
    if (!move(worker->gate, WITHDRAWN))
        return false;
    worker_cancel(worker);
    return true;
}

/* In the child; never returns. What stdio holds was written before the fork. */
static void be_worker(int report_fd, pid_t parent, struct worker_gate *gate,
                      void (*work)(void *, struct worker_report *), void *arg)
{
    struct worker_report report = {.code = ERR_NONE, .verdict = VERDICT_INFRA, .gate = gate};

    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(1);
    work(arg, &report);
    fflush(NULL);
    if (write(report_fd, &report, sizeof report) != (ssize_t)sizeof report)
        _exit(1);
    _exit(0);
}

int worker_start(struct worker *worker, void (*work)(void *arg, struct worker_report *ret),
                 void *arg, struct err *err)
{
    pid_t parent = getpid();
    int ends[2];

    *worker = (struct worker){.pidfd = -1, .report_fd = -1};
    fflush(NULL);
    worker->gate =
        mmap(NULL, sizeof *worker->gate, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (worker->gate == MAP_FAILED)
        return err_sys(err, errno, "shared memory");
    if (pipe2(ends, O_CLOEXEC) < 0) {
        int why = errno;
        munmap(worker->gate, sizeof *worker->gate);
        return err_sys(err, why, "pipe");
    }
    worker->pid = fork();
    if (worker->pid == 0)
        be_worker(ends[1], parent, worker->gate, work, arg);
    close(ends[1]);
    worker->report_fd = ends[0];
    if (worker->pid > 0)
        worker->pidfd = (int)syscall(SYS_pidfd_open, worker->pid, 0);
    if (worker->pid > 0 && worker->pidfd >= 0)
        return 0;
    int why = errno;
    close_fd(&worker->report_fd);
    if (worker->pid > 0) {
        kill(worker->pid, SIGTERM);
        waitpid(worker->pid, NULL, 0);
    }
    munmap(worker->gate, sizeof *worker->gate);
    worker->pid = 0;
    return err_sys(err, why, "a process for the work cannot be had");
}

int worker_fd(const struct worker *worker)
{
    return worker->pidfd;
}

void worker_cancel(const struct worker *worker)
{
    if (worker->pid > 0)
        kill(worker->pid, SIGTERM);
}

static void explain(struct worker_report *ret, int status)
{
    *ret = (struct worker_report){.code = ERR_TOOL, .verdict = VERDICT_INFRA, .lost = true};
    if (WIFSIGNALED(status))
        snprintf(ret->text, sizeof ret->text, "the process that did it was ended by signal %d",
                 WTERMSIG(status));
    else
        snprintf(ret->text, sizeof ret->text, "the process that did it ended without a word");
}

void worker_end(struct worker *worker, const struct ctx *ctx, struct worker_report *ret)
{
    int status = 0;

    if (ctx_wait(ctx, worker->pidfd, POLLIN, NULL) < 0)
        kill(worker->pid, SIGKILL);
    while (waitpid(worker->pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (read(worker->report_fd, ret, sizeof *ret) != (ssize_t)sizeof *ret)
        explain(ret, status);
    ret->text[sizeof ret->text - 1] = '\0';
    close_fd(&worker->report_fd);
    close_fd(&worker->pidfd);
    munmap(worker->gate, sizeof *worker->gate);
    worker->pid = 0;
}
