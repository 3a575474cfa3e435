/* SPDX-License-Identifier: MIT */
#include "board/openocd_server.h"

#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/text.h"
#include "board/flash/openocd_probe.h"
#include "board/flash/tool_judge.h"
#include "board/flash/tool_words.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOG_MAX ((size_t)1 << 20) /* of its log that is looked at */
#define ANSWER_MAX 16384
#define LOOK_MS 5
#define GRACE_MS 500
#define END 0x1A /* ends a command and an answer (OpenOCD's manual, "Tcl RPC server") */

static const char *const attach[] = {OPENOCD_CONNECT, "-c", "tcl_port pipe", "-c", "init", NULL};

static const struct tool_failure failures[] = {
    {"scan chain interrogation failed", TOOL_NO_TARGET}, OPENOCD_FAILURES, {0}};
static const struct tool_rules rules = {.failures = failures};

/* ---- starting and stopping ------------------------------------------------------------------- */

static int run(struct openocd_server *server, const struct openocd_probe *probe,
               const struct strv *argv, const char *dir, const struct ctx *ctx, struct err *err)
{
    struct proc_spec spec = {.argv = (const char *const *)argv->items,
                             .dir = dir,
                             .hint = tool_hint(probe),
                             .grace_ms = GRACE_MS};
    cleanup_close int theirs = -1;
    int ends[2], rc;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return err_sys(err, errno, "socketpair");
    theirs = ends[1];
    spec.in_fd = spec.out_fd = theirs;
    rc = fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0 ? err_sys(err, errno, "socketpair")
                                                 : proc_start(&spec, ctx, &server->proc, err);
    if (rc < 0)
        close(ends[0]);
    else
        server->fd = ends[0];
    return rc;
}

int openocd_server_start(struct openocd_server *server, const struct openocd_probe *probe,
                         const struct strv *commands, const struct driver_env *env,
                         const struct ctx *ctx, struct err *err)
{
    cleanup_free char *dir =
        realpath(env->work_dir ? env->work_dir : env->runtime_dir, NULL); /* log and cwd */
    const struct firmware none = {0};
    cleanup_strv struct strv argv = {0};
    int rc;

    openocd_server_stop(server);
    if (!dir)
        return err_sys(err, errno, "%s", env->work_dir ? env->work_dir : env->runtime_dir);
    strv_add(&argv, tool_program(probe));
    strv_add(&argv, "-l");
    strv_add(&argv, OPENOCD_LOG);
    rc = tool_words(&probe->tool, env, &none, NULL, attach, &argv, err);
    for (size_t i = 0; i < commands->count && rc == 0; i++) {
        strv_add(&argv, "-c");
        strv_add(&argv, commands->items[i]);
    }
    if (rc < 0)
        return rc;
    server->log = fs_join(dir, OPENOCD_LOG);
    unlink(server->log); /* an earlier one's would be read as this one's */
    driver_tell_command(env, (const char *const *)argv.items);
    return run(server, probe, &argv, dir, ctx, err);
}

bool openocd_server_running(const struct openocd_server *server)
{
    return server->proc && proc_running(server->proc);
}

void openocd_server_stop(struct openocd_server *server)
{
    if (server->proc)
        close(server->fd);
    proc_stop(server->proc);
    free(server->log);
    *server = (struct openocd_server){.fd = -1};
}

/* ---- what it says ---------------------------------------------------------------------------- */

static void read_log(const struct openocd_server *server, struct buf *ret)
{
    cleanup_close int fd = open(server->log, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    while (fd >= 0 && ret->size < LOG_MAX - 4096) {
        n = read(fd, buf_space(ret, 4096), 4096);
        if (n <= 0)
            return;
        buf_grew(ret, (size_t)n);
    }
}

static int explain_end(const struct openocd_server *server, const struct buf *log, struct err *err)
{
    int exit_code = proc_exit_code(server->proc);
    const char *line = strstr(log->data, "Error: ");
    cleanup_free char *first = line ? xstrndup(line, strcspn(line, "\r\n")) : NULL;
    cleanup_free char *clean = text_clean_dup(first ? first : "", 300, TEXT_ONE_LINE);
    struct tool_judge judge;

    tool_judge_begin(&judge, &rules);
    tool_judge_feed(&judge, log->data, log->size);
    tool_judge_end(&judge);
    if (tool_judge_verdict(&judge, exit_code ? exit_code : 1, 0, clean, err) < 0)
        err_wrap(err, "openocd");
    return -ERR_TOOL;
}

/* "Info : Listening on port 44165 for rtt connections" */
static bool find_port(const char *log, const char *what, uint16_t *ret)
{
    static const char words[] = "Listening on port ";
    cleanup_free char *form = xasprintf(" for %s connections", what);

    for (const char *line = log; (line = strstr(line, words)); line++) {
        char *rest;
        unsigned long port = strtoul(line + strlen(words), &rest, 10);
        if (port && port <= UINT16_MAX && str_starts(rest, form)) {
            *ret = (uint16_t)port;
            return true;
        }
    }
    return false;
}

int openocd_server_port(struct openocd_server *server, const char *what, const struct ctx *ctx,
                        uint16_t *ret, struct err *err)
{
    int rc = 0;

    while (rc == 0) {
        cleanup_buf struct buf log = BUF_INIT(LOG_MAX);
        bool ended = !proc_running(server->proc); /* looked at before its last words are */
        read_log(server, &log);
        if (find_port(log.data, what, ret))
            return 0;
        if (ended)
            return explain_end(server, &log, err);
        rc = ctx_sleep(ctx, LOOK_MS, err);
    }
    return err_wrap(err, "openocd: starting; see " OPENOCD_LOG);
}

/* True where `answer`, between what libraries may print and the end, is that of question `number`,
 * and no late one of an earlier question that was given up: *ret_rc is what it says. */
static bool judge_answer(const struct buf *answer, unsigned number, int *ret_rc, struct err *err)
{
    cleanup_free char *done = xasprintf("hil: done %u.", number);
    cleanup_free char *failed = xasprintf("hil: failed %u:", number);
    const char *why = strstr(answer->data, failed);
    const char *words = why ? why + strlen(failed) + (why[strlen(failed)] == ' ') : "";
    cleanup_free char *clean = text_clean_dup(words, 300, TEXT_ONE_LINE);

    if (strstr(answer->data, done))
        *ret_rc = 0;
    else if (why)
        *ret_rc = err_set(err, ERR_TOOL, "openocd: %s; see " OPENOCD_LOG,
                          *clean ? clean : "did not do as it was asked");
    else
        return false;
    return true;
}

/* What the bytes up to each END say. */
static bool take_answers(struct buf *heard, unsigned number, int *ret_rc, struct err *err)
{
    char *end;

    while ((end = memchr(heard->data, END, heard->size))) {
        size_t past = (size_t)(end - heard->data) + 1;
        *end = '\0';
        if (judge_answer(heard, number, ret_rc, err))
            return true;
        buf_drop_front(heard, past);
    }
    return false;
}

int openocd_server_ask(struct openocd_server *server, const char *command, const struct ctx *ctx,
                       struct err *err)
{
    unsigned number = ++server->asked;
    cleanup_free char *text =
        xasprintf("if {[catch {%s} hil_why]} {concat {hil: failed %u:} $hil_why} else "
                  "{concat {hil: done %u.}}%c",
                  command, number, number, END);
    cleanup_buf struct buf heard = BUF_INIT(ANSWER_MAX);
    int rc = ctx_write(ctx, server->fd, text, strlen(text), err), says = 0;

    while (rc == 0) {
        char *room = buf_space(&heard, 512);
        if (!room)
            return err_set(err, ERR_LIMIT, "openocd: answers without an end");
        ssize_t n = ctx_read(ctx, server->fd, room, 512, err);
        if (n == 0)
            return err_set(err, ERR_GONE, "openocd: ended; see " OPENOCD_LOG);
        if (n < 0)
            return err_wrap(err, "openocd");
        buf_grew(&heard, (size_t)n);
        if (take_answers(&heard, number, &says, err))
            return says;
    }
    return rc;
}
