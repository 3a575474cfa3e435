/* SPDX-License-Identifier: MIT */
#include "base/fs.h"

#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIRS_OPEN_MAX 8 /* while a tree is walked */

int fs_read(const char *path, struct buf *ret, struct err *err)
{
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;

    if (fd < 0)
        return err_sys(err, errno, "%s", path);
    if (fstat(fd, &info) == 0 && S_ISDIR(info.st_mode))
        return err_sys(err, EISDIR, "%s", path);
    for (;;) {
        size_t left = ret->ceiling - ret->size;
        size_t want = left < 65536 ? left : 65536;
        char probe = 0;
        char *space = want ? buf_space(ret, want) : &probe;
        ssize_t n = read(fd, space, want ? want : 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(err, errno, "%s", path);
        if (n == 0)
            return 0;
        if (!want)
            return err_set(err, ERR_LIMIT, "%s: larger than %zu bytes", path, ret->ceiling);
        buf_grew(ret, (size_t)n);
    }
}

int fs_hold_room(const char *dir, size_t bytes)
{
    cleanup_free char *path = fs_join(dir, ".room-XXXXXX");
    int fd = mkostemp(path, O_CLOEXEC);

    if (fd >= 0)
        unlink(path);
    if (fd >= 0 && posix_fallocate(fd, 0, (off_t)bytes) != 0)
        close_fd(&fd);
    return fd;
}

int fs_write_all(int fd, const void *bytes, size_t count, const char *path, struct err *err)
{
    const char *at = bytes;

    while (count) {
        ssize_t n = write(fd, at, count);
        if (n < 0 && errno == EAGAIN) /* a stdout that somebody has made non-blocking */
            poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
        else if (n < 0 && errno != EINTR)
            return err_sys(err, errno, "%s", path);
        if (n > 0) {
            at += n;
            count -= (size_t)n;
        }
    }
    return 0;
}

/* A new file beside `path`. Not mkstemp(): it would want a umask() to get the usual mode, and the
 * umask is the whole process's. */
static int make_draft(struct fs_draft *draft, const struct stat *old)
{
    for (int tries = 0; tries < 100; tries++) {
        uint32_t number;
        if (getrandom(&number, sizeof number, 0) < 0)
            return -1;
        free(draft->draft_path);
        draft->draft_path = xasprintf("%s.%08" PRIx32, draft->path, number);
        draft->fd = open(draft->draft_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (draft->fd >= 0)
            return old ? fchmod(draft->fd, old->st_mode & 0777) : 0;
        if (errno != EEXIST)
            return -1;
    }
    return -1;
}

int fs_draft_open(struct fs_draft *draft, const char *path, struct err *err)
{
    char *real = realpath(path, NULL); /* a link stays, what it points to is replaced */
    struct stat info;
    bool exists = stat(path, &info) == 0;
    int rc;

    *draft = (struct fs_draft){.path = real ? real : xstrdup(path), .fd = -1};
    if (exists && S_ISDIR(info.st_mode)) {
        errno = EISDIR;
        rc = -1;
    } else if (exists && !S_ISREG(info.st_mode)) { /* /dev/null, a FIFO: never to be replaced */
        draft->fd = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK); /* ENXIO: nobody reads it */
        rc = draft->fd;
        if (rc >= 0)
            fcntl(rc, F_SETFL, O_WRONLY);
    } else {
        rc = make_draft(draft, exists ? &info : NULL);
    }
    if (rc >= 0)
        return 0;
    rc = err_sys(err, errno, "%s", path);
    fs_draft_abort(draft);
    return rc;
}

int fs_draft_commit(struct fs_draft *draft, struct err *err)
{
    int fd = draft->fd;
    int rc = 0;

    draft->fd = -1;
    if (close(fd) < 0 || (draft->draft_path && rename(draft->draft_path, draft->path) < 0)) {
        rc = err_sys(err, errno, "%s", draft->path);
        if (draft->draft_path)
            unlink(draft->draft_path);
    }
    fs_draft_abort(draft); /* nothing is left to remove, only to free */
    return rc;
}

void fs_draft_abort(struct fs_draft *draft)
{
    if (draft->fd >= 0) {
        close(draft->fd);
        if (draft->draft_path)
            unlink(draft->draft_path);
    }
    free(draft->path);
    free(draft->draft_path);
    *draft = (struct fs_draft){.fd = -1};
}

int fs_write(const char *path, const void *bytes, size_t count, struct err *err)
{
    struct fs_draft draft;
    int rc = fs_draft_open(&draft, path, err);

    if (rc < 0)
        return rc;
    rc = fs_write_all(draft.fd, bytes, count, path, err);
    if (rc == 0)
        return fs_draft_commit(&draft, err);
    fs_draft_abort(&draft);
    return rc;
}

int fs_mkdirs(const char *path, mode_t mode, struct err *err)
{
    cleanup_free char *copy = xstrdup(path);
    struct stat info;

    for (char *at = copy + 1; *copy; at++) {
        char saved = *at;
        if (saved && saved != '/')
            continue;
        *at = '\0';
        if (mkdir(copy, mode) < 0 && errno != EEXIST)
            return err_sys(err, errno, "%s", copy);
        *at = saved;
        if (!saved)
            break;
    }
    if (stat(path, &info) < 0)
        return err_sys(err, errno, "%s", path);
    if (!S_ISDIR(info.st_mode))
        return err_sys(err, ENOTDIR, "%s", path);
    return 0;
}

bool fs_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

int fs_temp_dir(char **ret, struct err *err)
{
    const char *base = getenv("TMPDIR");

    *ret = xasprintf("%s/hil-XXXXXX", base && *base ? base : "/tmp");
    if (mkdtemp(*ret))
        return 0;
    free(*ret);
    *ret = NULL;
    return err_sys(err, errno, "a temporary directory");
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *at)
{
    (void)info;
    (void)type;
    (void)at;
    return remove(path);
}

void fs_remove_tree(const char *path)
{
    nftw(path, remove_one, DIRS_OPEN_MAX, FTW_DEPTH | FTW_PHYS);
}

char *fs_join(const char *dir, const char *name)
{
    if (name[0] == '/' || !dir[0])
        return xstrdup(name);
    return xasprintf("%s%s%s", dir, str_ends(dir, "/") ? "" : "/", name);
}

const char *fs_basename(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

char *fs_dirname(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (!slash)
        return xstrdup(".");
    return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

char *fs_safe_name(const char *name)
{
    size_t length = strnlen(name, 100);
    char *safe = length ? xstrndup(name, length) : xstrdup("_");

    for (char *at = safe; *at; at++) {
        bool plain = (*at >= 'A' && *at <= 'Z') || (*at >= 'a' && *at <= 'z') ||
                     (*at >= '0' && *at <= '9') || strchr("._+-", *at);
        if (!plain || (at == safe && (*at == '.' || *at == '-')))
            *at = '_';
    }
    return safe;
}

/* The shared directory is sticky and open to all, as /tmp is: the runner's user and the people at
 * the desk must see each other's locks. */
static bool shared_dir(const char *path)
{
    struct stat info;

    if (mkdir(path, 01777) == 0)
        chmod(path, 01777); /* past the umask */
    return lstat(path, &info) == 0 && S_ISDIR(info.st_mode) && access(path, W_OK | X_OK) == 0;
}

int fs_runtime_dir(char **ret, struct err *err)
{
    static const char *const shared[] = {"/run/lock/hil", "/tmp/hil-runtime"};
    const char *own = getenv("HIL_RUNTIME_DIR");
    int rc;

    if (own && *own) {
        rc = fs_mkdirs(own, 0777, err);
        if (rc == 0)
            *ret = xstrdup(own);
        return rc;
    }
    for (size_t i = 0; i < ARRAY_SIZE(shared); i++) {
        if (shared_dir(shared[i])) {
            *ret = xstrdup(shared[i]);
            return 0;
        }
    }
    return err_set(err, ERR_IO,
                   "no runtime directory can be made in /run/lock or /tmp; "
                   "set HIL_RUNTIME_DIR to a directory of your own");
}

char *fs_state_dir(void)
{
    const char *own = getenv("HIL_STATE_DIR");
    const char *xdg = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");

    if (own && *own)
        return xstrdup(own);
    if (xdg && *xdg == '/')
        return fs_join(xdg, "hil");
    if (home && *home == '/' && home[1])
        return fs_join(home, ".local/state/hil");
    return xstrdup("/var/lib/hil");
}
