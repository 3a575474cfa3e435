/* SPDX-License-Identifier: MIT */
#include "ssh/far.h"

#include "base/fs.h"
#include "base/str.h"
#include "ssh/far_feed.h"
#include "ssh/ssh.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOISE_MAX ((size_t)64 << 10) /* what a login shell may print first */
#define END_MS 2500 /* for the program there to end, its directory to go, and ssh to say so */
#define TURN_MS 1000
#define EXIT_SSH 255 /* ssh(1): an error of its own */

#define HERE "hil-here"   /* on stderr: the script runs */
#define BEGUN "hil-begun" /* on stdout: what follows is the program's */
#define SILENCE "10" /* seconds without a beat (far_feed.h): fewer than ssh here takes to give up */
#define ENDED "hil-ended " /* on stderr, with the exit code */

/* What the other host's login shell reads. In one line, with neither backslash nor exclamation mark
 * and in single quotes, so that every such shell, csh and fish, too, takes it as it is. */
static const char script[] =
    "exec sh -c '"
    "set -f; umask 077; exec 3<&0; d=; p=; echo " HERE " >&2; "
    /* r: the next line, in v */
    "r() { IFS= read -r v <&3 || exit 1; }; "
    /* e: ends the program; timeout has made a group of it, and busybox's has not */
    "e() { kill -TERM \"-$p\" || kill \"$p\"; }; "
    "x() { [ -z \"$p\" ] || e 2>/dev/null; cd /; [ -z \"$d\" ] || rm -rf \"$d\"; }; "
    "trap x 0; trap \"exit 1\" 1 2 13 15; "
    /* seconds, and the words; printf is given a dot, as $() takes newlines off */
    "r; t=$v; r; n=$v; set --; "
    "while [ \"$n\" -gt 0 ]; do r; v=$(printf %b. \"$v\"); v=${v%.}; "
    "case $v in \"~/\"*) v=$HOME/${v#\"~/\"};; esac; "
    "set -- \"$@\" \"$v\"; n=$((n-1)); done; "
    /* the files; some kinds of head read on beyond what they are asked for, dd never does */
    "r; f=$v; if [ \"$f\" -gt 0 ]; then "
    "d=$(mktemp -d) || exit 1; cd \"$d\" || exit 1; "
    "h=$(printf ab | { head -c 1 >/dev/null; cat; }); "
    "while [ \"$f\" -gt 0 ]; do r; a=$v; r; "
    "if [ \"$h\" = b ]; then head -c \"$v\" <&3 >\"$a\"; "
    "else dd ibs=1 obs=65536 count=\"$v\" <&3 >\"$a\" 2>/dev/null; fi || exit 1; "
    "[ $(wc -c <\"$a\") -eq \"$v\" ] || exit 1; f=$((f-1)); done; "
    "else cd; fi; "
    /* all of it came: the program, and beside it who waits for the end of the beats; a head that
     * reads on takes several at once, which is as good, and the end of the input is none */
    "r; [ \"$v\" = go ] || exit 1; echo " BEGUN "; "
    "timeout -k 2 \"$t\" \"$@\" </dev/null 2>&1 3<&- & p=$!; "
    "{ while [ \"$(timeout " SILENCE " head -c 1 <&3)\" = . ]; do :; done; e; } "
    ">/dev/null 2>&1 & k=$!; "
    "trap \"\" 13; wait \"$p\"; c=$?; p=; kill \"$k\" 2>/dev/null; "
    "echo " ENDED "\"$c\" >&2'";

struct far {
    const struct server_conf *server;
    const struct proc_spec *spec;
    const struct far_file *files;
    size_t count;
    const char *host;
    const struct ctx *ctx;
    int log_fd;
    struct ssh ssh;
    struct far_feed feed;
    struct buf noise; /* stdout before BEGUN */
    bool begun;
    struct proc_result *result;
    int rc; /* once a host has answered */
};

/* ---- what comes back ----------------------------------------------------------------------- */

static int take_bytes(struct far *far, const char *bytes, size_t count, struct err *err)
{
    proc_keep_tail(far->result, bytes, count);
    if (far->spec->output)
        far->spec->output(far->spec->output_arg, bytes, count);
    return far->log_fd < 0 ? 0 : fs_write_all(far->log_fd, bytes, count, far->spec->log_path, err);
}

static int take_noise(struct far *far, const char *bytes, size_t count, struct err *err)
{
    const char *mark;
    size_t before;

    if (buf_add(&far->noise, bytes, count) < 0)
        return err_set(err, ERR_PROTOCOL, "its login shell prints too much");
    mark = memmem(far->noise.data, far->noise.size, BEGUN "\n", strlen(BEGUN "\n"));
    if (!mark)
        return 0;
    far->begun = true;
    before = (size_t)(mark - far->noise.data) + strlen(BEGUN "\n");
    return before < far->noise.size
               ? take_bytes(far, far->noise.data + before, far->noise.size - before, err)
               : 0;
}

/* 1: there may be more; 0: not now, or never. */
static int take_output(struct far *far, struct err *err)
{
    char chunk[16384];
    ssize_t n = far->ssh.out_fd < 0 ? -1 : read(far->ssh.out_fd, chunk, sizeof chunk);
    int rc = 0;

    if (n == 0) {
        close_fd(&far->ssh.out_fd);
        far->ssh.out_fd = -1;
    }
    if (n > 0)
        rc = far->begun ? take_bytes(far, chunk, (size_t)n, err)
                        : take_noise(far, chunk, (size_t)n, err);
    return rc < 0 ? rc : n > 0;
}

static bool has_answered(const struct far *far)
{
    return strstr(far->ssh.words.data, HERE) || far->begun;
}

/* -1: it did not say. */
static int exit_code(const struct far *far)
{
    const char *mark = strstr(far->ssh.words.data, ENDED);

    return mark && strchr(mark, '\n') ? (int)strtol(mark + strlen(ENDED), NULL, 10) : -1;
}

/* ---- one connection ------------------------------------------------------------------------ */

/* One wait. 1: ssh has ended. */
static int turn(struct far *far, const struct ctx *ctx, bool feeds, struct err *err)
{
    struct pollfd fds[] = {
        {.fd = far->ssh.out_fd, .events = POLLIN},
        {.fd = far->ssh.err_fd, .events = POLLIN},
        {.fd = feeds && !far_feed_over(&far->feed) ? far->ssh.in_fd : -1, .events = POLLOUT},
        {.fd = proc_pidfd(far->ssh.proc), .events = POLLIN},
        {.fd = ctx->cancel_fd, .events = POLLIN}};
    int64_t left = ctx_left_ms(ctx);
    int rc = ctx_check(ctx, err);

    if (rc < 0)
        return rc;
    if (poll(fds, ARRAY_SIZE(fds), left > TURN_MS ? TURN_MS : (int)left) < 0)
        return 0; /* EINTR */
    if (fds[2].revents)
        rc = far_feed_some(&far->feed, far->ssh.in_fd, err);
    else if (feeds)
        far_feed_beat(&far->feed, far->ssh.in_fd);
    if (rc == 0 && fds[0].revents)
        rc = take_output(far, err);
    if (fds[1].revents)
        ssh_listen(&far->ssh);
    return rc < 0 ? rc : fds[3].revents != 0;
}

/* Until ssh has ended; what it left in its pipes is read, too. */
static int talk(struct far *far, const struct ctx *open, struct err *err)
{
    int rc = 0;

    while (rc == 0)
        rc = turn(far, has_answered(far) ? far->ctx : open, true, err);
    if (rc < 0)
        return rc;
    while (rc > 0)
        rc = take_output(far, err);
    ssh_listen(&far->ssh);
    return rc;
}

/* The end of its standard input ends the program there. ssh is waited for, so that the board is not
 * given away while the program still has it. */
static void end_there(struct far *far, const struct ctx *ctx)
{
    struct ctx wait = ctx_cleanup(ctx, END_MS);

    close_fd(&far->ssh.in_fd);
    far->ssh.in_fd = -1;
    while (turn(far, &wait, false, NULL) == 0)
        continue;
}

static int explain(const struct far *far, struct err *err)
{
    const char *name = fs_basename(far->spec->argv[0]);
    bool broke = far->begun || proc_exit_code(far->ssh.proc) == EXIT_SSH;
    struct proc_result words = {0};
    cleanup_free char *line = NULL;

    proc_keep_tail(&words, far->ssh.words.data, far->ssh.words.size);
    line = proc_last_line(&words);
    if (str_eq(line, HERE))
        *line = '\0';
    return err_set(err, broke ? ERR_GONE : ERR_TOOL, "%s %s%s%s",
                   broke ? "the connection broke with" : "nothing can be prepared there for", name,
                   *line ? ": " : "", line);
}

static int judge(struct far *far, struct err *err)
{
    const char *name = fs_basename(far->spec->argv[0]);
    int code = exit_code(far);
    cleanup_free char *last = NULL;

    if (code < 0)
        return explain(far, err);
    far->result->exit_code = code;
    if (code != 126 && code != 127) /* as env(1), sh(1) and timeout(1) say it */
        return 0;
    last = proc_last_line(far->result);
    err_set(err, ERR_TOOL, "%s cannot be started there: %s", name, last);
    if (far->spec->hint)
        err_hint(err, "; on that host, %s", far->spec->hint);
    return -ERR_TOOL;
}

/* The host did not get as far as the script: 1, if only for its own reasons. */
static int not_reached(const struct far *far, int rc, struct err *err)
{
    bool running = proc_running(far->ssh.proc);

    if (rc == -ERR_CANCELLED || (rc < 0 && rc != -ERR_TIMEOUT))
        return rc;
    if (running)
        return err_set(err, ERR_TIMEOUT, "%s: it does not answer; try by hand: ssh %s", far->host,
                       far->host);
    return ssh_explain(far->server, far->host, proc_exit_code(far->ssh.proc), far->ssh.words.data,
                       err);
}

static int on_host(void *arg, const char *host, const struct ctx *open, struct err *err)
{
    struct far *far = arg;
    const struct ctx *ctx = far->ctx;
    int64_t began = ctx_now_ns();
    int rc = far_feed_begin(&far->feed, far->spec->argv, far->files, far->count, ctx, err);

    far->host = host;
    far->noise = (struct buf)BUF_INIT(NOISE_MAX);
    far->begun = false;
    *far->result = (struct proc_result){.exit_code = -1};
    if (rc == 0)
        rc = ssh_start(far->server, host, script, ctx, &far->ssh, err);
    if (rc == 0) {
        fcntl(far->ssh.in_fd, F_SETFL, O_NONBLOCK);
        fcntl(far->ssh.out_fd, F_SETFL, O_NONBLOCK);
        rc = talk(far, open, err);
        if (rc < 0)
            end_there(far, ctx);
        if (has_answered(far)) {
            far->rc =
                rc == 0 ? judge(far, err) : err_wrap(err, "%s", fs_basename(far->spec->argv[0]));
            if (far->rc < 0)
                err_wrap(err, "%s", host);
            rc = 0;
        } else {
            rc = not_reached(far, rc, err);
        }
        ssh_stop(&far->ssh);
    }
    far->result->took_us = (ctx_now_ns() - began) / 1000;
    buf_done(&far->noise);
    far_feed_done(&far->feed);
    return rc;
}

int far_run(const struct server_conf *server, const struct proc_spec *spec,
            const struct far_file *files, size_t count, const struct ctx *ctx,
            struct proc_result *ret, struct err *err)
{
    struct far far = {.server = server,
                      .spec = spec,
                      .files = files,
                      .count = count,
                      .ctx = ctx,
                      .log_fd = -1,
                      .result = ret};
    int rc = ctx_check(ctx, err);

    *ret = (struct proc_result){.exit_code = -1};
    if (rc < 0)
        return err_wrap(err, "server %s", server->name), rc;
    if (spec->log_path) {
        far.log_fd = open(spec->log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
        if (far.log_fd < 0)
            return err_sys(err, errno, "%s", spec->log_path);
    }
    rc = ssh_try_hosts(server, on_host, &far, ctx, err);
    if (rc == -ERR_TIMEOUT) { /* of a host, and not of the program */
        rc = -ERR_GONE;
        if (err)
            err->code = ERR_GONE;
    }
    if (rc == 0 && far.rc < 0) {
        err_wrap(err, "server %s", server->name);
        rc = far.rc;
    }
    close_fd(&far.log_fd);
    return rc;
}
