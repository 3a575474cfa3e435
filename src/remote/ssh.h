/* SPDX-License-Identifier: MIT
 *
 * ssh: `hil agent` on another host, as a child of ours, and why there is none.
 *
 *     ssh -T -o BatchMode=yes [-l USER] [-p PORT] [-i KEY] -- HOST LINE
 *
 * It is the user's own OpenSSH with the user's own configuration: agent, jump hosts, known_hosts,
 * ControlMaster. Nothing of it is turned off but questions, which nobody could answer. LINE, which
 * the other host's shell reads, is a constant of the source: `hil agent`, with ~/.local/bin behind
 * its PATH. Everything else goes through frames (frame.h). HOST stands behind "--", and cannot be
 * taken for an option.
 */
#ifndef HIL_REMOTE_SSH_H
#define HIL_REMOTE_SSH_H

#include "base/buf.h"
#include "base/ctx.h"
#include "base/proc.h"
#include "conf/server.h"

#define SSH_WORDS_MAX 4096 /* of what it prints on stderr */

struct ssh {
    struct proc *proc;
    int in_fd, out_fd, err_fd; /* to its stdin, from its stdout and stderr; -1: closed */
    struct buf words;          /* the end of its stderr */
};

/* The command for a LINE, which must be a constant. */
void ssh_argv(const struct server_conf *server, const char *host, const char *line,
              struct strv *ret);
int ssh_start(const struct server_conf *server, const char *host, const struct ctx *ctx,
              struct ssh *ret, struct err *err);
void ssh_listen(struct ssh *ssh); /* takes what is on err_fd */
void ssh_stop(struct ssh *ssh);   /* zeroed is fine */

/* Why there was no hello, from exit code (-1: it still runs) and words, with what to do about it.
 * ERR_TIMEOUT and ERR_NOT_FOUND: this host is not to be reached, and another one may be; any other
 * code would be the same for all. */
int ssh_explain(const struct server_conf *server, const char *host, int exit_code,
                const char *words, struct err *err);

#endif
