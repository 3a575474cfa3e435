/* SPDX-License-Identifier: MIT */
#include "ssh/ssh.h"

#include "base/fs.h"
#include "base/str.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define GRACE_MS 200
#define PAUSE_MS 200        /* and up to a second more, before a login is tried once more */
#define EXIT_SSH 255        /* ssh(1): an error of its own */
#define EXIT_NO_PROGRAM 127 /* the other host's shell */

/* ---- the child --------------------------------------------------------------------------- */

void ssh_argv(const struct server_conf *server, const char *host, const char *line,
              struct strv *ret)
{
    for (size_t i = 0; i < server->ssh.count; i++)
        strv_add(ret, server->ssh.items[i]);
    if (!ret->count)
        strv_add(ret, "ssh");
    strv_add(ret, "-T");
    strv_add(ret, "-o");
    strv_add(ret, "BatchMode=yes");
    strv_add(ret, "-o"); /* a cable that is out is noticed after some 15 s */
    strv_add(ret, "ServerAliveInterval=5");
    if (server->user) {
        strv_add(ret, "-l");
        strv_add(ret, server->user);
    }
    if (server->port)
        strv_addf(ret, "-p%" PRIu64, server->port);
    if (server->key) {
        strv_add(ret, "-i");
        strv_add(ret, server->key);
    }
    strv_add(ret, "--");
    strv_add(ret, host);
    strv_add(ret, line);
}

int ssh_start(const struct server_conf *server, const char *host, const char *line,
              const struct ctx *ctx, struct ssh *ret, struct err *err)
{
    cleanup_strv struct strv argv = {0};
    int in[2] = {-1, -1}, out[2] = {-1, -1}, errors[2] = {-1, -1}, rc;

    *ret = (struct ssh){.words = BUF_INIT(SSH_WORDS_MAX)};
    ssh_argv(server, host, line, &argv);
    if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 || pipe2(errors, O_CLOEXEC) < 0)
        rc = err_sys(err, errno, "pipe");
    else
        rc = proc_start(&(struct proc_spec){.argv = (const char *const *)argv.items,
                                            .in_fd = in[0],
                                            .out_fd = out[1],
                                            .err_fd = errors[1],
                                            .hint = "install openssh-client",
                                            .grace_ms = GRACE_MS},
                        ctx, &ret->proc, err);
    close_fd(&in[0]);
    close_fd(&out[1]);
    close_fd(&errors[1]);
    ret->in_fd = in[1];
    ret->out_fd = out[0];
    ret->err_fd = errors[0];
    if (rc == 0)
        fcntl(errors[0], F_SETFL, O_NONBLOCK);
    else
        ssh_stop(ret);
    return rc;
}

void ssh_listen(struct ssh *ssh)
{
    char words[1024];
    ssize_t n = ssh->err_fd < 0 ? -1 : read(ssh->err_fd, words, sizeof words);

    if (n > 0) {
        if (ssh->words.size + (size_t)n > ssh->words.ceiling)
            buf_drop_front(&ssh->words, ssh->words.size / 2);
        buf_add(&ssh->words, words, (size_t)n);
    } else if (n == 0) {
        close_fd(&ssh->err_fd);
        ssh->err_fd = -1;
    }
}

void ssh_stop(struct ssh *ssh)
{
    if (ssh->in_fd > 0)
        close_fd(&ssh->in_fd);
    proc_stop(ssh->proc);
    if (ssh->out_fd > 0)
        close_fd(&ssh->out_fd);
    if (ssh->err_fd > 0)
        close_fd(&ssh->err_fd);
    if (ssh->words.ceiling)
        buf_done(&ssh->words);
    *ssh = (struct ssh){.in_fd = -1, .out_fd = -1, .err_fd = -1};
}

/* ---- the host that answers ----------------------------------------------------------------- */

static char *memory_path(const struct server_conf *conf)
{
    cleanup_free char *state = fs_state_dir();
    cleanup_free char *dir = fs_join(state, "servers");

    return fs_join(dir, conf->name);
}

static size_t first_host(const struct server_conf *conf)
{
    cleanup_free char *path = memory_path(conf);
    cleanup_buf struct buf text = BUF_INIT(1024);

    if (fs_read(path, &text, NULL) == 0)
        for (size_t i = 0; i < conf->hosts.count; i++)
            if (str_eq(conf->hosts.items[i], text.data))
                return i;
    return 0;
}

/* Without it, hosts are tried as they stand. */
static void remember_host(const struct server_conf *conf, const char *host)
{
    cleanup_free char *path = memory_path(conf);
    cleanup_free char *dir = fs_dirname(path);

    if (conf->hosts.count > 1 && fs_mkdirs(dir, 0700, NULL) == 0)
        fs_write(path, host, strlen(host), NULL);
}

/* Who is at work on many boards logs in many times at once, and sshd turns some of them away at
 * random; those are not to come back together. */
static int try_host(const char *host, ssh_reach *reach, void *arg, const struct ctx *ctx,
                    struct err *err)
{
    struct ctx open = ctx_narrow(ctx, SSH_OPEN_MS);
    int rc = reach(arg, host, &open, err);
    unsigned char chance = 0;

    if (rc != -ERR_BUSY)
        return rc;
    (void)!getrandom(&chance, sizeof chance, 0);
    if (ctx_sleep(&open, PAUSE_MS + 4 * chance, NULL) < 0)
        return ctx_cancelled(ctx) ? err_set(err, ERR_CANCELLED, "cancelled") : rc;
    return reach(arg, host, &open, err);
}

int ssh_try_hosts(const struct server_conf *server, ssh_reach *reach, void *arg,
                  const struct ctx *ctx, struct err *err)
{
    size_t first = first_host(server);
    int rc = -ERR_NOT_FOUND;

    for (size_t i = 0; i < server->hosts.count; i++) {
        size_t which = i == 0 ? first : i <= first ? i - 1 : i;
        rc = try_host(server->hosts.items[which], reach, arg, ctx, err);
        if (rc == 0) {
            remember_host(server, server->hosts.items[which]);
            return 0;
        }
        if (rc != -ERR_NOT_FOUND && rc != -ERR_TIMEOUT && rc != -ERR_BUSY)
            break;
    }
    if (rc == -ERR_NOT_FOUND || rc == -ERR_BUSY) /* whoever named the server was not wrong */
        rc = -ERR_GONE;
    if (err)
        err->code = (enum err_code) - rc;
    err_wrap(err, "server %s", server->name);
    return rc;
}

/* ---- why not ----------------------------------------------------------------------------- */

/* What OpenSSH says, since its exit code is 255 for all of it (sshconnect.c, ssh.c); then what
 * shells and hil say. In this order: a changed key ends with "verification failed", too. */
static const struct sign {
    const char *words;
    enum err_code code;
    const char *what, *next;
} signs[] = {
    {"REMOTE HOST IDENTIFICATION HAS CHANGED", ERR_REFUSED, "its host key has changed",
     "somebody may be in between; if the host was set up anew, take the old key out of "
     "known_hosts: "
     "ssh-keygen -R"},
    {"Host key verification failed", ERR_REFUSED, "its host key is not known",
     "connect once by hand, and compare the key: ssh"},
    {"Permission denied", ERR_REFUSED, "it lets nobody in with the keys at hand",
     "put one there with ssh-copy-id, or name one with key:; try by hand: ssh"},
    {"Too many authentication failures", ERR_REFUSED, "it refuses after too many keys",
     "name the right one with key:, and IdentitiesOnly yes in ~/.ssh/config, for"},
    {"Could not resolve", ERR_NOT_FOUND, "no such host name", "try: getent hosts"},
    {"Connection refused", ERR_NOT_FOUND, "no ssh server answers there", "start it on"},
    {"No route to host", ERR_NOT_FOUND, "no way leads there", "is it on? ping"},
    {"Network is unreachable", ERR_NOT_FOUND, "no network leads there", "try: ping"},
    {"timed out", ERR_TIMEOUT, "it does not answer", "is it on? ping"},
    {"Connection closed", ERR_BUSY, "it closed the connection", "see the log of sshd on"},
    {"closed by remote host", ERR_BUSY, "it closed the connection", "see the log of sshd on"},
    {"Connection reset", ERR_BUSY, "it reset the connection", "see the log of sshd on"},
    {"kex_exchange_identification", ERR_BUSY, "it broke the connection off",
     "see the log of sshd on"},
    {"Broken pipe", ERR_BUSY, "it broke the connection off", "see the log of sshd on"},
    {"no such command: 'agent'", ERR_PROTOCOL, "its hil is too old to have an agent",
     "install this version of hil on"},
    {"not found", ERR_TOOL, "hil is not installed there, or not in the PATH of ssh's shell",
     "hil agent --install copies it there; else install it on"},
};

/* The last line with something in it. */
static char *last_line(const char *words)
{
    size_t end = strlen(words), begin;

    while (end && strchr("\r\n \t", words[end - 1]))
        end--;
    for (begin = end; begin && words[begin - 1] != '\n';)
        begin--;
    if (str_starts(words + begin, "ssh: "))
        begin += strlen("ssh: ");
    cleanup_free char *line = xstrndup(words + begin, end - begin);
    return text_clean_dup(line, 300, TEXT_ONE_LINE);
}

int ssh_explain(const struct server_conf *server, const char *host, int exit_code,
                const char *words, struct err *err)
{
    cleanup_free char *line = last_line(words);

    for (size_t i = 0; i < ARRAY_SIZE(signs); i++)
        if (strstr(words, signs[i].words) &&
            (signs[i].code != ERR_TOOL || exit_code == EXIT_NO_PROGRAM))
            return err_set(err, signs[i].code, "%s: %s (ssh: %s); %s %s%s%s", host, signs[i].what,
                           line, signs[i].next, server->user ? server->user : "",
                           server->user ? "@" : "", host);
    if (exit_code == EXIT_NO_PROGRAM)
        return err_set(err, ERR_TOOL, "%s: hil is not installed there: %s", host, line);
    if (exit_code == EXIT_SSH)
        return err_set(err, *line ? ERR_NOT_FOUND : ERR_BUSY, "%s: ssh: %s", host,
                       *line ? line : "no reason given");
    if (exit_code < 0)
        return err_set(err, ERR_TIMEOUT, "%s: no hil agent answers in time%s%s; try ssh %s%s%s",
                       host, *line ? "; ssh's last words: " : "", line,
                       server->user ? server->user : "", server->user ? "@" : "", host);
    return err_set(err, ERR_TOOL, "%s: hil agent ended with %d there: %s", host, exit_code, line);
}
