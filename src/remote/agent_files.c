/* SPDX-License-Identifier: MIT */
#include "remote/agent_files.h"

#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK ((size_t)64 << 10)

static struct agent_file *find(const struct agent_files *files, const char *name)
{
    for (size_t i = 0; i < files->count; i++)
        if (!strcmp(fs_basename(files->items[i].path), name))
            return &files->items[i];
    return NULL;
}

static void add(struct agent_files *files, const char *path)
{
    if (find(files, fs_basename(path)))
        return;
    files->items = xrealloc(files->items, files->count + 1, sizeof *files->items);
    files->items[files->count++] = (struct agent_file){.path = xstrdup(path), .fd = -1};
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* OUT/BOARD/uart.log; `only`: such names, NULL: all. A run has one board. */
static void list(struct agent_files *files, const char *dir, bool below, const struct strv *only)
{
    struct dirent **entries = NULL;
    int count = scandir(dir, &entries, is_visible, alphasort);

    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        cleanup_free char *path = fs_join(dir, name);
        struct stat info;
        if (lstat(path, &info) == 0 && S_ISDIR(info.st_mode) && !below)
            list(files, path, true, only);
        else if (below && S_ISREG(info.st_mode) && (!only || strv_has(only, name)))
            add(files, path);
        free(entries[i]);
    }
    free(entries);
}

static int say_piece(const struct agent_file *file, const char *bytes, size_t count, bool last,
                     struct link *link, struct err *err)
{
    struct json_out head;

    frame_begin(&head, "file");
    json_kv_string(&head, "name", fs_basename(file->path));
    json_kv_int(&head, "at", (int64_t)file->at);
    json_kv_bool(&head, "last", last);
    return link_end(link, &head, bytes, count, err);
}

/* 1: that was all there is for now. */
static int send_piece(struct agent_file *file, bool ended, struct link *link, struct err *err)
{
    char chunk[CHUNK];
    struct stat info;
    ssize_t n;
    int rc;

    if (file->fd < 0)
        file->fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file->fd < 0 && !ended)
        return 1; /* it may come back */
    if (file->fd < 0 || fstat(file->fd, &info) < 0)
        return err_sys(err, errno, "%s", file->path);
    if ((uint64_t)info.st_size < file->at)
        file->at = 0;
    n = pread(file->fd, chunk, sizeof chunk, (off_t)file->at);
    if (n < 0)
        return err_sys(err, errno, "%s", file->path);
    if (n == 0 && !ended)
        return 1;
    rc = say_piece(file, chunk, (size_t)n, n == 0, link, err);
    file->at += (uint64_t)n;
    file->sent = n == 0;
    return rc < 0 ? rc : file->sent;
}

/* Another file may have its name by now. */
static void look_again(struct agent_file *file)
{
    struct stat ours, now;

    if (file->fd < 0 || fstat(file->fd, &ours) < 0 || lstat(file->path, &now) < 0 ||
        (ours.st_ino == now.st_ino && ours.st_dev == now.st_dev))
        return;
    close_fd(&file->fd);
    file->at = 0;
}

int agent_files_follow(struct agent_files *files, struct link *link, struct err *err)
{
    int rc = 0;

    if (files->dir && files->count < files->follow.count)
        list(files, files->dir, false, &files->follow);
    for (size_t i = 0; i < files->count && rc >= 0; i++)
        while (rc >= 0 && link->out.size < AGENT_QUEUE &&
               (rc = send_piece(&files->items[i], false, link, err)) == 0)
            ;
    return rc < 0 ? rc : 0;
}

int agent_files_send(struct agent_files *files, struct link *link, struct err *err)
{
    int rc;

    for (size_t i = 0; !files->listed && i < files->count; i++)
        look_again(&files->items[i]);
    if (!files->listed && files->dir)
        list(files, files->dir, false, NULL);
    files->listed = true;
    for (size_t i = 0; i < files->count; i++) {
        struct agent_file *file = &files->items[i];
        while (!file->sent) {
            if (link->out.size >= AGENT_QUEUE)
                return 0;
            rc = send_piece(file, true, link, err);
            if (rc < 0)
                return rc;
        }
        close_fd(&file->fd);
    }
    return 1;
}

void agent_files_done(struct agent_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        close_fd(&files->items[i].fd);
        free(files->items[i].path);
    }
    free(files->items);
    strv_done(&files->follow);
    free(files->dir);
    *files = (struct agent_files){.dir = NULL};
}
