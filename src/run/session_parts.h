/* SPDX-License-Identifier: MIT
 *
 * session_parts: what the parts of a session share. One thread.
 */
#ifndef HIL_RUN_SESSION_PARTS_H
#define HIL_RUN_SESSION_PARTS_H

#include "base/outlet.h"
#include "board/inventory.h"
#include "notify/notifier.h"
#include "remote/servers.h"
#include "run/pool.h"
#include "run/remember.h"
#include "run/session.h"

struct session {
    struct session_request *request;
    struct ctx ctx;
    struct guard *guard;
    struct inventory inventory;
    struct testplan *tests;
    struct plan plan;
    struct board **boards; /* that some job may run on */
    size_t board_count;
    struct claims *claims;
    struct memory memory;
    struct notifier *notifier; /* NULL: nobody is told */
    struct events *events;
    struct event_sink *live, *log, *stream;
    struct outlet *outlet; /* of the request's term */
    struct servers servers;
    struct run_result run;
    struct strv released; /* boards that a health check took out of quarantine */
    int lock_fd;          /* of the run directory; -1: not ours yet */
};

void session_warn(struct session *session, const char *text);

/* ---- session_checks.c ------------------------------------------------------------------------ */

int session_load_tests(struct session *session, struct err *err);
/* Images must fit the boards they may land on, and formats must exist. */
int session_check_jobs(const struct session *session, struct err *err);

/* ---- session_store.c ------------------------------------------------------------------------- */

void session_open_store(struct session *session); /* where it cannot be, that is a warning */
void session_estimate(struct session *session);   /* how long the jobs take */
void session_remember(struct session *session);
/* After the verdict is told: what is old is nobody's hurry. */
void session_forget(struct session *session);

/* ---- session_tell.c -------------------------------------------------------------------------- */

/* News must not be in the way of what they are about: what is wrong with them is a warning. */
void session_open_notifier(struct session *session);
/* A run whose report cannot be written is never green. */
void session_report_failed(struct session *session, const struct err *err);
void session_tell(struct session *session);

#endif
