/* SPDX-License-Identifier: MIT
 *
 * agent: what `hil agent` does at the far end of an ssh connection: hil's own verbs, for hil.
 *
 *     hello                     protocol, version, lab's host, the verbs that it does
 *     image {sha256, size}      → have {have}; where it is not: data frames, the last one empty →
 *                               have
 *     do {verb, args, for, keep, follow}
 *                               → out, err (as the verb prints), file (what it leaves, and what of
 *                               that is followed while it grows: agent_files.h), end {code}
 *     kept {key, forget}        → file, end: what a run that went on without a link has left
 *     in, cancel                to the verb that runs: its stdin (an empty one ends it), SIGTERM
 *     ping                      both ways (link.h)
 *
 * A verb is a process of its own: this program, started with an argv array, never by a shell. An
 * argument is a string, or {"image": SHA256, "name": NAME} for firmware that came before, or
 * {"out": true} for the directory whose files are sent back. So whatever hil can do for a board
 * that is here it can do for one that is there, by the same code: leases, recovery, quarantine,
 * rest.
 *
 * One request at a time; a client with several boards has several connections. When the link has
 * ended, or nothing was heard on it for LINK_DEAD_MS, the verb gets SIGTERM: it ends the run,
 * brings the board to rest and gives it back, as at a desk. Should the agent itself be killed, its
 * guardian and the verb's do that. But a verb whose "do" has a key goes on once its board was let
 * begin: its files lie in STATE/agent/kept/KEY until they are collected (kept.h). Blocks until the
 * link ends or `cancel_fd` is readable.
 */
#ifndef HIL_REMOTE_AGENT_H
#define HIL_REMOTE_AGENT_H

#include "base/err.h"

struct agent_options {
    const char *version;
    int in_fd, out_fd;
    int cancel_fd;
};

/* Starts the guardian: to be called before any thread. 0: the other side closed the link. */
int agent_run(const struct agent_options *options, struct err *err);

/* The verbs that an agent does; NULL-terminated. */
extern const char *const agent_verbs[];

#endif
