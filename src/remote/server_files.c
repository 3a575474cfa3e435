/* SPDX-License-Identifier: MIT */
#include "remote/server_files.h"

#include "base/fs.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

static size_t count(const struct server_files *files)
{
    size_t count = 0;

    while (files->names && files->names[count])
        count++;
    return count;
}

void server_files_begin(struct server_files *files, const char *dir, const char *const *names)
{
    *files = (struct server_files){.dir = dir, .names = names, .room = SERVER_FILES_MAX};
    files->fds = xcalloc(count(files), sizeof *files->fds);
    files->sizes = xcalloc(count(files), sizeof *files->sizes);
    for (size_t i = 0; i < count(files); i++)
        files->fds[i] = -1;
}

void server_files_end(struct server_files *files)
{
    for (size_t i = 0; i < count(files); i++)
        close_fd(&files->fds[i]);
    free(files->fds);
    free(files->sizes);
}

/* A piece may lie far behind what has come, so its place counts, too. */
static bool has_room(struct server_files *files, size_t which, const struct frame *frame)
{
    int64_t at = json_get_int(frame->head, "at", 0);
    uint64_t all = 0;

    if (frame->size > files->room || at < 0 || at > (int64_t)SERVER_FILES_MAX)
        return false;
    if ((uint64_t)at + frame->size > files->sizes[which])
        files->sizes[which] = (uint64_t)at + frame->size;
    for (size_t i = 0; i < count(files); i++)
        all += files->sizes[i];
    return all <= SERVER_FILES_MAX;
}

static int put_piece(int fd, const char *path, const struct frame *frame, struct err *err)
{
    int64_t at = json_get_int(frame->head, "at", 0);
    bool last = json_get_bool(frame->head, "last", false);

    if (lseek(fd, at, SEEK_SET) < 0 || (last && ftruncate(fd, at + (int64_t)frame->size) < 0))
        return err_sys(err, errno, "%s", path);
    return fs_write_all(fd, frame->body, frame->size, path, err);
}

int server_files_take(struct server_files *files, const struct frame *frame, struct err *err)
{
    const char *name = json_get_string(frame->head, "name", "");
    size_t which = 0;
    int *fd, rc;

    while (which < count(files) && !str_eq(files->names[which], name))
        which++;
    if (which == count(files))
        return 0;
    if (!has_room(files, which, frame))
        return err_set(err, ERR_LIMIT, "its files have more than %" PRIu64 " bytes",
                       SERVER_FILES_MAX);
    files->room -= frame->size;
    cleanup_free char *path = fs_join(files->dir, name);
    fd = &files->fds[which];
    if (*fd < 0)
        *fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (*fd < 0)
        return err_sys(err, errno, "%s", path);
    rc = put_piece(*fd, path, frame, err);
    if (json_get_bool(frame->head, "last", false))
        close_fd(fd);
    return rc;
}
