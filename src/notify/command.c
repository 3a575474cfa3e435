/* SPDX-License-Identifier: MIT */
/* A program that gets the message as JSON on its stdin. It belongs to the operator: no shell, no
 * word of what a board printed on its command line. */
#include "base/fs.h"
#include "base/proc.h"
#include "notify/kind.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct command_conf {
    struct strv run;
    int64_t timeout_ms;
};

static const struct field rows[] = {
    {"run", FIELD_ARGV, offsetof(struct command_conf, run), FIELD_REQUIRED,
     .help = "the program and its arguments; with a slash in it, relative to lab.yaml"},
    {"timeout", FIELD_DURATION, offsetof(struct command_conf, timeout_ms), .help = "30s"},
    {0}};

static void preset(void *conf)
{
    struct command_conf *command = conf;

    command->timeout_ms = 30000;
}

static void check(const void *conf, const struct yaml_node *node, struct diags *diags)
{
    const struct command_conf *command = conf;

    if (command->timeout_ms <= 0)
        diag_node(diags, yaml_get(node, "timeout"), "timeout: no time at all");
}

static int open_stdin(const struct message *message, int *ret, struct err *err)
{
    cleanup_buf struct buf body = BUF_INIT(MESSAGE_MAX);
    cleanup_close int fd = memfd_create("hil-notify", MFD_CLOEXEC);
    int rc;

    if (fd < 0)
        return err_sys(err, errno, "memory for the message");
    message_json(message, &body);
    buf_adds(&body, "\n");
    rc = fs_write_all(fd, body.data, body.size, "the message", err);
    if (rc == 0 && lseek(fd, 0, SEEK_SET) < 0)
        rc = err_sys(err, errno, "the message");
    if (rc == 0)
        *ret = take_fd(&fd);
    return rc;
}

/* With a slash in it, relative to lab.yaml; the caller frees. */
static char *program_of(const struct sink *sink)
{
    const struct command_conf *command = sink->conf;
    const char *word = command->run.items[0];

    return strchr(word, '/') ? fs_join(sink->dir, word) : xstrdup(word);
}

static int ready(const struct sink *sink, struct err *err)
{
    cleanup_free char *program = program_of(sink), *found = proc_find(program);

    return found ? 0 : err_set(err, ERR_CONFIG, "no program %s can be run", program);
}

static int deliver(const struct sink *sink, const struct message *message, const char *version,
                   const struct ctx *ctx, int64_t *ret_wait_ms, struct err *err)
{
    const struct command_conf *command = sink->conf;
    struct ctx limit = ctx_narrow(ctx, command->timeout_ms);
    cleanup_strv struct strv argv = {0};
    cleanup_close int in_fd = -1;
    int rc = open_stdin(message, &in_fd, err);

    (void)version;
    (void)ret_wait_ms;
    if (rc < 0)
        return rc;
    strv_add_owned(&argv, program_of(sink));
    for (size_t i = 1; i < command->run.count; i++)
        strv_add(&argv, command->run.items[i]);
    return proc_run_ok(&(struct proc_spec){.argv = (const char *const *)argv.items, .in_fd = in_fd},
                       &limit, err);
}

static const char *where(const void *conf)
{
    const struct command_conf *command = conf;

    return command->run.items[0];
}

const struct sink_kind sink_command = {
    .name = "command",
    .help = "a program that gets the JSON on its stdin",
    .rows = rows,
    .size = sizeof(struct command_conf),
    .preset = preset,
    .check = check,
    .deliver = deliver,
    .where = where,
    .ready = ready,
};
