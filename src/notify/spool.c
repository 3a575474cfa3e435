/* SPDX-License-Identifier: MIT */
#include "notify/spool.h"

#include "base/ctx.h"
#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define STATE_MAX 8192
#define DRAFT_S 3600 /* nobody writes for that long */

char *spool_root(const char *state_dir, const char *lab)
{
    cleanup_free char *safe = fs_safe_name(lab);

    return xasprintf("%s/notify/%s", state_dir, safe);
}

/* ---- a queue --------------------------------------------------------------------------------- */

static int is_notice(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && str_ends(entry->d_name, ".json");
}

void spool_list(const char *root, const char *sink, struct strv *ret)
{
    cleanup_free char *dir = fs_join(root, sink);
    struct dirent **entries = NULL;
    int count = scandir(dir, &entries, is_notice, alphasort); /* in the C locale: by time */

    for (int i = 0; i < count; i++) {
        strv_add_owned(ret, fs_join(dir, entries[i]->d_name));
        free(entries[i]);
    }
    free(entries);
}

static uint64_t dropped_by(const char *path)
{
    cleanup_buf struct buf bytes = BUF_INIT(NOTICE_MAX);
    struct notice_read read = {0};
    uint64_t dropped = 0;

    if (fs_read(path, &bytes, NULL) == 0 && notice_read(bytes.data, bytes.size, &read, NULL) == 0)
        dropped = read.notice.dropped;
    notice_read_done(&read);
    return dropped;
}

/* Room for one more; how many have gone for it, and for those that went now. */
static uint64_t make_room(const char *root, const char *sink)
{
    cleanup_strv struct strv waiting = {0};
    uint64_t dropped = 0;

    spool_list(root, sink, &waiting);
    for (size_t i = 0; i + SPOOL_MAX <= waiting.count; i++) {
        uint64_t before = dropped_by(waiting.items[i]);
        if (unlink(waiting.items[i]) == 0)
            dropped += 1 + before;
    }
    return dropped;
}

int spool_add(const char *root, const char *sink, const struct notice *notice, struct err *err)
{
    static atomic_uint number; /* two notices of one process in one microsecond */
    cleanup_free char *dir = fs_join(root, sink);
    cleanup_free char *name = xasprintf("%s/%020" PRId64 "-%ld-%08u.json", dir, notice->unix_us,
                                        (long)getpid(), atomic_fetch_add(&number, 1));
    struct notice copy = *notice;
    struct json_out out;
    int rc = fs_mkdirs(dir, 0700, err);

    if (rc < 0)
        return rc;
    copy.dropped += make_room(root, sink);
    json_begin(&out, -1, 0);
    notice_write(&out, &copy);
    rc = out.pending.size <= NOTICE_MAX
             ? fs_write(name, out.pending.data, out.pending.size, err)
             : err_set(err, ERR_LIMIT, "a notice of more than %zu bytes", NOTICE_MAX);
    json_done(&out);
    return rc;
}

int spool_lock(const char *root, int *ret, struct err *err)
{
    cleanup_free char *path = fs_join(root, "lock");
    cleanup_close int fd = -1;
    int rc = fs_mkdirs(root, 0700, err);

    if (rc < 0)
        return rc;
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(err, errno, "%s", path);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK ? err_set(err, ERR_BUSY, "%s: another process sends", path)
                                    : err_sys(err, errno, "%s", path);
    *ret = take_fd(&fd);
    return 0;
}

/* A file that was being written when its writer was killed never got its name. */
static void drop_drafts(const char *queue)
{
    DIR *dir = opendir(queue);
    struct dirent *entry;
    struct stat info;

    while (dir && (entry = readdir(dir))) {
        cleanup_free char *path = fs_join(queue, entry->d_name);
        if (!is_notice(entry) && entry->d_name[0] != '.' && !str_eq(entry->d_name, "state") &&
            stat(path, &info) == 0 && time(NULL) - info.st_mtime > DRAFT_S)
            unlink(path);
    }
    if (dir)
        closedir(dir);
}

void spool_tidy(const char *root, const struct strv *sinks)
{
    DIR *dir = opendir(root);
    struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        cleanup_free char *path = fs_join(root, entry->d_name);
        if (entry->d_name[0] == '.' || str_eq(entry->d_name, "lock"))
            continue;
        if (strv_has(sinks, entry->d_name))
            drop_drafts(path);
        else
            fs_remove_tree(path);
    }
    if (dir)
        closedir(dir);
}

/* ---- how it went ----------------------------------------------------------------------------- */

void spool_state_read(const char *root, const char *sink, struct spool_state *ret)
{
    cleanup_free char *path = xasprintf("%s/%s/state", root, sink);
    cleanup_buf struct buf bytes = BUF_INIT(STATE_MAX);
    cJSON *json = NULL;
    int64_t failures;

    *ret = (struct spool_state){0};
    if (fs_read(path, &bytes, NULL) < 0 ||
        json_parse(bytes.data, bytes.size, STATE_MAX, path, &json, NULL) < 0)
        return;
    failures = json_get_int(json, "failures", 0);
    ret->failures = failures > 0 && failures < 1000 ? (unsigned)failures : 0;
    ret->next_us = json_get_int(json, "next_us", 0);
    ret->sent_us = json_get_int(json, "sent_us", 0);
    snprintf(ret->error, sizeof ret->error, "%s", json_get_string(json, "error", ""));
    cJSON_Delete(json);
}

int spool_state_write(const char *root, const char *sink, const struct spool_state *state,
                      struct err *err)
{
    cleanup_free char *path = xasprintf("%s/%s/state", root, sink);
    struct json_out out;
    int rc;

    json_begin(&out, -1, 0);
    json_object(&out);
    json_kv_int(&out, "failures", state->failures);
    json_kv_int(&out, "next_us", state->next_us);
    json_kv_int(&out, "sent_us", state->sent_us);
    json_kv_string(&out, "error", state->error);
    json_object_end(&out);
    rc = fs_write(path, out.pending.data, out.pending.size, err);
    json_done(&out);
    return rc;
}
