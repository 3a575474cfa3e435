/* SPDX-License-Identifier: MIT
 *
 * A lock file is opened once by everybody who wants its board. Of the bytes that can be locked
 * (they need not exist in the file) the first is the lease, and each one after it is a ticket: a
 * newcomer locks the byte after the last locked one, and whoever finds no lock between the lease
 * and his own ticket is first in the queue. All of that is the kernel's to clean up; nothing can be
 * left behind.
 */
#include "board/lease.h"

#include "base/fs.h"
#include "base/guard.h"
#include "base/str.h"
#include "board/lock_file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LEASE_BYTE 0
#define QUEUE_FROM 1
#define QUEUE_TO ((off_t)1 << 40)
#define QUEUE_TRIES 1000
#define WAITING_MAX 1000 /* counted at most */
#define LOOK_MS 200
#define DESCRIBED_MAX 4 /* boards whose holders a message names */

/* Our place at one board. */
struct seat {
    const char *board;
    char *path;
    int fd;
    off_t ticket; /* QUEUE_TO: none, behind everybody */
};

struct lease {
    int fd; /* also the guardian's key for it */
    struct guard *guard;
};

/* ---- locks --------------------------------------------------------------------------------- */

/* True where somebody else has a lock in [from, to): *ret is one of those. */
static bool find_lock(int fd, off_t from, off_t to, struct flock *ret)
{
    *ret = (struct flock){
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = from, .l_len = to - from};
    /* a length of 0 would mean up to the end of all files */
    return from < to && fcntl(fd, F_OFD_GETLK, ret) == 0 && ret->l_type != F_UNLCK;
}

static off_t behind(const struct flock *lock)
{
    return lock->l_len ? lock->l_start + lock->l_len : QUEUE_TO;
}

static size_t count_waiting(int fd)
{
    struct flock lowest, other;
    size_t count = 0;

    for (off_t from = QUEUE_FROM; count < WAITING_MAX && find_lock(fd, from, QUEUE_TO, &lowest);
         from = behind(&lowest), count++)
        while (find_lock(fd, from, lowest.l_start, &other))
            lowest = other;
    return count;
}

static int take_ticket(struct seat *seat, struct err *err)
{
    struct flock other;

    for (int i = 0; i < QUEUE_TRIES; i++) {
        off_t last = QUEUE_FROM;
        while (find_lock(seat->fd, last, QUEUE_TO, &other))
            last = behind(&other);
        if (last >= QUEUE_TO)
            break;
        if (lock_file_set(seat->fd, F_WRLCK, last)) { /* else somebody was faster */
            seat->ticket = last;
            return 0;
        }
    }
    return err_set(err, ERR_BUSY, "%s: the queue cannot be joined", seat->path);
}

/* ---- the file ------------------------------------------------------------------------------ */

/* No name has a '+', so that no two boards share a file: lab `a`, board `b.c` and lab `a.b`, board
 * `c` do not, nor do SERVER/BOARD and a board of ours that is called SERVER_BOARD. */
char *lease_file(const char *lab, const char *board)
{
    const char *slash = strchr(board, '/');
    cleanup_free char *safe_lab = fs_safe_name(lab);
    cleanup_free char *server = xstrndup(board, slash ? (size_t)(slash - board) : 0);
    cleanup_free char *safe_server = slash ? fs_safe_name(server) : NULL;
    cleanup_free char *safe_board = fs_safe_name(slash ? slash + 1 : board);

    return xasprintf("%s+%s%s%s.lock", safe_lab, slash ? safe_server : "", slash ? "+" : "",
                     safe_board);
}

static char *lock_path(const char *runtime_dir, const char *lab, const char *board)
{
    cleanup_free char *name = lease_file(lab, board);

    return fs_join(runtime_dir, name);
}

/* A record is for people: the lease holds without it, too, so a full disk does not stop the lab,
 * and nobody reads one that is left where there is no lease. */
static bool erase_record(int fd)
{
    return ftruncate(fd, 0) == 0;
}

static bool write_record(int fd, const struct holder *self)
{
    cleanup_free char *record = holder_to_json(self, time(NULL));
    size_t length = strlen(record);

    return erase_record(fd) && pwrite(fd, record, length, 0) == (ssize_t)length;
}

static void read_record(int fd, struct holder *ret)
{
    char bytes[HOLDER_RECORD_MAX];
    ssize_t n = pread(fd, bytes, sizeof bytes, 0);

    holder_from_json(bytes, n > 0 ? (size_t)n : 0, ret);
}

/* ---- seats --------------------------------------------------------------------------------- */

static int open_seats(const char *runtime_dir, const char *lab, const char *const *boards,
                      struct seat *seats, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++)
        seats[i] = (struct seat){.board = boards[i],
                                 .path = lock_path(runtime_dir, lab, boards[i]),
                                 .fd = -1,
                                 .ticket = QUEUE_TO};
    for (size_t i = 0; i < count; i++) {
        int rc = lock_file_open(seats[i].path, &seats[i].fd, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static void leave_queue(struct seat *seat)
{
    /* Explicitly, for another thread's child may hold the descriptor until it has exec'ed. */
    if (seat->ticket != QUEUE_TO)
        lock_file_set(seat->fd, F_UNLCK, seat->ticket);
    seat->ticket = QUEUE_TO;
}

static void close_seats(struct seat *seats, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        leave_queue(&seats[i]);
        close_fd(&seats[i].fd); /* wakes those behind us: IN_CLOSE_WRITE */
        free(seats[i].path);
    }
    free(seats);
}

/* 1: got seats[*ret_index]; 0: each one is held, or others come before us. */
static int try_seats(struct seat *seats, size_t count, size_t *ret_index, struct err *err)
{
    struct flock other;
    struct stat info;

    for (size_t i = 0; i < count; i++) {
        int fd = seats[i].fd;
        if (find_lock(fd, QUEUE_FROM, seats[i].ticket, &other) ||
            !lock_file_set(fd, F_WRLCK, LEASE_BYTE))
            continue;
        if (fstat(fd, &info) == 0 && info.st_nlink == 0)
            return err_set(err, ERR_GONE, "%s: removed by somebody while we waited; run again",
                           seats[i].path);
        *ret_index = i;
        return 1;
    }
    return 0;
}

static void describe_seat(const struct seat *seat, struct buf *out)
{
    size_t waiting = count_waiting(seat->fd);
    struct flock lock;

    if (find_lock(seat->fd, LEASE_BYTE, QUEUE_FROM, &lock)) {
        struct holder holder;
        read_record(seat->fd, &holder);
        cleanup_free char *who = holder_describe(&holder);
        holder_done(&holder);
        buf_addf(out, "%s is held by %s", seat->board, who);
        if (waiting)
            buf_addf(out, ", %zu waiting", waiting);
    } else if (waiting) {
        buf_addf(out, "%s has a queue of %zu", seat->board, waiting);
    } else {
        buf_addf(out, "%s was held until a moment ago", seat->board);
    }
}

static char *describe_seats(const struct seat *seats, size_t count)
{
    struct buf out = BUF_INIT(16384);

    for (size_t i = 0; i < count && i < DESCRIBED_MAX; i++) {
        buf_adds(&out, i ? "; " : "");
        describe_seat(&seats[i], &out);
    }
    if (count > DESCRIBED_MAX)
        buf_addf(&out, "; and %zu more", count - DESCRIBED_MAX);
    return buf_steal(&out);
}

/* ---- waiting ------------------------------------------------------------------------------- */

/* Until something happened to one of the files, or it is time to look anyway: a process that is
 * killed closes its files before the kernel drops its locks. */
static int nap(int inotify_fd, const struct ctx *ctx, struct err *err)
{
    struct ctx slice = ctx_narrow(ctx, LOOK_MS);
    char events[4096];

    if (ctx_wait(&slice, inotify_fd, POLLIN, NULL) > 0 &&
        read(inotify_fd, events, sizeof events) < 0)
        return 0;
    return ctx_check(ctx, err);
}

static int queue_up(struct seat *seats, size_t count, int inotify_fd, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        int rc = take_ticket(&seats[i], err);
        if (rc < 0)
            return rc;
        if (inotify_fd >= 0)
            inotify_add_watch(inotify_fd, seats[i].path, IN_ATTRIB | IN_MODIFY | IN_CLOSE_WRITE);
    }
    return 0;
}

static int wait_for_seat(struct seat *seats, size_t count, const struct ctx *ctx,
                         void (*waiting)(void *arg, const char *why), void *arg, size_t *ret_index,
                         struct err *err)
{
    /* Users have few inotify instances (128 by default); without one we just look. */
    cleanup_close int inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    int rc = queue_up(seats, count, inotify_fd, err);

    if (rc < 0 || (rc = try_seats(seats, count, ret_index, err)) != 0)
        return rc;
    if (waiting) {
        cleanup_free char *why = describe_seats(seats, count);
        waiting(arg, why);
    }
    while (nap(inotify_fd, ctx, err) == 0) {
        rc = try_seats(seats, count, ret_index, err);
        if (rc != 0)
            return rc;
    }
    cleanup_free char *why = describe_seats(seats, count);
    return err_hint(err, " while waiting: %s", why);
}

/* ---- the calls ----------------------------------------------------------------------------- */

/* The seat's descriptor becomes the lease's. */
static struct lease *settle(struct seat *seat, const struct holder *self, struct guard *guard)
{
    struct lease *lease = xmalloc(sizeof *lease);

    *lease = (struct lease){.fd = seat->fd, .guard = guard};
    write_record(lease->fd, self);
    guard_hold(guard, lease->fd, lease->fd);
    leave_queue(seat);
    seat->fd = -1;
    return lease;
}

int lease_take(const char *runtime_dir, const char *lab, const char *const *boards, size_t count,
               const struct holder *self, bool wait, const struct ctx *ctx,
               void (*waiting)(void *arg, const char *why), void *arg, struct lease **ret,
               size_t *ret_index, struct err *err)
{
    struct seat *seats = xcalloc(count, sizeof *seats);
    int rc = open_seats(runtime_dir, lab, boards, seats, count, err);

    if (rc == 0)
        rc = ctx_check(ctx, err);
    if (rc == 0)
        rc = try_seats(seats, count, ret_index, err);
    if (rc == 0 && wait) {
        rc = wait_for_seat(seats, count, ctx, waiting, arg, ret_index, err);
    } else if (rc == 0) {
        cleanup_free char *why = describe_seats(seats, count);
        rc = err_set(err, ERR_BUSY, "%s; try: --wait 10m", why);
    }
    if (rc > 0)
        *ret = settle(&seats[*ret_index], self, ctx->guard);
    close_seats(seats, count);
    return rc < 0 ? rc : 0;
}

void lease_drop(struct lease *lease)
{
    if (!lease)
        return;
    erase_record(lease->fd); /* first: once unlocked the file may be the next holder's */
    /* Unlocking frees the lease although the guardian still has a duplicate of the descriptor. The
     * times, changed after that, wake those who wait. */
    lock_file_set(lease->fd, F_UNLCK, LEASE_BYTE);
    futimens(lease->fd, NULL);
    guard_unhold(lease->guard, lease->fd);
    close(lease->fd);
    free(lease);
}

int lease_peek(const char *runtime_dir, const char *lab, const char *board, bool *ret_held,
               struct holder *ret, size_t *ret_waiting, struct err *err)
{
    cleanup_free char *path = lock_path(runtime_dir, lab, board);
    cleanup_close int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct flock lock;

    *ret_held = false;
    *ret = (struct holder){0};
    *ret_waiting = 0;
    if (fd < 0)
        return errno == ENOENT ? 0 : err_sys(err, errno, "%s", path);
    *ret_held = find_lock(fd, LEASE_BYTE, QUEUE_FROM, &lock);
    if (*ret_held)
        read_record(fd, ret);
    *ret_waiting = count_waiting(fd);
    return 0;
}
