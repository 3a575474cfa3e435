/* SPDX-License-Identifier: MIT */
#include "remote/kept.h"

#include "base/fs.h"
#include "base/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

bool kept_key_valid(const char *key)
{
    return strlen(key) == KEPT_KEY_SIZE - 1 && strspn(key, "0123456789abcdef") == KEPT_KEY_SIZE - 1;
}

int kept_key_make(char key[KEPT_KEY_SIZE], struct err *err)
{
    unsigned char bytes[(KEPT_KEY_SIZE - 1) / 2];

    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return err_sys(err, errno, "getrandom");
    for (size_t i = 0; i < sizeof bytes; i++) {
        key[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        key[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
    key[KEPT_KEY_SIZE - 1] = '\0';
    return 0;
}

/* -1: it is not there, or its run is at work (errno EWOULDBLOCK). */
static int hold(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
        close(fd);
        errno = EWOULDBLOCK;
        return -1;
    }
    return fd;
}

static void remove_idle(const char *dir)
{
    cleanup_close int fd = hold(dir);

    if (fd >= 0)
        fs_remove_tree(dir);
}

/* What is too old; *ret_oldest: of the others, NULL: there is none. How many there are. */
static size_t remove_old(const char *base, char **ret_oldest)
{
    struct dirent **entries = NULL;
    int count = scandir(base, &entries, NULL, NULL);
    time_t oldest = 0, now = time(NULL);
    size_t left = 0;

    *ret_oldest = NULL;
    for (int i = 0; i < count; i++) {
        cleanup_free char *dir = fs_join(base, entries[i]->d_name);
        struct stat info;
        if (!kept_key_valid(entries[i]->d_name) || lstat(dir, &info) < 0) {
            /* not ours */
        } else if (now - info.st_mtime > KEPT_MAX_S) {
            remove_idle(dir);
        } else if (left++ == 0 || info.st_mtime < oldest) {
            oldest = info.st_mtime;
            free(*ret_oldest);
            *ret_oldest = xstrdup(dir);
        }
        free(entries[i]);
    }
    free(entries);
    return left;
}

int kept_begin(const char *base, const char *key, char **ret_dir, int *ret_fd, struct err *err)
{
    cleanup_free char *oldest = NULL, *dir = NULL;
    int rc = fs_mkdirs(base, 0700, err);

    if (rc < 0)
        return rc;
    if (!kept_key_valid(key))
        return err_set(err, ERR_PROTOCOL, "a key that is none");
    if (remove_old(base, &oldest) >= KEPT_MAX)
        remove_idle(oldest);
    dir = fs_join(base, key);
    if (mkdir(dir, 0700) < 0 || (*ret_fd = hold(dir)) < 0)
        return err_sys(err, errno, "%s", dir);
    *ret_dir = fs_join(dir, "out");
    return 0;
}

int kept_open(const char *base, const char *key, char **ret_dir, int *ret_fd, struct err *err)
{
    cleanup_free char *dir = fs_join(base, key);

    *ret_fd = kept_key_valid(key) ? hold(dir) : -1;
    if (*ret_fd < 0 && kept_key_valid(key) && errno == EWOULDBLOCK)
        return err_set(err, ERR_BUSY, "the run is still at work there");
    if (*ret_fd < 0)
        return err_set(err, ERR_NOT_FOUND, "nothing of this run is kept there (any more)");
    *ret_dir = fs_join(dir, "out");
    return 0;
}

void kept_forget(const char *base, const char *key)
{
    cleanup_free char *dir = fs_join(base, key);

    if (kept_key_valid(key))
        remove_idle(dir);
}
