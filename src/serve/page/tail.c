/* SPDX-License-Identifier: MIT */
#include "serve/page/tail.h"

#include "base/str.h"
#include "serve/page/place.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void tail_open(struct tail *tail, const char *dir, const char *relative, uint64_t keep)
{
    *tail =
        (struct tail){.dir = xstrdup(dir), .relative = xstrdup(relative), .fd = -1, .keep = keep};
}

bool tail_is(const struct tail *tail, const char *dir, const char *relative)
{
    return str_eq(tail->dir, dir) && str_eq(tail->relative, relative);
}

static bool begin(struct tail *tail)
{
    struct stat info;

    if (place_open(tail->dir, tail->relative, &tail->fd, NULL) < 0)
        return false;
    tail->at = 0;
    if (fstat(tail->fd, &info) == 0 && (uint64_t)info.st_size > tail->keep)
        tail->at = (uint64_t)info.st_size - tail->keep;
    tail->skipped = tail->at;
    tail->began = true;
    return true;
}

/* Cut short; or its name is gone, as where a new run makes room, and all of it was read. */
static bool is_over(const struct tail *tail, ssize_t got)
{
    struct stat info;

    if (got != 0 || fstat(tail->fd, &info) < 0)
        return got < 0;
    return (uint64_t)info.st_size < tail->at || info.st_nlink == 0;
}

ssize_t tail_read(struct tail *tail, void *bytes, size_t room)
{
    ssize_t got;

    tail->began = false;
    if (tail->fd < 0 && (!tail->dir || !begin(tail)))
        return 0;
    got = pread(tail->fd, bytes, room, (off_t)tail->at);
    if (is_over(tail, got)) {
        close_fd(&tail->fd);
        if (!begin(tail))
            return 0;
        got = pread(tail->fd, bytes, room, (off_t)tail->at);
    }
    if (got > 0)
        tail->at += (uint64_t)got;
    return got > 0 ? got : 0;
}

void tail_close(struct tail *tail)
{
    close_fd(&tail->fd);
    free(tail->dir);
    free(tail->relative);
    *tail = (struct tail){.fd = -1};
}
