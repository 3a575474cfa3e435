/* SPDX-License-Identifier: MIT */
#include "ssh/far.h"

#include "base/fs.h"
#include "base/str.h"
#include "ssh/ssh.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK ((size_t)64 << 10)
#define ORDER_MAX ((size_t)1 << 20)  /* all but the files */
#define NOISE_MAX ((size_t)64 << 10) /* what a login shell may print first */
#define END_MS 2500 /* for the program there to end, its directory to go, and ssh to say so */
#define LATE_S 5    /* the program's own deadline there lies behind ours */
#define TURN_MS 1000
#define EXIT_SSH 255 /* ssh(1): an error of its own */

#define HERE "hil-here"    /* on stderr: the script runs */
#define BEGUN "hil-begun"  /* on stdout: what follows is the program's */
#define ENDED "hil-ended " /* on stderr, with the exit code */

/* What the other host's login shell reads. In one line, with neither backslash nor exclamation mark
 * and in single quotes, so that every such shell, csh and fish, too, takes it as it is. */
static const char script[] =
    "exec sh -c '"
    "set -f; umask 077; exec 3<&0; d=; p=; echo " HERE " >&2; "
    /* r: the next line, in v */
    "r() { IFS= read -r v <&3 || exit 1; }; "
    "x() { [ -z \"$p\" ] || kill \"$p\" 2>/dev/null; cd /; [ -z \"$d\" ] || rm -rf \"$d\"; }; "
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
    /* all of it came: the program, and beside it who waits for the end of the connection */
    "r; [ \"$v\" = go ] || exit 1; echo " BEGUN "; "
    "timeout -k 2 \"$t\" \"$@\" </dev/null 2>&1 3<&- & p=$!; "
    "{ cat <&3; kill \"$p\"; } >/dev/null 2>&1 & k=$!; "
    "trap \"\" 13; wait \"$p\"; c=$?; p=; kill \"$k\" 2>/dev/null; "
    "echo " ENDED "\"$c\" >&2'";

struct feed { /* what the script reads */
    const struct far_file *files;
    size_t count, next;
    const uint64_t *sizes;
    int fd; /* the file under way; -1: none */
    uint64_t left;
    bool gone; /* all of it is there */
    struct buf bytes;
};

struct far {
    const struct server_conf *server;
    const struct proc_spec *spec;
    const struct far_file *files;
    size_t count;
    const char *host;
    int log_fd;
    struct ssh ssh;
    struct feed feed;
    struct buf noise; /* stdout before BEGUN */
    bool begun;
    struct proc_result *result;
    int rc; /* once a host has answered */
};

/* ---- what goes there ----------------------------------------------------------------------- */

static int add_word(struct buf *order, const char *word)
{
    int rc = 0;

    for (const unsigned char *at = (const unsigned char *)word; *at && rc == 0; at++)
        rc = buf_addf(order, "\\0%03o", *at);
    return rc == 0 ? buf_adds(order, "\n") : rc;
}

/* Seconds that the program may take there; 0: as many as it likes. */
static int64_t limit_s(const struct ctx *ctx)
{
    int64_t left = ctx_left_ms(ctx);

    return left == CTX_NEVER ? 0 : (left + 999) / 1000 + LATE_S;
}

static int add_words(const struct far *far, const struct ctx *ctx, struct buf *order,
                     struct err *err)
{
    size_t words = 0;
    int rc;

    while (far->spec->argv[words])
        words++;
    rc = buf_addf(order, "%" PRId64 "\n%zu\n", limit_s(ctx), words);
    for (size_t i = 0; i < words && rc == 0; i++)
        rc = add_word(order, far->spec->argv[i]);
    if (rc == 0)
        rc = buf_addf(order, "%zu\n", far->count);
    return rc < 0 ? err_set(err, ERR_LIMIT, "%s: its words are longer than %zu bytes",
                            fs_basename(far->spec->argv[0]), ORDER_MAX / 5)
                  : 0;
}

static int feed_begin(struct far *far, const struct ctx *ctx, struct err *err)
{
    struct feed *feed = &far->feed;

    *feed = (struct feed){
        .files = far->files, .count = far->count, .fd = -1, .bytes = BUF_INIT(2 * ORDER_MAX)};
    return add_words(far, ctx, &feed->bytes, err);
}

static void feed_done(struct feed *feed)
{
    close_fd(&feed->fd);
    buf_done(&feed->bytes);
}

static int open_next(struct feed *feed, struct err *err)
{
    const struct far_file *file = &feed->files[feed->next++];
    struct stat info;

    feed->fd = open(file->path, O_RDONLY | O_CLOEXEC);
    if (feed->fd < 0 || fstat(feed->fd, &info) < 0)
        return err_sys(err, errno, "%s", file->path);
    feed->left = (uint64_t)info.st_size;
    buf_addf(&feed->bytes, "%s\n%" PRIu64 "\n", file->name, feed->left);
    return 0;
}

/* More of the file under way. */
static int read_more(struct feed *feed, struct err *err)
{
    size_t want = feed->left < CHUNK ? (size_t)feed->left : CHUNK;
    ssize_t n = want ? read(feed->fd, buf_space(&feed->bytes, want), want) : 0;

    if (n < 0 || (n == 0 && want))
        return err_sys(err, n < 0 ? errno : EIO, "%s", feed->files[feed->next - 1].path);
    buf_grew(&feed->bytes, (size_t)n);
    feed->left -= (uint64_t)n;
    if (!feed->left) {
        close_fd(&feed->fd);
        feed->fd = -1;
    }
    return 0;
}

static int refill(struct feed *feed, struct err *err)
{
    int rc = 0;

    while (!feed->bytes.size && !feed->gone && rc == 0) {
        if (feed->fd >= 0) {
            rc = read_more(feed, err);
        } else if (feed->next < feed->count) {
            rc = open_next(feed, err);
        } else {
            buf_adds(&feed->bytes, "go\n");
            feed->gone = true;
        }
    }
    return rc;
}

/* As much as ssh takes. That it takes no more shows at its end. */
static int feed_some(struct far *far, struct err *err)
{
    struct feed *feed = &far->feed;
    int rc = refill(feed, err);
    ssize_t n;

    if (rc < 0 || !feed->bytes.size)
        return rc;
    n = write(far->ssh.in_fd, feed->bytes.data, feed->bytes.size);
    if (n > 0)
        buf_drop_front(&feed->bytes, (size_t)n);
    else if (n < 0 && errno != EAGAIN && errno != EINTR)
        far->feed.gone = (buf_clear(&feed->bytes), true);
    return 0;
}

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
        {.fd = feeds && !(far->feed.gone && !far->feed.bytes.size) ? far->ssh.in_fd : -1,
         .events = POLLOUT},
        {.fd = proc_pidfd(far->ssh.proc), .events = POLLIN},
        {.fd = ctx->cancel_fd, .events = POLLIN}};
    int64_t left = ctx_left_ms(ctx);
    int rc = ctx_check(ctx, err);

    if (rc < 0)
        return rc;
    if (poll(fds, ARRAY_SIZE(fds), left > TURN_MS ? TURN_MS : (int)left) < 0)
        return 0; /* EINTR */
    if (fds[2].revents)
        rc = feed_some(far, err);
    if (rc == 0 && fds[0].revents)
        rc = take_output(far, err);
    if (fds[1].revents)
        ssh_listen(&far->ssh);
    return rc < 0 ? rc : fds[3].revents != 0;
}

/* Until ssh has ended; what it left in its pipes is read, too. */
static int talk(struct far *far, const struct ctx *ctx, struct err *err)
{
    struct ctx open = ctx_narrow(ctx, FAR_OPEN_MS);
    int rc = 0;

    while (rc == 0)
        rc = turn(far, has_answered(far) ? ctx : &open, true, err);
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

static int on_host(void *arg, const char *host, const struct ctx *ctx, struct err *err)
{
    struct far *far = arg;
    int64_t began = ctx_now_ns();
    int rc = feed_begin(far, ctx, err);

    far->host = host;
    far->noise = (struct buf)BUF_INIT(NOISE_MAX);
    far->begun = false;
    *far->result = (struct proc_result){.exit_code = -1};
    if (rc == 0)
        rc = ssh_start(far->server, host, script, ctx, &far->ssh, err);
    if (rc == 0) {
        fcntl(far->ssh.in_fd, F_SETFL, O_NONBLOCK);
        fcntl(far->ssh.out_fd, F_SETFL, O_NONBLOCK);
        rc = talk(far, ctx, err);
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
    feed_done(&far->feed);
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
    if (rc == 0 && far.rc < 0) {
        err_wrap(err, "server %s", server->name);
        rc = far.rc;
    }
    close_fd(&far.log_fd);
    return rc;
}
