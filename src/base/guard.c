/* SPDX-License-Identifier: MIT
 *
 * No child can slip through. The guardian sees the end of the socket only when the last copy of
 * hil's end is closed, and a child between fork and exec holds such a copy. It reports itself
 * before exec closes that copy, so its report is always read before the end is.
 */
#include "base/guard.h"

#include "base/ctx.h"
#include "base/group.h"
#include "base/proc.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SEND_WAIT_MS 20
#define SEND_TRIES 100    /* of SEND_WAIT_MS each, should the guardian not keep up */
#define SEND_TRIES_LATE 5 /* the same where it did not the last time */
#define GOODBYE_MS 1000
#define TERM_MS 500  /* between SIGTERM and SIGKILL */
#define KILL_MS 1000 /* for the kernel to take them away; not all can be killed at once */
#define REST_MS 10000
#define STEP_MS 10

struct guard {
    pid_t pid;
    int fd;
    atomic_bool late; /* it did not take what it was sent the last time */
};

enum what { GOODBYE, GROUP, HELD, REST, BAR };

struct header {
    enum what what;
    bool add;    /* or drop */
    int64_t key; /* of a group: its number */
};

/* ---- hil's side ---------------------------------------------------------------------------- */

/* Async-signal-safe, and never blocks for long. */
static void tell(struct guard *guard, struct header header, const void *bytes, size_t count, int fd)
{
    struct iovec parts[] = {{&header, sizeof header}, {(void *)(uintptr_t)bytes, count}};
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = count ? 2 : 1};

    if (!guard)
        return;
    if (fd >= 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(rights), &fd, sizeof fd);
    }
    for (int i = guard->late ? SEND_TRIES_LATE : SEND_TRIES; i > 0; i--) {
        struct pollfd room = {.fd = guard->fd, .events = POLLOUT};
        bool sent = sendmsg(guard->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
        if (sent || (errno != EAGAIN && errno != EINTR)) {
            guard->late = false;
            return;
        }
        poll(&room, 1, SEND_WAIT_MS);
    }
    guard->late = true;
}

void guard_add_group(struct guard *guard, pid_t group)
{
    tell(guard, (struct header){GROUP, true, group}, NULL, 0, -1);
}

void guard_drop_group(struct guard *guard, pid_t group)
{
    tell(guard, (struct header){GROUP, false, group}, NULL, 0, -1);
}

void guard_hold(struct guard *guard, int64_t key, int fd)
{
    tell(guard, (struct header){HELD, true, key}, NULL, 0, fd);
}

void guard_unhold(struct guard *guard, int64_t key)
{
    tell(guard, (struct header){HELD, false, key}, NULL, 0, -1);
}

bool guard_add_rest(struct guard *guard, int64_t key, const char *const *argv)
{
    char packed[GUARD_REST_MAX];
    size_t used = 0;

    for (; *argv; argv++) {
        size_t length = strlen(*argv) + 1;
        if (length > sizeof packed - used)
            return false; /* half a command would be worse than none */
        memcpy(packed + used, *argv, length);
        used += length;
    }
    if (used)
        tell(guard, (struct header){REST, true, key}, packed, used, -1);
    return true;
}

void guard_drop_rest(struct guard *guard, int64_t key)
{
    tell(guard, (struct header){REST, false, key}, NULL, 0, -1);
    tell(guard, (struct header){BAR, false, key}, NULL, 0, -1);
}

void guard_bar_rest(struct guard *guard, int64_t key, int fd)
{
    tell(guard, (struct header){BAR, true, key}, NULL, 0, fd);
}

/* ---- the guardian's side ------------------------------------------------------------------- */

/* One thing to look after. */
struct ward {
    struct ward *next;
    enum what what;
    int64_t key;
    uint64_t leader_start; /* of a group: its number may belong to somebody else by now */
    int fd;                /* held, or what bars a resting command; -1: none */
    struct strv argv;      /* of a resting command */
};

static void drop_ward(struct ward **wards, const struct header *header)
{
    for (struct ward **at = wards; *at; at = &(*at)->next) {
        struct ward *ward = *at;
        if (ward->what != header->what || ward->key != header->key)
            continue;
        *at = ward->next;
        close_fd(&ward->fd);
        strv_done(&ward->argv);
        free(ward);
        return;
    }
}

static void add_ward(struct ward **wards, const struct header *header, const char *bytes,
                     size_t count, int fd)
{
    struct ward *ward = xcalloc(1, sizeof *ward);

    *ward = (struct ward){.what = header->what, .key = header->key, .fd = fd};
    if (ward->what == GROUP)
        ward->leader_start = group_start_of((pid_t)ward->key);
    for (size_t at = 0; at < count; at += strlen(bytes + at) + 1)
        strv_add(&ward->argv, bytes + at);
    while (*wards)
        wards = &(*wards)->next;
    *wards = ward;
}

/* False at the end of the socket; does not return after a goodbye. */
static bool listen_once(int fd, struct ward **wards)
{
    struct header header;
    char bytes[GUARD_REST_MAX + 1];
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec parts[] = {{&header, sizeof header}, {bytes, GUARD_REST_MAX}};
    struct msghdr message = {.msg_iov = parts,
                             .msg_iovlen = 2,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    ssize_t n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    struct cmsghdr *rights;
    int held = -1;

    if (n < 0 && errno == EINTR)
        return true;
    if (n < (ssize_t)sizeof header)
        return false;
    if (header.what == GOODBYE)
        _exit(0);
    rights = CMSG_FIRSTHDR(&message);
    if (rights && rights->cmsg_type == SCM_RIGHTS)
        memcpy(&held, CMSG_DATA(rights), sizeof held);
    bytes[(size_t)n - sizeof header] = '\0';
    drop_ward(wards, &header); /* a number that comes again names the newer thing */
    if (header.add)
        add_ward(wards, &header, bytes, (size_t)n - sizeof header, held);
    return true;
}

static bool ward_alive(const struct ward *ward)
{
    return ward->what == GROUP && group_alive_since((pid_t)ward->key, ward->leader_start);
}

/* To send costs little, to see who is alive takes a walk over all processes: so the time to die
 * begins once everybody was told. */
static void end_groups(const struct ward *wards)
{
    static const struct {
        int signal, wait_ms;
    } steps[] = {{SIGTERM, TERM_MS}, {SIGKILL, KILL_MS}};
    const struct ctx forever = ctx_root(-1, NULL);

    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        struct ctx limit;
        for (const struct ward *ward = wards; ward; ward = ward->next)
            if (ward->what == GROUP && group_is_since((pid_t)ward->key, ward->leader_start))
                kill(-(pid_t)ward->key, steps[i].signal);
        limit = ctx_narrow(&forever, steps[i].wait_ms);
        for (const struct ward *ward = wards; ward; ward = ward->next)
            while (ward_alive(ward) && ctx_sleep(&limit, STEP_MS, NULL) == 0)
                ;
    }
}

static bool is_barred(const struct ward *wards, const struct ward *rest)
{
    for (const struct ward *ward = wards; ward; ward = ward->next) {
        struct pollfd bar = {.fd = ward->fd, .events = POLLIN};
        if (ward->what == BAR && ward->key == rest->key && poll(&bar, 1, 0) == 1)
            return true;
    }
    return false;
}

/* All at once, for boards are independent of each other and people wait for the lab. */
static void bring_to_rest(const struct ward *wards)
{
    const struct ctx forever = ctx_root(-1, NULL);
    const struct ctx limit = ctx_narrow(&forever, REST_MS);
    struct proc **procs;
    size_t count = 0, i = 0;

    for (const struct ward *ward = wards; ward; ward = ward->next)
        count++;
    procs = xcalloc(count + 1, sizeof(struct proc *));
    for (const struct ward *ward = wards; ward; ward = ward->next) {
        struct proc_spec spec = {.argv = (const char *const *)ward->argv.items};
        if (ward->what == REST && !is_barred(wards, ward) &&
            proc_start(&spec, &limit, &procs[i], NULL) == 0)
            i++;
    }
    while (i--) {
        ctx_wait(&limit, proc_pidfd(procs[i]), POLLIN, NULL);
        proc_stop(procs[i]);
    }
    free(procs);
}

/* A GitHub runner kills at the end of a job whatever carries the job's RUNNER_TRACKING_ID in
 * /proc/PID/environ, and that is where getenv() points. After a cancelled job the guardian is
 * needed most just then. */
static void stay_after_the_job(void)
{
    char *id = getenv("RUNNER_TRACKING_ID");

    if (id)
        memset(id, '0', strlen(id));
}

/* Leaves behind all that hil's end would take along: terminal, directory, descriptors. */
static void move_out(int fd)
{
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    setsid();
    prctl(PR_SET_NAME, "hil-guard");
    stay_after_the_job();
    if (chdir("/") < 0 || null_fd < 0)
        _exit(1);
    for (int i = 0; i < 3; i++)
        dup2(null_fd, i);
    if (fd > 3)
        syscall(SYS_close_range, 3, fd - 1, 0);
    syscall(SYS_close_range, fd + 1, ~0U, 0);
}

/* Every signal stays blocked: only SIGKILL ends the guardian before its time. */
static _Noreturn void guardian(int fd)
{
    struct ward *wards = NULL;

    move_out(fd);
    signal(SIGCHLD, SIG_DFL); /* ignored, the resting commands could not be waited for */
    while (listen_once(fd, &wards))
        ;
    end_groups(wards);
    bring_to_rest(wards);
    _exit(0); /* lets go of what is held */
}

/* ---- life ---------------------------------------------------------------------------------- */

int guard_start(struct guard **ret, struct err *err)
{
    sigset_t all, before;
    int ends[2];
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return err_sys(err, errno, "guardian: socketpair");
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid = fork();
    if (pid == 0) {
        close(ends[0]);
        guardian(ends[1]);
    }
    if (pid < 0)
        err_sys(err, errno, "guardian: fork");
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return -ERR_IO;
    }
    *ret = xcalloc(1, sizeof **ret);
    (*ret)->pid = pid;
    (*ret)->fd = ends[0];
    return 0;
}

void guard_stop(struct guard *guard)
{
    struct pollfd end;

    if (!guard)
        return;
    tell(guard, (struct header){.what = GOODBYE}, NULL, 0, -1);
    /* It closes its end by exiting; one that does not answer has nothing left to do for us. */
    end = (struct pollfd){.fd = guard->fd, .events = POLLIN};
    if (poll(&end, 1, GOODBYE_MS) <= 0)
        kill(guard->pid, SIGKILL);
    waitpid(guard->pid, NULL, 0);
    close(guard->fd);
    free(guard);
}
