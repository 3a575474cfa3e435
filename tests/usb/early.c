/* SPDX-License-Identifier: MIT
 *
 * early: a mkdir() that works before anything was initialised.
 *
 * AddressSanitizer makes the directory of its log while the program is being loaded. The mkdir() of
 * libumockdev-preload, which it would get, cannot be called that early.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int mkdir(const char *path, mode_t mode)
{
    return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}
