/* SPDX-License-Identifier: MIT */
#include "store/spool.h"

#include "base/ctx.h"
#include "base/fs.h"
#include "store/dump.h"
#include "store/parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int store_scratch(struct store **ret, struct err *err)
{
    struct db *db = NULL;
    int rc = db_open_file(":memory:", true, &db, err);

    if (rc < 0)
        return rc;
    *ret = xcalloc(1, sizeof **ret);
    (*ret)->db = db;
    return 0;
}

static char *spool_dir(const char *state_dir, const char *lab)
{
    cleanup_free char *safe = fs_safe_name(lab ? lab : "");

    return xasprintf("%s/spool/%s", state_dir, safe);
}

static int is_waiting(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && str_ends(entry->d_name, ".jsonl");
}

/* The oldest first: in the C locale by name. */
static void list(const char *dir, struct strv *ret)
{
    struct dirent **entries = NULL;
    int count = scandir(dir, &entries, is_waiting, alphasort);

    for (int i = 0; i < count; i++) {
        strv_add_owned(ret, fs_join(dir, entries[i]->d_name));
        free(entries[i]);
    }
    free(entries);
}

void spool_look(const char *state_dir, const char *lab, struct spool_waiting *ret)
{
    cleanup_free char *path = spool_dir(state_dir, lab);
    DIR *dir = opendir(path);
    struct dirent *entry;
    struct stat info;

    *ret = (struct spool_waiting){0};
    while (dir && (entry = readdir(dir))) {
        ret->files += is_waiting(entry) != 0;
        ret->bad += str_ends(entry->d_name, ".bad");
        if (fstatat(dirfd(dir), entry->d_name, &info, 0) == 0 && S_ISREG(info.st_mode))
            ret->bytes += (uint64_t)info.st_size;
    }
    if (dir)
        closedir(dir);
}

/* ---- keeping --------------------------------------------------------------------------------- */

static int sync_dir(const char *path, struct err *err)
{
    cleanup_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd < 0 || fsync(fd) < 0 ? err_sys(err, errno, "%s", path) : 0;
}

static int write_file(const char *dir, struct store *scratch, struct err *err)
{
    static atomic_uint number;
    struct fs_draft draft = {.fd = -1};
    uint64_t rows;
    int rc;

    cleanup_free char *path = xasprintf("%s/%020" PRId64 "-%ld-%08u.jsonl", dir, ctx_unix_us(),
                                        (long)getpid(), atomic_fetch_add(&number, 1));
    rc = fs_draft_open(&draft, path, err);
    if (rc == 0)
        rc = store_export(scratch, draft.fd, path, &rows, err);
    if (rc == 0 && fsync(draft.fd) < 0)
        rc = err_sys(err, errno, "%s", path);
    if (rc == 0)
        rc = fs_draft_commit(&draft, err);
    fs_draft_abort(&draft);
    return rc < 0 ? rc : sync_dir(dir, err);
}

int spool_keep(const char *state_dir, const char *lab, struct store *scratch, struct err *err)
{
    cleanup_free char *dir = spool_dir(state_dir, lab);
    struct spool_waiting waiting;
    uint64_t rows = 0;
    int rc = store_rows(scratch, &rows, err);

    if (rc < 0 || !rows)
        return rc;
    spool_look(state_dir, lab, &waiting);
    if (waiting.files + waiting.bad >= SPOOL_FILES_MAX || waiting.bytes >= SPOOL_BYTES_MAX)
        return err_set(
            err, ERR_LIMIT,
            "%s is full, as the database is away for so long; this run is not remembered", dir);
    rc = fs_mkdirs(dir, 0755, err);
    return rc < 0 ? rc : write_file(dir, scratch, err);
}

/* ---- sending --------------------------------------------------------------------------------- */

/* 1: it went; 0: it is set aside. */
static int send_one(const char *path, struct store *store, struct err *err)
{
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    cleanup_free char *aside = xasprintf("%s.bad", path);
    uint64_t rows;
    int rc = fd < 0 ? err_sys(err, errno, "%s", path) : store_import(store, fd, path, &rows, err);

    if (rc == -ERR_DATA || rc == -ERR_LIMIT)
        return rename(path, aside) < 0 ? err_sys(err, errno, "%s", path) : 0;
    if (rc == 0 && unlink(path) < 0)
        rc = err_sys(err, errno, "%s", path);
    return rc < 0 ? rc : 1;
}

int spool_send(const char *state_dir, const char *lab, struct store *store, int64_t budget_ms,
               size_t *ret, struct err *err)
{
    cleanup_free char *dir = spool_dir(state_dir, lab), *lock = fs_join(dir, "lock");
    int64_t until_ns = ctx_now_ns() + budget_ms * 1000000;
    cleanup_strv struct strv files = {0};
    cleanup_close int fd = -1;
    int rc = 0;

    *ret = 0;
    list(dir, &files);
    if (!files.count)
        return 0;
    fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        return err_sys(err, errno, "%s", lock);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return 0;
    for (size_t i = 0; i < files.count && rc >= 0 && ctx_now_ns() < until_ns; i++) {
        if (!fs_exists(files.items[i]))
            continue; /* sent by who had the lock before */
        rc = send_one(files.items[i], store, err);
        *ret += rc == 1;
    }
    return rc < 0 ? rc : 0;
}
