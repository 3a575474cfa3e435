/* SPDX-License-Identifier: MIT */
#include "run/view.h"

#include "base/fs.h"
#include "base/str.h"
#include "board/lease.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOOK_MS 50
#define BETWEEN_MS 500       /* a run gives the board back between two of its tests */
#define CATCH_UP (16 * 1024) /* bytes that somebody who comes late still sees */

struct session {
    const struct view *view;
    const struct ctx *ctx;
    struct holder holder;
    char *shown; /* the log, relative to holder.out; NULL: none yet */
    int fd;
    int64_t gone_ns; /* since when nobody holds the board; 0: somebody does */
};

/* ---- which log ------------------------------------------------------------------------------- */

struct newest {
    char *log; /* relative */
    struct timespec written;
};

static bool is_newer(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

/* Looks at DIR/uart.log; false where there is none. */
static bool consider(const char *out, const char *dir, struct newest *newest)
{
    cleanup_free char *log = fs_join(dir, "uart.log");
    cleanup_free char *path = fs_join(out, log);
    struct stat status;

    if (lstat(path, &status) < 0 || !S_ISREG(status.st_mode))
        return false;
    if (newest->log && !is_newer(&status.st_mtim, &newest->written))
        return true;
    free(newest->log);
    newest->log = xstrdup(log);
    newest->written = status.st_mtim;
    return true;
}

/* BOARD, BOARD@2 and, where a run has several tests, what lies in them. */
static void consider_below(const char *out, const char *below, const char *board,
                           struct newest *newest)
{
    cleanup_free char *dir = fs_join(out, below);
    size_t length = strlen(board);
    struct dirent *entry;
    DIR *entries = opendir(dir);

    while (entries && (entry = readdir(entries))) {
        const char *name = entry->d_name;
        cleanup_free char *inner = *below ? fs_join(below, name) : xstrdup(name);
        bool ours = *below || (!strncmp(name, board, length) &&
                               (name[length] == '\0' || name[length] == '@'));
        if (name[0] != '.' && ours && !consider(out, inner, newest) && !*below)
            consider_below(out, inner, board, newest);
    }
    if (entries)
        closedir(entries);
}

static int open_log(struct session *session, const char *log, struct err *err)
{
    cleanup_free char *path = fs_join(session->holder.out, log);
    cleanup_free char *dir = fs_dirname(log);
    struct stat status;

    close_fd(&session->fd);
    session->fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (session->fd < 0 || fstat(session->fd, &status) < 0)
        return err_sys(err, errno, "%s", path);
    if (session->shown || status.st_size <= CATCH_UP)
        return screen_say(session->view->screen, dir, err);
    cleanup_free char *words = xasprintf("%s, without its first %" PRIu64 " bytes", dir,
                                         (uint64_t)(status.st_size - CATCH_UP));
    lseek(session->fd, -CATCH_UP, SEEK_END);
    return screen_say(session->view->screen, words, err);
}

/* Goes on to the log that is written now, where that is another one. */
static int follow(struct session *session, struct err *err)
{
    cleanup_free char *board = fs_safe_name(session->view->board);
    struct newest newest = {0};
    int rc = 0;

    consider_below(session->holder.out, "", board, &newest);
    if (newest.log && !str_eq(newest.log, session->shown))
        rc = open_log(session, newest.log, err);
    if (newest.log) {
        free(session->shown);
        session->shown = newest.log;
    }
    return rc;
}

/* ---- the run --------------------------------------------------------------------------------- */

static int look(const struct view *view, struct holder *ret, bool *ret_held, struct err *err)
{
    size_t waiting;

    return lease_peek(view->runtime_dir, view->lab, view->board, ret_held, ret, &waiting, err);
}

/* Whether the run has let go of the board, and not just for a moment. */
static bool is_over(struct session *session)
{
    struct holder now;
    bool held = false;
    int rc = look(session->view, &now, &held, NULL);
    bool ours = rc == 0 && held && now.pid == session->holder.pid;
    bool others = rc == 0 && held && now.pid && now.pid != session->holder.pid;

    holder_done(&now);
    if (ours)
        session->gone_ns = 0;
    else if (!session->gone_ns)
        session->gone_ns = ctx_now_ns();
    return others || (!ours && ctx_now_ns() - session->gone_ns > BETWEEN_MS * INT64_C(1000000));
}

/* 1: there was something; 0: there is no more yet. */
static int show_more(struct session *session, struct err *err)
{
    char bytes[16384];
    ssize_t n = session->fd < 0 ? 0 : read(session->fd, bytes, sizeof bytes);
    int rc;

    if (n < 0)
        return err_sys(err, errno, "%s/%s", session->holder.out, session->shown);
    rc = n ? screen_show(session->view->screen, bytes, (size_t)n, err) : 0;
    return rc < 0 ? rc : n > 0;
}

static int run(struct session *session, struct err *err)
{
    bool over = false;
    int rc;

    for (;;) {
        rc = show_more(session, err);
        if (rc < 0 || session->view->screen->seen)
            return rc < 0 ? rc : 0;
        if (rc > 0)
            continue;
        if (over) /* and all that it wrote is shown */
            return 0;
        rc = follow(session, err);
        over = is_over(session);
        if (rc == 0 && !over)
            rc = ctx_sleep(session->ctx, LOOK_MS, err);
        if (rc < 0) {
            while (show_more(session, NULL) > 0) /* what it wrote until now */
                ;
            return rc;
        }
    }
}

static int begin(struct session *session, struct err *err)
{
    cleanup_free char *who = holder_describe(&session->holder);
    cleanup_free char *words = xasprintf("%s is held by %s", session->view->board, who);

    if (!session->holder.out)
        return err_set(err, ERR_NOT_FOUND, "%s, who runs no test: there is nothing to be seen",
                       words);
    if (access(session->holder.out, R_OK | X_OK) < 0)
        return err_sys(err, errno, "%s, and %s", words, session->holder.out);
    return screen_say(session->view->screen, words, err);
}

int view_run(const struct view *view, const struct ctx *ctx, struct err *err)
{
    struct session session = {.view = view, .ctx = ctx, .fd = -1};
    bool held = false;
    int rc = look(view, &session.holder, &held, err);

    if (rc == 0 && !held)
        rc = err_set(err, ERR_NOT_FOUND, "nobody holds %s: there is nothing to be seen",
                     view->board);
    if (rc == 0)
        rc = begin(&session, err);
    if (rc == 0)
        rc = run(&session, err);
    if (rc == 0 && !view->screen->seen)
        rc = screen_say(view->screen, "the run has let go of the board", err);
    close_fd(&session.fd);
    free(session.shown);
    holder_done(&session.holder);
    return rc;
}
