/* SPDX-License-Identifier: MIT
 *
 * services: other services of the lab that run beside the page, each a process of its own.
 *
 *     services_open(&services, program, lab, &ctx)
 *     services_want(&services, "watch", argv)           one of services_table
 *     services_turn(&services)                          starts what is due, takes in what has ended
 *     services_signal(&services, SIGHUP)
 *     services_close(&services)                         ends them, within three seconds
 *
 * One that ends is started again, after a second, then twice that, up to a minute; one that fails
 * for good does so where everybody sees it. Should we be killed, the guardian of the ctx ends them.
 * What they print goes where our output goes. One thread.
 */
#ifndef HIL_SERVE_PAGE_SERVICES_H
#define HIL_SERVE_PAGE_SERVICES_H

#include "base/proc.h"
#include "base/str.h"

struct service_row {
    const char *name; /* the verb, and the option of hil serve */
    const char *what;
};
extern const struct service_row services_table[]; /* ends with name NULL */
#define SERVICES_MAX 4                            /* rows of the table at most */

struct service {
    const struct service_row *row;
    struct strv argv; /* after the program */
    bool wanted;
    bool ended;        /* which nobody was told of yet */
    struct proc *proc; /* NULL: it does not run */
    unsigned failures; /* in a row */
    int exit_code;     /* of its last end; -1: a signal */
    int64_t started_ns, again_ns;
    int64_t since_unix_s;
};

struct services {
    const char *program, *lab;
    const struct ctx *ctx;
    struct service items[SERVICES_MAX + 1]; /* the last has no row */
};
void services_open(struct services *services, const char *program, const char *lab,
                   const struct ctx *ctx);
/* `more` are arguments for it, may be NULL. False: there is no such service. */
bool services_want(struct services *services, const char *name, const struct strv *more);
/* True where one began or ended; *due_ns comes nearer where one waits to be started. */
bool services_turn(struct services *services, int64_t *due_ns);
void services_signal(const struct services *services, int number);
void services_close(struct services *services);

#endif
