/* SPDX-License-Identifier: MIT
 *
 * far: a program run on a server that has no hil, through ssh, with nothing installed there.
 *
 *     struct far_file files[] = {{"firmware.hex", path}};
 *     rc = far_run(server, &spec, files, 1, ctx, &result, err);
 *
 * As proc_run(), but there: spec->argv, log_path, output and hint are what they are with proc. With
 * files it runs in a directory made for it, where they lie and which is removed afterwards;
 * without, in the home of whoever logs in. A word that begins with "~/" begins in that home.
 *
 * No shell injection, by construction: ssh joins its words to a text that a shell reads, so it is
 * given one word only, a constant of far.c, the same whatever is run. That script takes all the
 * rest from its standard input: counts and sizes as digits, each word of the argv as a line of
 * octal escapes (a backslash and four digits for each byte), and files as that many bytes. printf
 * turns a line into the word, which stands in "$@" from then on; nothing is evaluated again, and no
 * byte of a file name, a board or a configuration is ever in a place where a shell reads text.
 *
 * There it takes sh, printf, cat, head, wc, mktemp, rm and timeout: coreutils or busybox. The
 * program ends by the ctx's time, and as soon as the script's standard input does: when we cancel,
 * are killed, or the connection breaks. A connection that is silent, as with a cable that is out,
 * has no end for hours; so we say something every FAR_BEAT_MS (far_feed.h), and where nothing comes
 * for ten seconds the program is ended, too. Then the directory is removed.
 */
#ifndef HIL_SSH_FAR_H
#define HIL_SSH_FAR_H

#include "base/ctx.h"
#include "base/proc.h"
#include "conf/server.h"

struct far_file {
    const char *name; /* there: ours, without a slash */
    const char *path; /* here */
};

/* Blocks within ctx, and a moment more for the program's end. -ERR_GONE: no host answers, or the
 * connection broke; -ERR_TOOL: the program cannot be started there; -ERR_TIMEOUT, -ERR_CANCELLED:
 * as of proc_run(). Errors begin with "server NAME: HOST: ". A program that ends with another code
 * than 0 is no error. Any thread. */
int far_run(const struct server_conf *server, const struct proc_spec *spec,
            const struct far_file *files, size_t count, const struct ctx *ctx,
            struct proc_result *ret, struct err *err);

#endif
