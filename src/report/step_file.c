/* SPDX-License-Identifier: MIT */
#include "report/step_file.h"

#include "base/fs.h"
#include "base/hash.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>

#define END_BYTES 16
#define OUTPUTS_BYTES_MAX (1 << 20)

static int append_to(const char *path, int *ret_fd, struct err *err)
{
    *ret_fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
    return *ret_fd < 0 ? err_sys(err, errno, "%s", path) : 0;
}

int step_outputs_add(const char *path, const struct step_output *outputs, size_t count,
                     struct err *err)
{
    cleanup_buf struct buf out = BUF_INIT(OUTPUTS_BYTES_MAX);
    cleanup_close int fd = -1;
    unsigned char random[END_BYTES];
    char end[2 * END_BYTES + 1];
    int rc = append_to(path, &fd, err);

    if (rc < 0)
        return rc;
    randombytes_buf(random, sizeof random);
    hex_encode(random, sizeof random, end);
    buf_adds(&out, "\n"); /* an earlier command of the step may not have ended its line */
    for (size_t i = 0; i < count; i++)
        buf_addf(&out, "%s<<%s\n%s\n%s\n", outputs[i].name, end, outputs[i].value, end);
    return fs_write_all(fd, out.data, out.size, path, err);
}

int step_summary_open(const char *path, int *ret_fd, size_t *ret_room, struct err *err)
{
    struct stat info;
    int rc = append_to(path, ret_fd, err);

    *ret_room = 0;
    if (rc == 0 && fstat(*ret_fd, &info) < 0)
        rc = err_sys(err, errno, "%s", path);
    if (rc == 0 && (size_t)info.st_size + 1 < STEP_SUMMARY_MAX)
        *ret_room = STEP_SUMMARY_MAX - (size_t)info.st_size - 1;
    if (rc == 0 && info.st_size && *ret_room)
        rc = fs_write_all(*ret_fd, "\n", 1, path, err);
    if (rc < 0)
        close_fd(ret_fd);
    return rc;
}
