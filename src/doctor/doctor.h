/* SPDX-License-Identifier: MIT
 *
 * doctor: what is wrong with this host, and the command that mends it.
 *
 *     doctor_examine(&request, ctx, &findings)
 *     ... findings.items[0 .. count-1] ...
 *     findings_done(&findings)
 *
 * Looks, and changes nothing: no board is touched, no tty opened; only the directory of leases is
 * made where it is not there. Hubs that boards have their power from are asked what they can,
 * flashing programs which version they are. One file and one row (doctor.c) for each group of
 * checks. Only `token` asks the network, and only where there is one. Blocks within the ctx.
 */
#ifndef HIL_DOCTOR_DOCTOR_H
#define HIL_DOCTOR_DOCTOR_H

#include "base/ctx.h"

#include <stddef.h>

enum finding_level {
    FINDING_OK,   /* looked at, and well */
    FINDING_NOTE, /* worth knowing */
    FINDING_WARN, /* will hurt one day */
    FINDING_BAD,  /* runs fail because of it */
};
extern const char *const finding_level_names[]; /* "ok" "note" "warn" "bad" */

struct finding {
    enum finding_level level;
    const char *check; /* "clock" */
    char *what;        /* one line */
    char *mend;        /* a command, or what to do; NULL where nothing is to be done */
};
struct findings {
    struct finding *items;
    size_t count;
};
void findings_done(struct findings *findings); /* zeroed is fine */

struct doctor_request {
    const char *lab;        /* what --lab says; NULL: look in the usual places */
    const char *token_file; /* NULL: GITHUB_TOKEN, if that is set */
    const char *version;    /* of hil */
    const char *root;       /* where /dev, /proc, /run, /sys are; "" on a real host */
};
/* What could not be looked at is a finding, too: there is no error. */
void doctor_examine(const struct doctor_request *request, const struct ctx *ctx,
                    struct findings *ret);

#endif
