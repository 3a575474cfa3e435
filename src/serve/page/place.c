/* SPDX-License-Identifier: MIT */
#include "serve/page/place.h"

#include "base/fs.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PATH_BYTES_MAX 512

bool place_name_ok(const char *relative)
{
    char before = '/';

    if (!*relative || strlen(relative) > PATH_BYTES_MAX)
        return false;
    for (const char *at = relative; *at; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f || *at == '\\' ||
            (before == '/' && (*at == '/' || *at == '.')))
            return false;
        before = *at;
    }
    return before != '/';
}

static int open_beneath(int dir_fd, const char *relative)
{
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
                           .resolve =
                               RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};

    return (int)syscall(SYS_openat2, dir_fd, relative, &how, sizeof how);
}

int place_open(const char *dir, const char *relative, int *ret_fd, struct err *err)
{
    cleanup_close int dir_fd = -1, fd = -1;
    struct stat info;

    if (*dir != '/' || !place_name_ok(relative))
        return err_set(err, ERR_NOT_FOUND, "no such file");
    dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd >= 0)
        fd = open_beneath(dir_fd, relative);
    if (fd < 0)
        return err_set(err, ERR_NOT_FOUND, "%s: %s", relative, strerror(errno));
    if (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode))
        return err_set(err, ERR_NOT_FOUND, "%s: no regular file", relative);
    *ret_fd = take_fd(&fd);
    return 0;
}

const struct place_type *place_type(const char *relative)
{
    static const struct place_type types[] = {
        {"report.html", "text/html; charset=utf-8"},   {"junit.xml", "application/xml"},
        {"report.json", "application/json"},           {"summary.md", "text/plain; charset=utf-8"},
        {"events.jsonl", "text/plain; charset=utf-8"}, {"job.json", "application/json"},
        {"uart.log", "text/plain; charset=utf-8"},     {"flash.log", "text/plain; charset=utf-8"},
    };

    if (!place_name_ok(relative))
        return NULL;
    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        if (str_eq(fs_basename(relative), types[i].name))
            return &types[i];
    return NULL;
}
