/* SPDX-License-Identifier: MIT */
#include "source/into_dir.h"

#include "base/fs.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static int make_stage(struct into_dir *into, struct err *err)
{
    uint64_t number;
    char name[40];

    if (getrandom(&number, sizeof number, 0) < 0)
        return err_sys(err, errno, "random number");
    snprintf(name, sizeof name, ".hil-fetch-%016" PRIx64, number);
    if (mkdirat(into->dir_fd, name, 0700) < 0)
        return err_sys(err, errno, "%s", into->dir);
    into->stage = fs_join(into->dir, name);
    into->stage_fd = openat(into->dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return into->stage_fd < 0 ? err_sys(err, errno, "%s", into->stage) : 0;
}

int into_dir_open(struct into_dir *into, const char *dir, struct err *err)
{
    int rc = fs_mkdirs(dir, 0777, err);

    *into = (struct into_dir){
        .dir = xstrdup(dir), .below = xstrdup(""), .dir_fd = -1, .stage_fd = -1, .fd = -1};
    if (rc == 0) {
        into->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        rc = into->dir_fd < 0 ? err_sys(err, errno, "%s", dir) : make_stage(into, err);
    }
    if (rc < 0)
        into_dir_done(into);
    return rc;
}

/* ---- taking ---------------------------------------------------------------------------------- */

static int begin(void *arg, const char *name, struct err *err)
{
    struct into_dir *into = arg;
    char number[24];

    snprintf(number, sizeof number, "%zu", into->count);
    into->fd = openat(into->stage_fd, number, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (into->fd < 0)
        return err_sys(err, errno, "%s/%s", into->stage, number);
    if (into->hashing)
        sha256_init(&into->sha);
    into->files = xrealloc(into->files, into->count + 1, sizeof *into->files);
    into->files[into->count++] = (struct into_file){.name = xasprintf("%s%s", into->below, name)};
    return 0;
}

static int bytes(void *arg, const void *data, size_t count, struct err *err)
{
    struct into_dir *into = arg;

    if (into->hashing)
        sha256_add(&into->sha, data, count);
    into->files[into->count - 1].size += count;
    return fs_write_all(into->fd, data, count, into->stage, err);
}

static int end(void *arg, struct err *err)
{
    struct into_dir *into = arg;
    int fd = into->fd;

    into->fd = -1;
    if (into->hashing)
        sha256_hex_end(&into->sha, into->files[into->count - 1].sha256);
    sha256_done(&into->sha);
    return close(fd) < 0 ? err_sys(err, errno, "%s", into->stage) : 0;
}

struct source_taker into_dir_taker(struct into_dir *into)
{
    return (struct source_taker){begin, bytes, end, into, SOURCE_TOTAL_MAX};
}

static void forget_from(struct into_dir *into, size_t first)
{
    close_fd(&into->fd);
    into->fd = -1;
    sha256_done(&into->sha);
    while (into->count > first) {
        char number[24];
        snprintf(number, sizeof number, "%zu", --into->count);
        unlinkat(into->stage_fd, number, 0);
        free(into->files[into->count].name);
    }
}

void into_dir_restart(void *arg)
{
    struct into_dir *into = arg;

    forget_from(into, into->keep);
}

char *into_dir_staged(const struct into_dir *into, size_t index)
{
    return xasprintf("%s/%zu", into->stage, index);
}

/* ---- handing over ---------------------------------------------------------------------------- */

/* The directory that `path` is to lie in, made where it is missing. */
static int open_parent(const struct into_dir *into, char *path, const char **ret_base,
                       struct err *err)
{
    int at = dup(into->dir_fd);
    char *part = path, *slash;

    while (at >= 0 && (slash = strchr(part, '/'))) {
        int next;
        *slash = '\0';
        if (!*part || str_eq(part, ".")) {
            part = slash + 1;
            continue;
        }
        if (str_eq(part, "..")) {
            close(at);
            return err_set(err, ERR_DATA, "refused: '..' in a name");
        }
        mkdirat(at, part, 0777);
        next = openat(at, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        close(at);
        at = next;
        part = slash + 1;
    }
    if (at < 0)
        return err_sys(err, errno, "%s/%s: not a directory to write into", into->dir, path);
    *ret_base = part;
    return at;
}

static int move(const struct into_dir *into, size_t index, struct err *err)
{
    cleanup_free char *path = xstrdup(into->files[index].name);
    const char *base = "";
    char number[24];
    cleanup_close int parent = open_parent(into, path, &base, err);

    if (parent < 0)
        return parent;
    snprintf(number, sizeof number, "%zu", index);
    if (!*base || str_eq(base, ".") || str_eq(base, ".."))
        return err_set(err, ERR_DATA, "refused: '%s' is no file's name", into->files[index].name);
    if (renameat(into->stage_fd, number, parent, base) < 0)
        return err_sys(err, errno, "%s/%s", into->dir, into->files[index].name);
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The second would silently replace the first. */
static int check_twice(const struct into_dir *into, struct err *err)
{
    cleanup_free char **names = xcalloc(into->count + 1, sizeof *names);
    int rc = 0;

    for (size_t i = 0; i < into->count; i++)
        names[i] = into->files[i].name;
    qsort(names, into->count, sizeof *names, by_name);
    for (size_t i = 1; i < into->count && rc == 0; i++)
        if (str_eq(names[i - 1], names[i]))
            rc = err_set(err, ERR_DATA, "%s: is in the archive twice", names[i]);
    return rc;
}

int into_dir_commit(struct into_dir *into, struct err *err)
{
    int rc = check_twice(into, err);

    for (size_t i = 0; rc == 0 && i < into->count; i++)
        rc = move(into, i, err);
    return rc;
}

void into_dir_done(struct into_dir *into)
{
    if (!into->dir)
        return;
    forget_from(into, 0);
    if (into->stage)
        rmdir(into->stage);
    if (into->stage_fd >= 0)
        close(into->stage_fd);
    if (into->dir_fd >= 0)
        close(into->dir_fd);
    free(into->files);
    free(into->below);
    free(into->stage);
    free(into->dir);
    *into = (struct into_dir){.dir_fd = -1, .stage_fd = -1, .fd = -1};
}
