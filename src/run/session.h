/* SPDX-License-Identifier: MIT
 *
 * session: one `hil run` from the request to the reports.
 *
 *     lab and plan → checks → run directory → pool → reports, store, summary
 *
 * Starts the guardian, so it must be called before any thread. Prints through the terminal sinks
 * only. Blocks until every job has a result, or two to three seconds after a cancel.
 */
#ifndef HIL_RUN_SESSION_H
#define HIL_RUN_SESSION_H

#include "base/term.h"
#include "board/lease.h"
#include "report/report.h"
#include "run/plan.h"

enum session_health {
    HEALTH_NONE,
    HEALTH_ALL, /* of the chosen boards */
    HEALTH_DUE, /* those whose `every` is over, and those in quarantine */
};

struct session_request {
    const char *version;
    const char *lab_path;             /* NULL: look in the usual places */
    const char *plan_path;            /* hil.yaml; NULL: the images below */
    struct strv images;               /* specs */
    bool no_quarantine;               /* a board that nothing helps is the caller's to set aside */
    bool blame;                       /* ask whose fault a failure is (blame.h) */
    enum session_health health;       /* instead of images and plan: the boards' own */
    struct download_request download; /* images from afar, where download_wanted() */
    struct plan_options plan;         /* its `lab` is filled in here */
    const char *out_dir;
    const char *events_path;      /* every event, as a line of JSON; NULL: nowhere */
    struct report_orders reports; /* besides those of the run directory */
    bool annotations;             /* print failures as GitHub Actions' annotations at the end */
    int confirm_fd;               /* pool.h; 0: nobody is asked */
    bool detach;                  /* detached.h */
    int64_t wait_ms;              /* for a lease; -1: as lab.yaml says */
    int verbosity;                /* -1 quiet */
    struct term term;
    struct holder holder;
    int cancel_fd;
};

/* What a health check finds decides on the board's quarantine. With HEALTH_DUE nothing may be due:
 * a pass, and no run directory. 0: there is a verdict, in *ret. Otherwise nothing was run, and err
 * says why. */
int session_run(struct session_request *request, enum verdict *ret, struct err *err);

#endif
