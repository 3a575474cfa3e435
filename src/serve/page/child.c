/* SPDX-License-Identifier: MIT */
#include "serve/page/child.h"

#include "base/str.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PIECE 4096
#define JSON_MAX ((size_t)4 << 20)
#define ARGS_MAX 16

char *child_program(void)
{
    char path[4096];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);

    if (length <= 0)
        return xstrdup("hil");
    path[length] = '\0';
    return xstrdup(path);
}

/* Not to systemd's ear: what is said there is the service's. */
static const char *const without[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", NULL};

int child_start(struct child *child, const char *program, const char *const *argv,
                int64_t deadline_ms, const struct ctx *ctx, struct err *err)
{
    const char *all[ARGS_MAX + 2] = {program};
    struct proc_spec spec = {.argv = all, .env = without};
    int rc;

    for (size_t i = 0; i < ARGS_MAX && argv[i]; i++)
        all[i + 1] = argv[i];
    *child = (struct child){.out_fd = memfd_create("output", MFD_CLOEXEC)};
    if (child->out_fd < 0)
        return err_sys(err, errno, "memory for a program's output");
    child->deadline_ns = ctx_now_ns() + deadline_ms * 1000000;
    spec.out_fd = child->out_fd;
    rc = proc_start(&spec, ctx, &child->proc, err);
    if (rc < 0)
        close_fd(&child->out_fd);
    return rc;
}

int child_fd(const struct child *child)
{
    return proc_pidfd(child->proc);
}

bool child_is_late(const struct child *child)
{
    return child->proc && ctx_now_ns() >= child->deadline_ns;
}

static void read_output(int fd, struct buf *output)
{
    char bytes[PIECE];
    off_t at = 0;
    ssize_t got;

    while ((got = pread(fd, bytes, sizeof bytes, at)) > 0 &&
           buf_add(output, bytes, (size_t)got) == 0)
        at += got;
}

int child_end(struct child *child, struct buf *output)
{
    int code = proc_running(child->proc) ? -1 : proc_exit_code(child->proc);

    proc_stop(child->proc);
    if (output)
        read_output(child->out_fd, output);
    close_fd(&child->out_fd);
    *child = (struct child){.out_fd = -1};
    return code;
}

cJSON *child_end_json(struct child *child, const char *what)
{
    cleanup_buf struct buf text = BUF_INIT(JSON_MAX);
    int code = child_end(child, &text);
    const char *begin = strchr(text.data, '{'); /* behind what was said on stderr */
    cJSON *json = NULL;

    if (code == 0 && begin)
        json_parse(begin, text.size - (size_t)(begin - text.data), JSON_MAX, what, &json, NULL);
    return json;
}
