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

static bool remove_idle(const char *dir)
{
    cleanup_close int fd = hold(dir);

    if (fd >= 0)
        fs_remove_tree(dir);
    return fd >= 0;
}

/* ---- room ------------------------------------------------------------------------------------ */

#define DEPTH_MAX 8 /* KEY/out/BOARD/file, and more than anybody makes */

static uint64_t bytes_in(const char *path, int depth)
{
    struct dirent **entries = NULL;
    struct stat info;
    uint64_t bytes = 0;
    int count;

    if (lstat(path, &info) < 0)
        return 0;
    if (!S_ISDIR(info.st_mode))
        return (uint64_t)info.st_blocks * 512;
    count = depth ? scandir(path, &entries, NULL, NULL) : 0;
    for (int i = 0; i < count; i++) {
        cleanup_free char *below = fs_join(path, entries[i]->d_name);
        if (!str_eq(entries[i]->d_name, ".") && !str_eq(entries[i]->d_name, ".."))
            bytes += bytes_in(below, depth - 1);
        free(entries[i]);
    }
    free(entries);
    return bytes;
}

struct kept {
    char *dir;
    time_t since;
    uint64_t bytes;
};

static int compare_age(const void *left, const void *right)
{
    time_t one = ((const struct kept *)left)->since, two = ((const struct kept *)right)->since;

    return (one > two) - (one < two);
}

/* The oldest first. */
static size_t list(const char *base, struct kept **ret)
{
    struct dirent **entries = NULL;
    int count = scandir(base, &entries, NULL, NULL);
    size_t found = 0;

    *ret = xcalloc(count > 0 ? (size_t)count : 1, sizeof **ret);
    for (int i = 0; i < count; i++) {
        cleanup_free char *dir = fs_join(base, entries[i]->d_name);
        struct stat info;
        if (kept_key_valid(entries[i]->d_name) && lstat(dir, &info) == 0)
            (*ret)[found++] = (struct kept){xstrdup(dir), info.st_mtime, bytes_in(dir, DEPTH_MAX)};
        free(entries[i]);
    }
    free(entries);
    qsort(*ret, found, sizeof **ret, compare_age);
    return found;
}

void kept_sweep(const char *base, size_t max, uint64_t max_bytes)
{
    struct kept *all;
    size_t count = list(base, &all), left = count;
    time_t now = time(NULL);
    uint64_t bytes = 0;

    for (size_t i = 0; i < count; i++)
        bytes += all[i].bytes;
    for (size_t i = 0; i < count; i++) {
        bool goes = now - all[i].since > KEPT_MAX_S || left > max || bytes > max_bytes;
        if (goes && remove_idle(all[i].dir)) {
            bytes -= all[i].bytes;
            left--;
        }
        free(all[i].dir);
    }
    free(all);
}

void kept_end(int fd)
{
    if (fd >= 0)
        futimens(fd, NULL);
}

/* ---- one ------------------------------------------------------------------------------------- */

int kept_begin(const char *base, const char *key, char **ret_dir, int *ret_fd, struct err *err)
{
    cleanup_free char *dir = NULL;
    int rc = fs_mkdirs(base, 0700, err);

    if (rc < 0)
        return rc;
    if (!kept_key_valid(key))
        return err_set(err, ERR_PROTOCOL, "a key that is none");
    kept_sweep(base, KEPT_MAX - 1, KEPT_BYTES_MAX);
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
