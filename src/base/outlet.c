/* SPDX-License-Identifier: MIT */
#include "base/outlet.h"

#include "base/buf.h"
#include "base/ctx.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define AFTER_CANCEL_MS 1000

struct outlet {
    FILE *out, *stream;
    int fd; /* does not block; -1: `out` is written as always */
    int cancel_fd;
    bool patient, broken;
    struct buf waiting;
    uint64_t left_out; /* lines */
};

/* As much as the reader takes at once. */
static void push(struct outlet *outlet)
{
    while (outlet->waiting.size && !outlet->broken) {
        ssize_t n = write(outlet->fd, outlet->waiting.data, outlet->waiting.size);
        if (n > 0)
            buf_drop_front(&outlet->waiting, (size_t)n);
        else if (n < 0 && errno == EAGAIN)
            return;
        else if (n < 0 && errno != EINTR)
            outlet->broken = true;
    }
}

/* Until the reader has it all, or somebody has had enough of waiting. */
static void drain(struct outlet *outlet)
{
    struct ctx root = ctx_root(outlet->cancel_fd, NULL), ctx = root;

    if (ctx_cancelled(&root))
        ctx = ctx_cleanup(&root, AFTER_CANCEL_MS);
    push(outlet);
    while (outlet->waiting.size && !outlet->broken) {
        if (ctx_wait(&ctx, outlet->fd, POLLOUT, NULL) < 0)
            outlet->broken = true;
        push(outlet);
    }
}

static uint64_t lines_of(const char *bytes, size_t size)
{
    uint64_t lines = 0;

    for (size_t i = 0; i < size; i++)
        lines += bytes[i] == '\n';
    return lines;
}

static void tell_left_out(struct outlet *outlet)
{
    if (outlet->left_out && outlet->waiting.size < OUTLET_WAITING_MAX / 2) {
        buf_addf(&outlet->waiting, "hil: %" PRIu64 " lines are left out: nobody read them\n",
                 outlet->left_out);
        outlet->left_out = 0;
    }
}

static ssize_t take(void *cookie, const char *bytes, size_t size)
{
    struct outlet *outlet = cookie;

    if (outlet->fd < 0) {
        fwrite(bytes, 1, size, outlet->out);
        fflush(outlet->out);
        return (ssize_t)size;
    }
    push(outlet);
    if (outlet->patient && !outlet->broken && outlet->waiting.size)
        drain(outlet);
    if (outlet->waiting.size + size > OUTLET_WAITING_MAX) {
        outlet->left_out += lines_of(bytes, size);
        return (ssize_t)size;
    }
    tell_left_out(outlet);
    buf_add(&outlet->waiting, bytes, size);
    push(outlet);
    return (ssize_t)size;
}

/* Of a terminal, pipe or FIFO; one of a regular file would have a place of its own in it. */
static int open_again(int fd)
{
    char path[32];
    struct stat info;

    if (fd < 0 || fstat(fd, &info) < 0 || !(S_ISCHR(info.st_mode) || S_ISFIFO(info.st_mode)))
        return -1;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

int outlet_open(FILE *out, int cancel_fd, struct outlet **ret, struct err *err)
{
    struct outlet *outlet = xcalloc(1, sizeof *outlet);

    fflush(out);
    *outlet = (struct outlet){.out = out,
                              .fd = open_again(fileno(out)),
                              .cancel_fd = cancel_fd,
                              .waiting = BUF_INIT(2 * OUTLET_WAITING_MAX)};
    outlet->stream = fopencookie(outlet, "w", (cookie_io_functions_t){.write = take});
    if (!outlet->stream) {
        close_fd(&outlet->fd);
        free(outlet);
        return err_set(err, ERR_LIMIT, "no stream can be had");
    }
    *ret = outlet;
    return 0;
}

FILE *outlet_stream(const struct outlet *outlet)
{
    return outlet->stream;
}

void outlet_be_patient(struct outlet *outlet)
{
    fflush(outlet->stream);
    outlet->patient = true;
}

void outlet_close(struct outlet *outlet)
{
    if (!outlet)
        return;
    fflush(outlet->stream);
    if (outlet->fd >= 0) {
        tell_left_out(outlet);
        drain(outlet);
    }
    fclose(outlet->stream);
    close_fd(&outlet->fd);
    buf_done(&outlet->waiting);
    free(outlet);
}
