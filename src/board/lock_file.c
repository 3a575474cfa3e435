/* SPDX-License-Identifier: MIT */
#include "board/lock_file.h"

#include "base/fs.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPEN_TRIES 10

/* Every user of the host locks the same file, so it must be there with its mode at once. */
static int make_lock_file(const char *path, struct err *err)
{
    cleanup_free char *draft = xasprintf("%s.XXXXXX", path);
    cleanup_close int fd = mkostemp(draft, O_CLOEXEC);
    int rc = 0;

    if (fd < 0)
        return err_sys(err, errno, "%s", path);
    if (fchmod(fd, 0666) < 0 || (link(draft, path) < 0 && errno != EEXIST))
        rc = err_sys(err, errno, "%s", path);
    unlink(draft);
    return rc;
}

/* Without O_CREAT: in a sticky directory the kernel would refuse another user's file with it
 * (proc(5), fs.protected_regular). */
int lock_file_open(const char *path, int *ret_fd, struct err *err)
{
    struct stat info;

    for (int i = 0; i < OPEN_TRIES; i++) {
        *ret_fd = open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (*ret_fd >= 0 || errno != ENOENT)
            break;
        if (make_lock_file(path, err) < 0)
            return -ERR_IO;
    }
    if (*ret_fd < 0)
        return err_sys(err, errno, "%s", path);
    if (fstat(*ret_fd, &info) == 0 && S_ISREG(info.st_mode))
        return 0;
    close_fd(ret_fd);
    return err_set(err, ERR_IO, "%s: not a regular file; remove it", path);
}

bool lock_file_set(int fd, short type, off_t byte)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};

    return fcntl(fd, F_OFD_SETLK, &lock) == 0;
}
