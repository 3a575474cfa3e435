/* SPDX-License-Identifier: MIT
 *
 * ssh: another host by the user's own OpenSSH, as a child of ours, and why it is not to be had.
 *
 *     ssh -T -o BatchMode=yes -o ServerAliveInterval=5 [-l USER] [-p PORT] [-i KEY] -- HOST LINE
 *
 * With the user's own configuration: agent, jump hosts, known_hosts, ControlMaster. Nothing of it
 * is turned off but questions, which nobody could answer. LINE, which the other host's shell reads,
 * is always a constant of the source: `hil agent` (remote/server.c), or a script that takes what it
 * is to run from its standard input (far.h). HOST stands behind "--", and cannot be taken for an
 * option.
 */
#ifndef HIL_SSH_SSH_H
#define HIL_SSH_SSH_H

#include "base/buf.h"
#include "base/ctx.h"
#include "base/proc.h"
#include "conf/server.h"

#define SSH_WORDS_MAX 4096 /* of what it prints on stderr */
#define SSH_OPEN_MS 20000  /* for a host to answer */

struct ssh {
    struct proc *proc;
    int in_fd, out_fd, err_fd; /* to its stdin, from its stdout and stderr; -1: closed */
    struct buf words;          /* the end of its stderr */
};

/* The command for a LINE, which must be a constant. */
void ssh_argv(const struct server_conf *server, const char *host, const char *line,
              struct strv *ret);
int ssh_start(const struct server_conf *server, const char *host, const char *line,
              const struct ctx *ctx, struct ssh *ret, struct err *err);
void ssh_listen(struct ssh *ssh); /* takes what is on err_fd */
void ssh_stop(struct ssh *ssh);   /* zeroed is fine */

/* Begins with a host that is to answer within `open`. */
typedef int ssh_reach(void *arg, const char *host, const struct ctx *open, struct err *err);

/* The server's hosts in turn, the one that answered last first, until `reach` is 0 or fails with
 * something else than -ERR_NOT_FOUND, -ERR_TIMEOUT and -ERR_BUSY. Each has SSH_OPEN_MS; one that is
 * -ERR_BUSY is tried once more within that time, after a short pause of random length. None
 * answered: -ERR_GONE; or -ERR_TIMEOUT, where the last of them said nothing at all. Errors begin
 * with "server NAME: ". */
int ssh_try_hosts(const struct server_conf *server, ssh_reach *reach, void *arg,
                  const struct ctx *ctx, struct err *err);

/* Why there was no hello, from exit code (-1: it still runs) and words, with what to do about it.
 * ERR_TIMEOUT and ERR_NOT_FOUND: this host is not to be reached, and another one may be; ERR_BUSY:
 * it broke the login off, as sshd does where more come at once than its MaxStartups; any other code
 * would be the same for all. */
int ssh_explain(const struct server_conf *server, const char *host, int exit_code,
                const char *words, struct err *err);

#endif
