/* SPDX-License-Identifier: MIT
 *
 * Any bytes as an archive, from a file that can seek and from one that cannot. The first byte says
 * which, and which members are wanted.
 */
#include "source/parts.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

/* Fits a socket's buffer, so that one thread does for both ends. */
#define SOCKET_ROOM (64 * 1024)

static void require(bool holds)
{
    if (!holds)
        abort();
}

static int open_file(const uint8_t *bytes, size_t count)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);

    require(fd >= 0 && write(fd, bytes, count) == (ssize_t)count && lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}

static int open_stream(const uint8_t *bytes, size_t count)
{
    int ends[2], room = 4 * SOCKET_ROOM;

    require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    require(send(ends[1], bytes, count, MSG_DONTWAIT) >= 0 || count == 0);
    close(ends[1]);
    return ends[0];
}

static void check(const struct source_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        const struct source_file *file = &files->items[i];
        require(str_starts(file->name, "fuzz") && !strchr(file->base, '/'));
        require(!strstr(file->name, "/../") && !strchr(file->name, '\033'));
        require(file->size <= SOURCE_FILE_MAX && file->bytes);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    static const char *const globs[] = {NULL, "**", "fw/*.elf", "?.hex"};
    struct ctx root = ctx_root(-1, NULL), ctx = ctx_narrow(&root, 2000);
    struct source_files files = {0};
    struct err err = {0};
    bool stream;
    int fd, rc;

    if (count < 1 || count > SOCKET_ROOM)
        return 0;
    stream = bytes[0] & 4;
    fd = stream ? open_stream(bytes + 1, count - 1) : open_file(bytes + 1, count - 1);
    rc = archive_load(fd, "fuzz", globs[bytes[0] & 3], &ctx, &files, &err);
    require((rc < 0) == (err.message[0] != '\0') && (rc != 0 || files.count > 0));
    check(&files);
    source_files_done(&files);
    close(fd);
    return 0;
}
