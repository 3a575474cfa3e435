/* SPDX-License-Identifier: MIT
 *
 * install: hil onto a server, by the same ssh.
 *
 *     install_look(conf, ctx, &look, err)              which host answers, and what machine it is
 *     install_copy(conf, &look, program, ctx, err)     into ~/.local/bin there
 *
 * The program goes through ssh's stdin, under a name of its own; it takes hil's place only once it
 * has run there (--version), so that one for other libraries changes nothing. What the other host's
 * shell reads are constants (ssh.h). Blocks as long as the network does, within the ctx.
 */
#ifndef HIL_REMOTE_INSTALL_H
#define HIL_REMOTE_INSTALL_H

#include "base/ctx.h"
#include "conf/server.h"

struct install_look {
    const char *host; /* that answered; the conf's */
    char machine[64]; /* as uname -m says */
};

int install_look(const struct server_conf *conf, const struct ctx *ctx, struct install_look *ret,
                 struct err *err);
/* `version`: what it says there, caller frees. */
int install_copy(const struct server_conf *conf, const struct install_look *look,
                 const char *program, const struct ctx *ctx, char **ret_version, struct err *err);

#endif
